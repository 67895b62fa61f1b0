"""Raw timings: networks and their nodes, measured in place, again and again. What profiles are fitted from.

On a shared machine hardly a call of 30 ms is undisturbed from start to end, but every node of it is in one run or
another. So a network is visited up to a dozen times, at moments that lie seconds apart, for a few runs each time, until
its nodes are known: until the fastest runs of each node in two visits agree within 5 %, for nodes that make 90 % of its
time. What is noted is the mean of a node's two fastest runs, and for the network the sum of them: the clock is read
once between two nodes, so that nothing falls between them. All networks of a session are in memory together, as far as
it goes, and are visited in rounds of random order: a slow minute of the machine falls on one visit of each, and not on
all visits of some. (Taken 60 at a time, for 37 s each, one such chunk was 12 % faster and another 20 % slower than the
rest.) Where memory is short there are several chunks: records say which was theirs, so that it can be divided out
(`costmodel.drift`).

Measured on a machine that neighbours disturbed for two thirds of the time, 16 networks in four processes, 3 s for each
network and process, RMS between processes in percent:

    ====================================================  =============  =====  ==========
    runs of each                                           nodes > 20 µs   sums  whole calls
    ====================================================  =============  =====  ==========
    12 that waited for a quiet moment, the fastest third            13.1    8.9         9.0
    64 that did not wait, the fastest third of each node            10.3    8.0         8.7
    64 that did not wait, the two fastest of each node               3.8    1.9         3.7
    ====================================================  =============  =====  ==========

A whole call takes as long as the sum, 1.006 times in the median there, and up to 1.05 from fewer calls, when none of
them is undisturbed. Dividing each visit by how slow other networks were at the same moment, or memory in huge pages,
repeats no better.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import inf, log
from pathlib import Path
from random import Random
from statistics import fmean
from typing import NamedTuple

import numpy as np

from costmodel.drift import ALL, Slowness
from costmodel.errors import CostError
from costmodel.features import features
from costmodel.foreign import Recipe, read_recipe, recipe_dict
from costmodel.inplace import InPlace
from costmodel.measure import NOISY, Stopwatch, fastest
from costmodel.profile import Regime

MEMORY = 4e9  # bytes that networks take at a time
MODULES = 4e6  # bytes of a network beside its weights
REFERENCES = 4  # every so many networks comes a reference, as long as there are any
PILOT = 12  # networks that tell how many there is time for
RUNS = 4  # per visit, node by node; the first of them also brings the network back into the caches
WHOLE = 2  # calls of the whole network per visit, where it is asked for
VISITS = 12  # of one network at most
AGREE = 0.05  # so near must a node's fastest runs of two visits be
SETTLED = 0.9  # share of a network's time that must be in such nodes
LEAST = 2  # of one network, even where time is over
PROBES = 3  # per round

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done."""


def part(progress: Progress | None, low: float, high: float) -> Progress | None:
    """The progress of a step that goes from `low` to `high` of the whole."""
    if progress is None:
        return None
    return lambda share, what: progress(low + (high - low) * min(1.0, share), what)


class Cancelled(CostError):
    """The user stopped it; nothing was written."""


@dataclass(frozen=True)
class Record:
    """One network, timed; microseconds of undisturbed runs."""

    spec: Recipe
    network_us: float
    """The sum of its nodes on a CPU, a whole call elsewhere, where clocks cost more and there are no neighbours."""
    nodes_us: tuple[float, ...]
    spread: float
    """IQR / median of all of its runs."""
    calls: int
    """Runs node by node."""
    whole_us: float | None = None
    """A whole call, without clocks in it, where that was asked for."""
    chunk: int = 0
    """Which of the session's: the networks that were timed side by side have one number."""
    doubt: float = 0.0
    """Half of what two halves of its visits differ by, as a logarithm: about what all of them leave open."""

    def kinds(self, regime: Regime) -> tuple[str, ...]:
        """The kind of each node."""
        return _kinds(self.spec, regime)

    def evened(self, regime: Regime, slow: Slowness) -> Record:
        """The same as it would have been on a machine that is not `slow`."""
        nodes = [time_us / slow.get(kind, slow[ALL]) for kind, time_us in zip(self.kinds(regime), self.nodes_us)]
        return replace(
            self,
            network_us=round(self.network_us * sum(nodes) / sum(self.nodes_us), 1),
            nodes_us=tuple([round(time_us, 2) for time_us in nodes]),
        )


