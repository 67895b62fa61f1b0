"""Time the networks of an experiment against each other on this machine.

Start at `run`. The protocol and the comparison of estimators are in `README.md`. No comparison with the paper here.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from archs import Graph
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch, fastest
from explorer.data.metrics import percent
from explorer.errors import LabError
from explorer.lab import machine
from explorer.lab.experiment import Settings

if TYPE_CHECKING:
    import torch

ROUNDS = 10
MIN_ROUNDS = 5
VISITS = 50  # of a row per round; more do not help small networks
PLANS = ((5, ROUNDS), (3, ROUNDS), (2, MIN_ROUNDS))
"""(runs per visit, rounds), best first. The first for which one visit of each row per round fits is taken."""
SECONDS = 12.0  # the default duration of the rounds
LONGEST = 40.0  # duration of the least plan, for networks that need more than SECONDS for it
DEADLINE = 50.0  # a run ends here with the rounds that are complete
CONFIDENCE = 0.9
SESSION = 0.0064
"""Standard deviation between sessions of the logarithm of a ratio, beyond the variation between rounds.

Estimated from the 13 comparisons of the ARM column in two sessions 25 minutes apart: half the mean squared difference
minus the variance within the sessions. In the GPU column sessions differ by 2.9 %, but its intervals cover that.
"""
PROFILED = 2  # calls under torch's profiler
LONG = 100.0  # ms; a network that takes longer is profiled in one call
MIN_SHARE = 0.08  # of the time; operators below it are not listed
MAX_OFFSET = 2 << 20  # bytes; largest block allocated before a visit

Progress = Callable[[int, int, tuple[float, ...], tuple[float, ...]], None]
"""Called after every round: rounds done, rounds planned, the times of the round, `Run.least` so far."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 90 % confidence interval."""

    middle: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the width of the interval relative to the estimate."""
        return (self.high - self.low) / 2 / self.middle


@dataclass(frozen=True)
class Run:
    """The measured times of every row in ms."""

    rows: tuple[str, ...]
    rounds: tuple[tuple[float, ...], ...]
    """`rounds[i][j]` is the time of row j from the runs of round i alone."""
    least: tuple[float, ...]
    """The time of each row from the runs of all rounds."""
    kernels: tuple[tuple[str, ...], ...] = ()
    """Per row the operators in torch's profile, longest first."""
    environment: dict[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: bool = False
    """Whether the run ended before all planned rounds were complete."""

    @property
    def time_ms(self) -> tuple[Interval, ...]:
        return tuple(interval(time, [turn[row] for turn in self.rounds]) for row, time in enumerate(self.least))

    @property
    def ratio(self) -> tuple[Interval, ...]:
        """Time relative to the first row. The ratios of the rounds are formed within each round."""
        others = [
            interval(time / self.least[0], [turn[row] / turn[0] for turn in self.rounds])
            for row, time in enumerate(self.least)
            if row
        ]
        return (Interval(1.0, 1.0, 1.0), *others)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Run:
        return cls(
            rows=tuple(data["rows"]),
            rounds=tuple(tuple(turn) for turn in data["rounds"]),
            least=tuple(data["least"]),
            kernels=tuple(tuple(names) for names in data["kernels"]),
            environment=data["environment"],
            seconds=data["seconds"],
            stopped=data["stopped"],
        )


def interval(value: float, rounds: Sequence[float]) -> Interval:
    """The estimate of all runs with the interval from the rounds, computed on logarithms.

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
    """Time networks against each other.

    `stop` is polled between visits; complete rounds are kept. Raises LabError if five rounds take over LONGEST
    or the run is stopped before five rounds; CostError for a device that is not present.
    """
    started = time.perf_counter()
    turns: list[tuple[float, ...]] = []
    with Stopwatch(settings.device, settings.threads, settings.layout).running() as watch:
        rows = []
        for _, graph in networks:
            rows.append(TimedRow(InPlace(graph, watch, settings.batch)))
            runs, planned = plan([row.estimate_ms for row in rows], seconds)  # refuses before all rows are tried
        begun = time.perf_counter()
        while len(turns) < planned:
            end = begun + (len(turns) + 1) / planned * seconds
            if not _round(rows, len(turns), runs, end, lambda: stop() or time.perf_counter() > started + DEADLINE):
                break
            turns.append(tuple([row.end_round() for row in rows]))
            if progress:
                progress(len(turns), planned, turns[-1], tuple([row.least_ms for row in rows]))
        if len(turns) < MIN_ROUNDS:
            raise LabError(f"stopped after {len(turns)} of {planned} rounds; {MIN_ROUNDS} are needed for an interval")
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


def _round(rows: Sequence[TimedRow], number: int, runs: int, end: float, over: Callable[[], bool]) -> bool:
    """Visit every row at least once and until the time `end`; False if `over` became true before that."""
    for visit in range(VISITS):
        for step in range(len(rows)):
            if over():
                return False
            rows[(step + visit + number) % len(rows)].visit(runs)
        if time.perf_counter() > end:
            break
    return True


class TimedRow:
    """One network, its runs in the current round, and the fastest runs of the rounds before."""

    def __init__(self, network: InPlace):
        self.network = network
        self._per_node = network.watch.device.type == "cpu"
        self._runs: list[list[float]] = []  # of this round: microseconds per node
        self._fastest: list[list[float]] = []  # two per node
        self._run_once()
        self.estimate_ms = sum(self._run_once()) / 1e3

    def _run_once(self) -> list[float]:
        """Microseconds per node on a CPU, else of the whole network: clocks of other devices cost more."""
        return self.network.nodes_us() if self._per_node else [self.network.watch.span(self.network.call)]

    def visit(self, runs: int) -> None:
        blocks = displace_allocations()
        self.network.move()
        self._runs += [self._run_once() for _ in range(runs)]
        del blocks

    def end_round(self) -> float:
        """Close the round and return its time in ms."""
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


def displace_allocations() -> list[torch.Tensor]:
    """Blocks to keep allocated during a visit, so that its tensors have new addresses.

    The allocator reuses freed memory: without this, 9 to 15 of 20 visits had distinct addresses; with it, all 20.
    Cache effects of an address changed ratios by 3 to 7 % between processes, outside both intervals.
    """
    import torch

    blocks = [torch.empty(random.randrange(MAX_OFFSET), dtype=torch.uint8) for _ in range(3)]
    del blocks[1]  # a hole
    return blocks


def plan(estimate_ms: Sequence[float], seconds: float = SECONDS) -> tuple[int, int]:
    """(runs per visit, rounds) that fit into `seconds`. Raises LabError if none does.

    The last plan may take LONGEST, unless `seconds` is shorter than the default: then it is a limit.
    """
    per_run = sum(estimate_ms) / 1e3
    for runs, rounds in PLANS:
        last = (runs, rounds) == PLANS[-1] and seconds >= SECONDS
        allowed = max(seconds, LONGEST) if last else seconds
        if rounds * runs * per_run <= allowed:
            return runs, rounds
    raise LabError(
        f"one call of each takes {per_run:.2g} s or more, so {MIN_ROUNDS} rounds would take over {allowed:g} s: "
        "take fewer channels, a smaller resolution, a smaller batch or more threads"
    )


def _kernels(call: Callable[[], object], calls: int) -> tuple[str, ...]:
    """The operators of a call in torch's profile by self time, longest first: `addmm ×10, 93%`."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # otherwise every start and stop prints a line on standard error
    from torch.profiler import ProfilerActivity, profile

    call()
    least: dict[str, float] = {}
    for _ in range(calls):  # the minimum over calls removes interruptions
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            call()
        events = {event.key: event for event in profiler.key_averages()}
        least = {key: min(event.self_cpu_time_total, least.get(key, math.inf)) for key, event in events.items()}
    total = sum(least.values()) or 1
    named = [key for key in sorted(least, key=lambda key: least[key], reverse=True) if least[key] > MIN_SHARE * total]
    return tuple(f"{key.removeprefix('aten::')} ×{events[key].count}, {percent(least[key] / total)}" for key in named)
