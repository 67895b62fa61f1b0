"""Short pauses of garbage collection: survivors of a full collection move to the permanent generation.

A full collection traverses every object of the server while no thread runs: a second in a class of forty, every 17
seconds. Permanent objects are still freed once nothing refers to them; cycles among them wait for a collection that
traverses these as well. `tests/bench_soak.py` measures it.
"""

from __future__ import annotations

import gc
from time import monotonic
from typing import Any

COMPLETE_SECONDS = 600.0
"""Seconds until a full collection traverses the permanent generation too."""
FULL = 2  # the oldest generation

_last_complete = 0.0


def begin() -> None:
    """Keep pauses short from now on. Takes a full collection itself."""
    if _around not in gc.callbacks:
        gc.callbacks.append(_around)
    gc.collect()


def _around(phase: str, info: dict[str, Any]) -> None:
    """Called by the interpreter before and after each collection."""
    global _last_complete
    if info["generation"] < FULL:
        return
    if phase == "stop":
        gc.freeze()
    elif monotonic() - _last_complete > COMPLETE_SECONDS:
        gc.unfreeze()
        _last_complete = monotonic()