def _kinds(spec: Recipe, regime: Regime) -> tuple[str, ...]:
    return features(regime.graph(spec), regime.batch).kinds


def merged(a: Record, b: Record) -> Record:
    """One network as two sessions had it."""
    nodes = tuple([(x + y) / 2 for x, y in zip(a.nodes_us, b.nodes_us)])
    spread, calls = max(a.spread, b.spread), a.calls + b.calls
    return Record(a.spec, (a.network_us + b.network_us) / 2, nodes, spread, calls)


class Session(NamedTuple):
    """What was timed, at one speed of the machine: that at which the probe takes `probe_us`."""

    records: tuple[Record, ...]
    references: tuple[Record, ...]
    probe_us: float


def time_networks(
    watch: Stopwatch,
    regime: Regime,
    specs: Iterable[Recipe],
    references: Sequence[Recipe] = (),
    seconds: float = inf,
    visits: int = VISITS,
    whole: bool = False,
    memory: float = MEMORY,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    seed: int = 0,
) -> Session:
    """Time as many networks as `seconds` are enough for, and all `references`.

    `specs` without an end need `seconds`. Each is visited up to `visits` times. `whole`: also time whole calls.
    `memory`: bytes that networks may take; what does not fit is timed after the rest, as another chunk. Raises
    Cancelled once `cancel()` is true.
    """
    start, rng = time.perf_counter(), Random(seed)
    planned = len(specs) + len(references) if isinstance(specs, Sequence) else inf
    specs, waiting = iter(specs), list(references)
    done: list[_Timed] = []
    probes: list[float] = []

    def passed() -> float:
        return time.perf_counter() - start

    def checked() -> None:
        if cancel and cancel():
            raise Cancelled("cancelled; no profile was written")
        if progress:
            begun = sum(one.visits / visits for one in some)
            share = passed() / seconds if seconds < inf else (len(done) + begun) / planned
            progress(share, f"timing {len(done) + len(some)} networks")

    def asks(one: _Timed) -> bool:
        """For another visit."""
        return one.visits < LEAST or (one.visits < visits and not one.settled and passed() < seconds)

    def settle(networks: list[_Timed]) -> None:
        """Visit them in rounds until they are known or time is over."""
        while unsettled := [one for one in networks if asks(one)]:
            for one in rng.sample(unsettled, len(unsettled)):
                checked()
                if one.visits < LEAST or passed() < seconds:
                    one.visit()
            probes.extend([watch.probe() for _ in range(PROBES)])

    for number in count():
        some: list[_Timed] = []
        taken = asked = 0.0  # bytes in memory, and the seconds that further visits will take
        expected = visits - 1
        while taken < memory:
            room = seconds == inf or (not done and len(some) < PILOT) or passed() + asked < seconds
            spec = next(specs, None) if room and not (waiting and len(some) % REFERENCES == 0) else None
            reference = spec is None and bool(waiting)
            if reference:
                spec = waiting.pop(0)
            if spec is None:
                break
            checked()
            one = _Timed(spec, InPlace(regime.graph(spec), watch, regime.batch), reference, whole)
            before = passed()
            one.visit()
            some.append(one)
            taken += one.bytes
            asked += expected * (passed() - before)
            if len(some) == PILOT and seconds < inf:  # a quiet machine needs fewer visits: more networks
                settle(some)
                expected = fmean(one.visits for one in some) - 1
                asked = 0.0
        if not some:
            break
        settle(some)
        for one in some:
            one.close(number)
        done += some
    found = [tuple([one.record() for one in done if one.reference is kind]) for kind in (False, True)]
    return Session(*found, fastest(probes))


