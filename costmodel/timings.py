"""Raw timings: whole networks and their nodes, measured in place, in rounds. What profiles are fitted from.

Networks are taken some dozens at a time and visited in random order, round after round, so that a slow moment of the
machine falls on many of them and not on one. What counts of each is its fastest third of calls. Beside each chunk of
networks, reference networks are visited, the same ones during the whole session: how slow they are in a chunk, against
the session, is divided out of the chunk's times.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from archs import Spec
from costmodel.errors import CostError
from costmodel.inplace import InPlace
from costmodel.measure import NOISY, Stopwatch, quiet
from costmodel.profile import Regime

CHUNK = 40  # networks in memory at a time
ROUNDS = 4  # visits of each
CALLS = 2  # per visit, end to end and node by node
PROBES = 3  # per round

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done."""


class Cancelled(CostError):
    """The user stopped it; nothing was written."""


@dataclass(frozen=True)
class Record:
    """One network, timed in quiet moments; microseconds."""

    spec: Spec
    network_us: float
    nodes_us: tuple[float, ...]
    spread: float
    """IQR over all of the network's calls / their quiet median."""
    calls: int

    def scaled(self, factor: float) -> Record:
        """The same at another speed of the machine."""
        return replace(
            self,
            network_us=round(self.network_us * factor, 1),
            nodes_us=tuple([round(time_us * factor, 2) for time_us in self.nodes_us]),
        )


def merged(a: Record, b: Record) -> Record:
    """One network as two sessions had it."""
    nodes = tuple([(x + y) / 2 for x, y in zip(a.nodes_us, b.nodes_us)])
    return Record(a.spec, (a.network_us + b.network_us) / 2, nodes, max(a.spread, b.spread), a.calls + b.calls)


class Session(NamedTuple):
    """What was timed, at one speed of the machine: that at which the probe takes `probe_us`."""

    records: tuple[Record, ...]
    references: tuple[Record, ...]
    probe_us: float


def time_networks(
    watch: Stopwatch,
    regime: Regime,
    specs: Iterable[Spec],
    references: Sequence[Spec] = (),
    seconds: float = float("inf"),
    rounds: int = ROUNDS,
    chunk: int = CHUNK,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    seed: int = 0,
) -> Session:
    """Time networks until `seconds` are over or there are no more. Raises Cancelled once `cancel()` is true."""
    start, rng = time.perf_counter(), Random(seed)
    specs = iter(specs)
    found: list[Record] = []
    sizes: list[int] = []
    probes: list[float] = []

    def checked(turn: int = 0) -> None:
        if cancel and cancel():
            raise Cancelled("cancelled; no profile was written")
        if progress:
            passed = (time.perf_counter() - start) / seconds if seconds < float("inf") else turn / rounds
            progress(passed, f"timed {len(found)} networks")

    def placed(spec: Spec) -> _Visits:
        checked()
        return _Visits(spec, InPlace(regime.graph(spec), watch, regime.batch))

    steady = [placed(spec) for spec in references]
    while time.perf_counter() - start < seconds:
        taken = [placed(spec) for spec in islice(specs, chunk)]
        if not taken:
            break
        for turn in range(rounds):
            visited = taken + steady[turn::rounds]
            for visits in rng.sample(visited, len(visited)):
                checked(turn)
                visits.add()
            probes += [watch.probe() for _ in range(PROBES)]
        found += [visits.record() for visits in taken]
        sizes.append(len(taken))
    slow = _slowness(steady, len(sizes))
    factors = [factor for factor, size in zip(slow, sizes) for _ in range(size)]
    records = tuple([record.scaled(1 / factor) for record, factor in zip(found, factors)])
    return Session(records, tuple([visits.at_speed(slow).record() for visits in steady]), quiet(probes))


def _slowness(steady: Sequence[_Visits], chunks: int) -> list[float]:
    """How slow the reference networks were in each chunk, which visits each of them once, against the session."""
    if not steady:
        return [1.0] * chunks
    ratios = []
    for visits in steady:
        usual = quiet(visits.whole)
        ratios.append([min(visits.whole[CALLS * i : CALLS * (i + 1)]) / usual for i in range(chunks)])
    each = [statistics.median(ratio) for ratio in zip(*ratios)]
    usual = statistics.median(each)
    return [ratio / usual for ratio in each]


class _Visits:
    """One network and the samples taken of it so far."""

    def __init__(self, spec: Spec, network: InPlace):
        self.spec = spec
        self.network = network
        self.whole: list[float] = []
        self.nodes: list[list[float]] = []

    def add(self) -> None:
        network = self.network
        network.call()  # others have been in the caches
        for _ in range(CALLS):
            self.whole.append(network.watch.once(network.call))
            self.nodes.append(network.nodes_us())

    def at_speed(self, slow: Sequence[float]) -> _Visits:
        """The same without the slowness of each chunk, of which there is one per visit."""
        even = copy(self)
        factors = [factor for factor in slow for _ in range(CALLS)]
        even.whole = [time_us / factor for time_us, factor in zip(self.whole, factors)]
        even.nodes = [[time_us / factor for time_us in run] for run, factor in zip(self.nodes, factors)]
        return even

    def record(self) -> Record:
        low, _, high = statistics.quantiles(self.whole, n=4)
        middle = quiet(self.whole)
        runs = sorted(self.nodes, key=sum)[: max(1, len(self.nodes) // 3)]  # whole runs, so that nodes add up
        nodes = tuple([round(statistics.median(times), 2) for times in zip(*runs)])
        return Record(self.spec, round(middle, 1), nodes, round((high - low) / middle, 4), len(self.whole))


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
                    "spec": json.loads(r.spec.to_json()),
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
                Spec.from_json(json.dumps(row["spec"])),
                row["network_us"],
                tuple(row["nodes_us"]),
                row["spread"],
                row["calls"],
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
