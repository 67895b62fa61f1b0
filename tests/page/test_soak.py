"""A class server for half a minute: visitors edit, upload, start jobs and leave; nothing of theirs stays behind.

`python tests/bench_soak.py` does it for as long as asked for, with the bars of time and memory.
"""

from __future__ import annotations

import pytest
from support.soak import KINDS, running, soak

pytestmark = pytest.mark.slow
VISITORS, SECONDS, PAUSE = 6, 10.0, 0.2


def test_visitors_who_leave_leave_nothing(tmp_path):
    with running(tmp_path) as (address, process):
        found = soak(address, process, VISITORS, SECONDS, PAUSE)
    assert found.failures == []
    assert len(found.visits) == len(KINDS)
    assert found.most_processes > 0, "no job was started"
    assert found.left == []
    assert found.files == []