class _Timed:
    """One network and the runs of it so far."""

    def __init__(self, spec: Recipe, network: InPlace, reference: bool = False, whole: bool = False):
        self.spec, self.reference, self.chunk = spec, reference, 0
        self._network: InPlace | None = network
        self._on_cpu = network.watch.device.type == "cpu"
        self._calls = WHOLE if whole or not self._on_cpu else 0  # whole ones, per visit
        self.whole: list[float] = []
        self.nodes: list[list[float]] = []

    @property
    def bytes(self) -> float:
        """What it takes in memory: its weights, and the modules themselves."""
        return MODULES + sum(p.numel() * p.element_size() for p in self._network.module.parameters())

    def visit(self) -> None:
        network = self._network
        self.nodes += [network.nodes_us() for _ in range(RUNS)]
        self.whole += [network.watch.span(network.call) for _ in range(self._calls)]

    def close(self, chunk: int) -> None:
        """Free its memory, which others need."""
        self._network, self.chunk = None, chunk

    @property
    def visits(self) -> int:
        return len(self.nodes) // RUNS

    @property
    def settled(self) -> bool:
        visits = np.array(self.nodes).reshape(-1, RUNS, len(self.nodes[0]))
        if len(visits) < 2:
            return False
        first, second = np.sort(visits.min(axis=1), axis=0)[:2]
        return first[second <= (1 + AGREE) * first].sum() >= SETTLED * first.sum()

    def record(self) -> Record:
        low, middle, high = statistics.quantiles([sum(run) for run in self.nodes], n=4)
        nodes = tuple([round(fastest(times), 2) for times in zip(*self.nodes)])
        whole = round(fastest(self.whole), 1) if self.whole else None
        network = whole if whole and not self._on_cpu else round(sum(nodes), 1)
        spread, doubt = round((high - low) / middle, 4), round(self._doubt(), 4)
        return Record(self.spec, network, nodes, spread, len(self.nodes), whole, self.chunk, doubt)

    def _doubt(self) -> float:
        visits = np.array(self.nodes[: self.visits * RUNS]).reshape(self.visits, RUNS, -1)
        halves = [sum(map(fastest, half.reshape(-1, half.shape[-1]).T)) for half in (visits[::2], visits[1::2])]
        return abs(log(halves[0] / halves[1])) / 2


def noisy_share(records: Sequence[Record]) -> float:
    """The share of networks whose rounds were spread over more than 10 %."""
    return sum(record.spread > NOISY for record in records) / len(records)


def write_raw(records: Sequence[Record], regime: Regime, path: Path) -> None:
    """One JSON line per network, after a line that says what for."""
    lines = [json.dumps({"format": "costmodel.timings/1", **regime.model_dump()})]
    for r in records:
        lines.append(
            json.dumps(
                {
                    "network_us": r.network_us,
                    "spread": r.spread,
                    "calls": r.calls,
                    "nodes_us": r.nodes_us,
                    "whole_us": r.whole_us,
                    "chunk": r.chunk,
                    "doubt": r.doubt,
                    "spec": recipe_dict(r.spec),
                },
                separators=(",", ":"),
            )
        )
    path.write_text("\n".join(lines) + "\n")


def read_raw(path: Path) -> tuple[Regime, list[Record]]:
    """What `write_raw` wrote. Raises CostError for another file."""
    try:
        head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
        if head.pop("format") != "costmodel.timings/1":
            raise KeyError("format")
        records = [
            Record(
                read_recipe(row["spec"]),
                row["network_us"],
                tuple(row["nodes_us"]),
                row["spread"],
                row["calls"],
                row.get("whole_us"),
                row.get("chunk", 0),
                row.get("doubt", 0.0),  # none of the three is in files of before 2026-11-26
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
