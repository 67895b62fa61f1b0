"""Faults of the table in explorer/README.md that no other test plants: a killed worker, a slow reader of a worker."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from support.lab_runs import until

from costmodel.timing import machine_lock
from explorer.jobs import job

README = Path(__file__).resolve().parents[2] / "explorer" / "README.md"
TESTS = Path(__file__).resolve().parents[1]


@dataclass(kw_only=True)
class Talker(job.Job):
    """A job whose worker reports once and then sleeps."""

    title: ClassVar[str] = "a talk"
    worker: ClassVar[tuple[str, ...]] = (
        "-c",
        "import sys, time; sys.stdin.read(); print('{\"share\": 0.5}', flush=True); time.sleep(60)",
    )
    share: float = 0.0
    status = "talking"

    @property
    def progress(self) -> float:
        return self.share

    def read(self, message) -> None:
        self.share = message["share"]

    def end(self) -> None:
        self.problem = f"{self.end_reason}; there is no result"


@pytest.fixture(autouse=True)
def own_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_lock, "path", lambda: tmp_path / "lock")


def test_a_killed_worker_is_said_and_the_machine_is_free():
    killed = Talker()
    killed.start({})
    until(lambda: killed.share)
    os.kill(killed._process.pid, signal.SIGKILL)
    killed.wait()
    assert killed.problem == "it ended by itself; there is no result"
    assert job.current() is None
    again = Talker()
    again.start({})  # nothing of the killed one is in its way
    again.stop()
    again.wait()
    assert again.problem == "stopped; there is no result"


def test_a_slow_reader_delays_nobody():
    """A job's messages are read by its own thread, whether or not a page looks at them."""
    chatty = Talker()
    chatty.worker = ("-c", "import sys; sys.stdin.read()\nfor n in range(20_000): print('{\"share\": %f}' % (n / 2e4))")
    chatty.start({})
    chatty.wait()
    assert chatty.share > 0.99


def test_raw_bytes_behind_a_message_arrive_whole():
    @dataclass(kw_only=True)
    class Raw(Talker):
        got: bytes = b""

        def read(self, message) -> None:
            self.got = message.get("raw", self.got)

    raw = Raw()
    raw.worker = (
        "-c",
        "import sys, json; n = json.loads(sys.stdin.buffer.readline())['n']; data = sys.stdin.buffer.read()\n"
        "print(json.dumps({'raw': len(data) * n}), flush=True); sys.stdout.buffer.write(data * n); sys.stdout.flush()\n"
        "print('{}')",
    )
    content = bytes(range(256)) * 300  # line breaks among them
    raw.start({"n": 3}, content)
    raw.wait()
    assert raw.got == content * 3


def test_the_tests_of_the_table_exist():
    table = README.read_text(encoding="utf-8").partition("### Faults")[2].partition("##")[0]
    named = set(re.findall(r"`(test_\w+\.py)`", table))
    assert named
    assert named <= {path.name for path in TESTS.rglob("test_*.py")}
