"""Raw timings: networks and their nodes, measured in place, again and again. What profiles are fitted from.

On a shared machine hardly a call of 30 ms is undisturbed from start to end, but every node of it is in one run or
another. So a network is visited again and again, at moments that lie seconds apart, for a few runs each time, until its
nodes are known: until the fastest runs of each node in two visits agree within 5 %, for nodes that make 90 % of its
time, or for twelve visits. What is noted is the mean of a node's two fastest runs, and for the network the sum of them:
the clock is read once between two nodes, so that nothing falls between them. Networks are taken some dozens at a time
and visited in random order, so that a slow minute of the machine falls on many of them and not on one.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from costmodel.drift import ALL, Slowness
from costmodel.errors import CostError
from costmodel.features import features
from costmodel.foreign import Recipe, read_recipe, recipe_dict
from costmodel.inplace import InPlace
from costmodel.measure import NOISY, Stopwatch, fastest
from costmodel.profile import Regime

CHUNK = 60  # networks in memory at a time
REFERENCE_EVERY = 4  # of so many networks one is a reference, as long as there are any
RUNS = 4  # per visit, node by node
WHOLE = 2  # calls of the whole network per visit, where it is asked for
VISITS = 12  # of one network at most
AGREE = 0.05  # so near must a node's fastest runs of two visits be
SETTLED = 0.9  # share of a network's time that must be in such nodes
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
    specs: Sequence[Recipe] | Iterator[Recipe],
    references: Sequence[Recipe] = (),
    seconds: float = float("inf"),
    chunk: int = CHUNK,
    visits: int = VISITS,
    whole: bool = False,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    seed: int = 0,
) -> Session:
    """Time networks until `seconds` are over or there are no more, and all `references` among them.

    `specs` without an end need `seconds`. `visits`: of one network at most. `whole`: also time whole calls. Raises
    Cancelled once `cancel()` is true.
    """
    start, rng = time.perf_counter(), Random(seed)
    planned = len(specs) + len(references) if isinstance(specs, Sequence) else None
    specs, waiting = iter(specs), list(references)
    taken: list[_Timed] = []
    steady: list[_Timed] = []
    probes: list[float] = []

    def timed(spec: Recipe) -> _Timed:
        return _Timed(spec, whole, watch.device.type == "cpu")

    def checked(begun: float = 0.0) -> None:
        """`begun`: how much of the networks in memory is done, in networks."""
        if cancel and cancel():
            raise Cancelled("cancelled; no profile was written")
        if progress:
            done = len(taken) + len(steady)
            share = (time.perf_counter() - start) / seconds if planned is None else (done + begun) / planned
            progress(share, f"timed {done} networks")

    def affordable() -> int:
        """How many networks there is time for, beside the references."""
        if not taken or seconds == float("inf"):
            return chunk
        passed = time.perf_counter() - start
        return int((seconds - passed) / (passed / (len(taken) + len(steady)))) - len(waiting)

    while True:
        beside = waiting[: chunk // REFERENCE_EVERY]
        fresh = [timed(spec) for spec in islice(specs, max(0, min(chunk - len(beside), affordable())))]
        if not fresh:
            beside = waiting[:chunk]
        some = fresh + [timed(spec) for spec in beside]
        if not some:
            break
        for one in some:
            checked()
            one.network = InPlace(regime.graph(one.spec), watch, regime.batch)
        unsettled = some
        for turn in range(visits):
            for one in rng.sample(unsettled, len(unsettled)):
                checked(len(some) * turn / visits)
                one.visit()
            probes += [watch.probe() for _ in range(PROBES)]
            unsettled = [one for one in unsettled if not one.settled]
        for one in some:
            one.network = None  # its memory
        taken += fresh
        steady += some[len(fresh) :]
        del waiting[: len(beside)]
    return Session(tuple([one.record() for one in taken]), tuple([one.record() for one in steady]), fastest(probes))


class _Timed:
    """One network and the runs of it so far."""

    def __init__(self, spec: Recipe, whole: bool, on_cpu: bool):
        self.spec = spec
        self._calls = WHOLE if whole or not on_cpu else 0  # whole ones, per visit
        self._on_cpu = on_cpu
        self.network: InPlace | None = None
        self.whole: list[float] = []
        self.nodes: list[list[float]] = []

    def visit(self) -> None:
        network = self.network
        network.call()  # others have been in the caches
        self.nodes += [network.nodes_us() for _ in range(RUNS)]
        self.whole += [network.watch.span(network.call) for _ in range(self._calls)]

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
        return Record(self.spec, network, nodes, round((high - low) / middle, 4), len(self.nodes), whole)


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
                row.get("whole_us"),  # not in files of before 2026-11-26
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
