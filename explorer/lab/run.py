"""Running an experiment on this machine: every row's nodes timed in place, in short visits that take turns.

On a shared machine hardly a whole call is undisturbed, but every node is in one run or another, as in a calibration
(`costmodel.timing.session` has more on it). A visit is a few runs of one row, node by node, at another place in
memory; the
rows take turns. A node's time is the mean of its two fastest runs, a row's the sum over its nodes. Nothing waits for a
quiet machine, so a run takes as long as it was given.

What that leaves open is told from the same runs, in ten rounds, one after the other. Each gives ratios of its own, from
a tenth of the runs. They scatter: by chance, and because neighbours come and go. Their mean lies off the ratio of all
runs as far as ten times as many runs still changed it, and more would change it further. The interval holds both, with
the 90 % interval of the rounds' mean around each, and in that what sessions differ by, `SESSION`.

Measured on a machine that neighbours disturbed for two thirds of the time, G1-G3 in three processes within a quarter of
an hour, 28 s for each: how far apart the ratios are (RMS between processes), half the interval (median, without
`SESSION`), in how many of 30 pairs the intervals overlap. In the ARM column's networks nodes take 0.1 to 0.6 ms, in the
GPU column's 1.2 to 2 ms: a quiet moment hardly lasts for one of those, and sessions differ.

    ======================================================  ====================  ====================
    estimate and interval                                   ARM column            GPU column
    ======================================================  ====================  ====================
    whole calls, the median of the rounds' ratios           2.0 %, 1.7 %, 22      3.2 %, 4.2 %, 30
    two fastest of each node, the mean of the rounds        1.8 %, 1.6 %, 22      2.8 %, 3.4 %, 26
    … of all runs, a jackknife over tenths of them          0.8 %, 0.9 %, 29      3.6 %, 2.7 %, 23
    … of all runs, the rounds' interval around it           0.8 %, 1.6 %, 30      3.6 %, 3.4 %, 23
    … of all runs, and the rounds' interval and mean        0.8 %, 1.9 %, 30      3.6 %, 4.5 %, 30
    ======================================================  ====================  ====================

Equal layers of a network taken together repeat no better. With five rounds 59 of the 60 overlap, with fifteen all.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from archs import Graph
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch, fastest
from explorer.lab import machine
from explorer.lab.errors import LabError
from explorer.lab.experiment import Settings

ROUNDS = 10
FEWEST = 5
VISITS = 50  # of a row, per round: small networks need no more
PLANS = ((5, ROUNDS), (3, ROUNDS), (2, FEWEST))
"""(runs per visit, rounds), the best first: those that one visit of each row per round leaves time for."""
SECONDS = 40.0  # what a run plans for
DEADLINE = 50.0  # when it ends with the rounds that it has
CONFIDENCE = 0.9
SESSION = 0.0064
"""By how much a run's ratios are off beyond what its rounds tell, as a standard deviation of logarithms.

Of the ARM column's 13 comparisons in two sessions 25 minutes apart: half the mean square of the differences, less the
rounds' own. In the GPU column, where sessions differ more (2.9 %), it was not taken: its intervals are wide already.
"""
PROFILED = 5  # calls that torch's profiler watches, of networks that it does not hold up
LONG = 100.0  # ms; of a call that takes longer, one has to do
SEEN = 0.08  # share of the time from which an operator is named
HOLE = 2 << 20  # bytes; memory that is held before a visit's own is up to so large

Progress = Callable[[int, int, tuple[float, ...], tuple[float, ...]], None]
"""Called after every round with the rounds done, those planned, the round, and `Run.least` so far."""


@dataclass(frozen=True)
class Interval:
    """A value and the interval that holds the true one with 90 %."""

    middle: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval as a share of the middle."""
        return (self.high - self.low) / 2 / self.middle


