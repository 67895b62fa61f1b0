"""Runs of the lab whose times are known, and waiting for the queue."""

from __future__ import annotations

import time
from collections.abc import Callable

from explorer.lab.run import Run


def run_of(rows, rounds, **more):
    """A run of these rounds, all of whose nodes were fastest in one and the same."""
    return Run(tuple(rows), tuple(rounds), tuple(map(min, zip(*rounds))), **more)


def fake_run(made, factors, wobble=0.0):
    """A run whose row i takes factors[i] ms, with a drift over the rounds that a ratio does not see."""
    rounds = tuple(
        tuple(f * (1 + 0.3 * turn) * (1 + wobble * ((turn * 7 + i) % 5 - 2)) for i, f in enumerate(factors))
        for turn in range(9)
    )
    rows = tuple(v.row for v in made.variants)
    return Run(rows, rounds, tuple(factors), environment={"processor": "test", "device": "cpu"})


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
