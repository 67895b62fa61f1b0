"""Running an experiment on this machine: interleaved rounds by the project's stopwatch, medians and intervals.

In every round each network has its turn, at another place in memory; the order rotates. What drifts or disturbs falls
on all of them, so ratios are formed within a round. An interval is that of the median over the rounds by order
statistics: it assumes nothing about the noise (Conover 1999, "Practical Nonparametric Statistics", section 3.2).
"""

from __future__ import annotations

import copy
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

import archs
from archs import Graph
from explorer.lab import machine
from explorer.lab.errors import LabError
from explorer.lab.experiment import Settings

ROUNDS = 75
FEWEST = 5  # the interval is then from the smallest to the largest: 94 %
PLANS = ((3, 21), (2, 11), (1, FEWEST))
"""(timed calls per turn, the fewest rounds to have them for), the best first.

Many short rounds, since a shared machine changes its speed within tenths of a second: rows that are timed soon after
each other meet the same speed. In the same 20 s, 118 rounds of 3 calls left ±1 % where 11 of 9 left ±10 %.
"""
SECONDS = 35.0  # what a run plans for
DEADLINE = 50.0  # when it ends with the rounds that it has
CONFIDENCE = 0.9
PROFILED = 5  # calls that torch's profiler watches, of networks that it does not hold up
LONG = 100.0  # ms; of a call that takes longer, one has to do
SEEN = 0.08  # share of the time from which an operator is named
WARM_UP = 1  # calls before the first timed one of a turn
HOLE = 2 << 20  # bytes; memory that is held before a turn's own is up to so large


@dataclass(frozen=True)
class Interval:
    """A median and the interval that holds it with at least 90 %."""

    middle: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval as a share of the median."""
        return (self.high - self.low) / 2 / self.middle


@dataclass(frozen=True)
class Run:
    """What was measured, row by row. `rounds[i][j]` is the median time of row j in round i, in ms."""

    rows: tuple[str, ...]
    rounds: tuple[tuple[float, ...], ...]
    kernels: tuple[tuple[str, ...], ...] = ()
    """Per row the operators that torch's profiler saw, those that took longest first."""
    environment: dict[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: bool = False
    """Whether it was stopped, or ran out of time, before all planned rounds were done."""

    @property
    def time_ms(self) -> tuple[Interval, ...]:
        return tuple(median_interval([turn[row] for turn in self.rounds]) for row in range(len(self.rows)))

    @property
    def ratio(self) -> tuple[Interval, ...]:
        """Time over the first row's, formed within each round."""
        return tuple(median_interval([turn[row] / turn[0] for turn in self.rounds]) for row in range(len(self.rows)))


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median of independent values, and the narrowest pair of order statistics that holds the true one.

    With fewer than five values no pair reaches 90 %; it is then the smallest and the largest.

    >>> median_interval([3, 1, 2, 5, 4])
    Interval(middle=3, low=1, high=5)
    """
    ordered = sorted(values)
    n = len(ordered)
    outside, cut = 0.0, 0  # probability that the true median lies below the smallest `cut` values
    while cut < (n - 1) // 2:
        outside += comb(n, cut) / 2**n
        if 1 - 2 * (outside + comb(n, cut + 1) / 2**n) < confidence:
            break
        cut += 1
    return Interval(statistics.median(ordered), ordered[cut], ordered[-1 - cut])


def run(
    networks: Sequence[tuple[str, Graph]],
    settings: Settings,
    progress: Callable[[int, int, tuple[float, ...]], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    seconds: float = SECONDS,
) -> Run:
    """Time networks of one machine against each other. `progress(done, planned, round)` follows every round.

    `stop` is asked between turns; what is done by then is kept. Raises LabError where five rounds do not fit into a
    minute, or the run was stopped before it had them; CostError for a device that is not there.
    """
    from costmodel.measure import Stopwatch, quiet

    started = time.perf_counter()
    modules = [archs.to_module(graph) for _, graph in networks]
    shapes = [(settings.batch, *graph.input) for _, graph in networks]
    turns: list[tuple[float, ...]] = []
    with Stopwatch(settings.device, settings.threads, settings.layout).running() as watch:
        estimate_ms = []
        for module, shape in zip(modules, shapes):
            call = watch.caller(module, shape)
            call()
            estimate_ms.append(watch.once(call) / 1e3)
            planned, calls = plan(estimate_ms, seconds)  # what cannot fit is refused before all rows were tried
        while len(turns) < planned:
            turn = [0.0] * len(networks)
            for step in range(len(networks)):
                if stop() or time.perf_counter() - started > DEADLINE:
                    break
                row = (step + len(turns)) % len(networks)
                held = elsewhere()
                call = watch.caller(copy.deepcopy(modules[row]), shapes[row])
                for _ in range(WARM_UP):
                    call()
                turn[row] = quiet([watch.once(call) for _ in range(calls)]) / 1e3
                del held
            if not all(turn):
                break
            turns.append(tuple(turn))
            if progress:
                progress(len(turns), planned, turns[-1])
        if len(turns) < FEWEST:
            raise LabError(f"stopped after {len(turns)} of {planned} rounds; {FEWEST} are needed for an interval")
        profiled = 1 if max(estimate_ms) > LONG else PROFILED
        kernels = tuple(_kernels(watch, module, shape, profiled) for module, shape in zip(modules, shapes))
        environment = watch.environment().as_dict() | machine.facts(watch, shapes[0])
    return Run(
        rows=tuple(row for row, _ in networks),
        rounds=tuple(turns),
        kernels=kernels,
        environment=environment,
        seconds=time.perf_counter() - started,
        stopped=len(turns) < planned,
    )


def elsewhere() -> list[object]:
    """Memory to hold for a turn, so that its tensors do not lie where those of the turns before did.

    Freed memory is handed out again: of 20 turns 9 to 15 had places of their own without this, 20 have with it. What
    caches make of a place moved ratios by 3 to 7 % between two processes without showing in the interval of either.
    """
    import torch

    held = [torch.empty(random.randrange(HOLE), dtype=torch.uint8) for _ in range(3)]
    del held[1]  # a hole
    return held


def plan(estimate_ms: Sequence[float], seconds: float = SECONDS) -> tuple[int, int]:
    """(rounds, timed calls per turn) that fit. Raises LabError where the fewest do not."""
    per_call = sum(estimate_ms) / 1e3
    for calls, enough in PLANS:
        rounds = int(seconds / ((WARM_UP + calls) * per_call))
        if rounds >= enough:
            return min(rounds, ROUNDS), calls
    raise LabError(
        f"one call of each takes {per_call:.2g} s or more, so {FEWEST} rounds would take over {seconds:g} s: "
        "take fewer channels, a smaller resolution, a smaller batch or more threads"
    )


def _kernels(watch, module, shape: Sequence[int], calls: int) -> tuple[str, ...]:
    """The operators of a call by torch's profiler, those with most time of their own first: `addmm ×10, 93%`."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or each start and stop is a line on standard error
    from torch.profiler import ProfilerActivity, profile

    call = watch.caller(module, shape)
    call()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(calls):  # in one call alone, an interruption looks like a slow operator
            call()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events) or 1
    named = [event for event in events if event.self_cpu_time_total > SEEN * total]
    return tuple(
        f"{event.key.removeprefix('aten::')} ×{event.count // calls}, {event.self_cpu_time_total / total:.0%}"
        for event in named
    )