@dataclass(frozen=True)
class Run:
    """What was measured, row by row, in ms."""

    rows: tuple[str, ...]
    rounds: tuple[tuple[float, ...], ...]
    """`rounds[i][j]` is the time of row j from the runs of round i alone."""
    least: tuple[float, ...]
    """The time of each row from the runs of all rounds."""
    kernels: tuple[tuple[str, ...], ...] = ()
    """Per row the operators that torch's profiler saw, those that took longest first."""
    environment: dict[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: bool = False
    """Whether it was stopped, or ran out of time, before all planned rounds were done."""

    @property
    def time_ms(self) -> tuple[Interval, ...]:
        return tuple(interval(time, [turn[row] for turn in self.rounds]) for row, time in enumerate(self.least))

    @property
    def ratio(self) -> tuple[Interval, ...]:
        """Time over the first row's, those of the rounds formed within each round."""
        others = [
            interval(time / self.least[0], [turn[row] / turn[0] for turn in self.rounds])
            for row, time in enumerate(self.least)
            if row
        ]
        return (Interval(1.0, 1.0, 1.0), *others)


def interval(value: float, rounds: Sequence[float]) -> Interval:
    """What all runs gave, with the interval that the rounds leave; formed from logarithms, as all are ratios or times.

    >>> interval(2.0, [2.0, 2.1, 2.2, 2.1, 2.1])  # doctest: +ELLIPSIS
    Interval(middle=2.0, low=1.933..., high=2.171...)
    """
    from scipy.special import stdtrit

    logs = [math.log(each) for each in rounds]
    mean, n = statistics.fmean(logs), len(logs)
    t, normal = stdtrit(n - 1, (1 + CONFIDENCE) / 2), statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    reach = math.hypot(t * statistics.stdev(logs, mean) / n**0.5, normal * SESSION)
    low, high = sorted((math.log(value), mean))
    return Interval(value, math.exp(low - reach), math.exp(high + reach))


def run(
    networks: Sequence[tuple[str, Graph]],
    settings: Settings,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    seconds: float = SECONDS,
) -> Run:
    """Time networks of one machine against each other.

    `stop` is asked between visits; the rounds that are done by then are kept. Raises LabError where five rounds do not
    fit into a minute, or the run was stopped before it had them; CostError for a device that is not there.
    """
    started = time.perf_counter()
    turns: list[tuple[float, ...]] = []
    with Stopwatch(settings.device, settings.threads, settings.layout).running() as watch:
        rows = []
        for _, graph in networks:
            rows.append(Row(InPlace(graph, watch, settings.batch)))
            runs, planned = plan([row.estimate_ms for row in rows], seconds)  # refused before all rows were tried
        begun = time.perf_counter()
        while len(turns) < planned:
            end = begun + (len(turns) + 1) / planned * seconds
            if not _round(rows, len(turns), runs, end, lambda: stop() or time.perf_counter() > started + DEADLINE):
                break
            turns.append(tuple([row.end_round() for row in rows]))
            if progress:
                progress(len(turns), planned, turns[-1], tuple([row.least_ms for row in rows]))
        if len(turns) < FEWEST:
            raise LabError(f"stopped after {len(turns)} of {planned} rounds; {FEWEST} are needed for an interval")
        profiled = 1 if max(row.estimate_ms for row in rows) > LONG else PROFILED
        kernels = tuple([_kernels(row.network.call, profiled) for row in rows])
        environment = watch.environment().as_dict() | machine.facts(watch, tuple(rows[0].network.x.shape))
    return Run(
        rows=tuple([row for row, _ in networks]),
        rounds=tuple(turns),
        least=tuple([row.least_ms for row in rows]),
        kernels=kernels,
        environment=environment,
        seconds=time.perf_counter() - started,
        stopped=len(turns) < planned,
    )


def _round(rows: Sequence[Row], number: int, runs: int, end: float, over: Callable[[], bool]) -> bool:
    """Visit every row until the time is `end`, once at least; False where it was `over` before that."""
    for visit in range(VISITS):
        for step in range(len(rows)):
            if over():
                return False
            rows[(step + visit + number) % len(rows)].visit(runs)
        if time.perf_counter() > end:
            break
    return True


class Row:
    """One network, its runs in this round, and the fastest of those before."""

    def __init__(self, network: InPlace):
        self.network = network
        self._nodes = network.watch.device.type == "cpu"
        self._runs: list[list[float]] = []  # of this round, each as microseconds of its nodes
        self._fastest: list[list[float]] = []  # two of each node
        self._once()
        self.estimate_ms = sum(self._once()) / 1e3

    def _once(self) -> list[float]:
        """Elsewhere than on a CPU clocks cost more and there are no neighbours: the network is one node."""
        return self.network.nodes_us() if self._nodes else [self.network.watch.span(self.network.call)]

    def visit(self, runs: int) -> None:
        held = elsewhere()
        self.network.move()
        self._runs += [self._once() for _ in range(runs)]
        del held

    def end_round(self) -> float:
        """The time by the runs of this round, in ms."""
        mine = [sorted(times)[:2] for times in zip(*self._runs)]
        before = self._fastest or [[] for _ in mine]
        self._fastest = [sorted(times + new)[:2] for times, new in zip(before, mine)]
        self._runs = []
        return _sum_ms(mine)

    @property
    def least_ms(self) -> float:
        return _sum_ms(self._fastest)


def _sum_ms(nodes: Sequence[Sequence[float]]) -> float:
    return sum(map(fastest, nodes)) / 1e3


def elsewhere() -> list[object]:
    """Memory to hold for a visit, so that its tensors do not lie where those of the visits before did.

    Freed memory is handed out again: of 20 visits 9 to 15 had places of their own without this, 20 have with it. What
    caches make of a place moved ratios by 3 to 7 % between two processes without showing in the interval of either.
    """
    import torch

    held = [torch.empty(random.randrange(HOLE), dtype=torch.uint8) for _ in range(3)]
    del held[1]  # a hole
    return held


def plan(estimate_ms: Sequence[float], seconds: float = SECONDS) -> tuple[int, int]:
    """(runs per visit, rounds) that fit. Raises LabError where the fewest do not."""
    per_run = sum(estimate_ms) / 1e3
    for runs, rounds in PLANS:
        if rounds * runs * per_run <= seconds:
            return runs, rounds
    raise LabError(
        f"one call of each takes {per_run:.2g} s or more, so {FEWEST} rounds would take over {seconds:g} s: "
        "take fewer channels, a smaller resolution, a smaller batch or more threads"
    )


def _kernels(call: Callable[[], object], calls: int) -> tuple[str, ...]:
    """The operators of a call by torch's profiler, those with most time of their own first: `addmm ×10, 93%`."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or each start and stop is a line on standard error
    from torch.profiler import ProfilerActivity, profile

    call()
    least: dict[str, float] = {}
    for _ in range(calls):  # an interruption looks like a slow operator, but hardly the same in each of them
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            call()
        events = {event.key: event for event in profiler.key_averages()}
        least = {key: min(event.self_cpu_time_total, least.get(key, math.inf)) for key, event in events.items()}
    total = sum(least.values()) or 1
    named = [key for key in sorted(least, key=least.get, reverse=True) if least[key] > SEEN * total]
    return tuple(f"{key.removeprefix('aten::')} ×{events[key].count}, {least[key] / total:.0%}" for key in named)


def to_json(run: Run) -> dict[str, object]:
    return asdict(run)


def from_json(data: dict) -> Run:
    return Run(
        rows=tuple(data["rows"]),
        rounds=tuple(tuple(turn) for turn in data["rounds"]),
        least=tuple(data["least"]),
        kernels=tuple(tuple(names) for names in data["kernels"]),
        environment=data["environment"],
        seconds=data["seconds"],
        stopped=data["stopped"],
    )
