"""Collections of garbage that hold nobody up: what one has looked through is set aside for the next ones.

A full collection looks through every object of the server while no thread runs, a second in a class of forty, every 17
seconds. Objects that are set aside are still freed once nothing refers to them; cycles among them wait for a collection
that looks through everything. `tests/bench_soak.py` measures it.
"""

from __future__ import annotations

import gc
from time import monotonic
from typing import Any

EVERYTHING = 600.0
"""Seconds until a collection looks through everything again."""
FULL = 2  # the oldest generation

_looked = 0.0  # when everything was looked through


def set_aside() -> None:
    """From now on, each full collection sets aside what it leaves. Takes a full collection itself."""
    if _around not in gc.callbacks:
        gc.callbacks.append(_around)
    gc.collect()


def _around(phase: str, info: dict[str, Any]) -> None:
    """Before and after a collection."""
    global _looked
    if info["generation"] < FULL:
        return
    if phase == "stop":
        gc.freeze()
    elif monotonic() - _looked > EVERYTHING:
        gc.unfreeze()
        _looked = monotonic()
