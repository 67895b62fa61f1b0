"""Raw timings: whole networks and their nodes, measured in place, in rounds. What profiles are fitted from.

Networks are taken some dozens at a time and visited in random order, so that a slow moment of the machine falls on many
of them and not on one. All of it is done in several passes, minutes apart, each with modules made anew: so each network
is met in quick minutes too, and at other places in memory. Every run waits for a quiet moment
(`Stopwatch.undisturbed`), and what counts, of a network as of each of its nodes, is the fastest third of runs.

Measured on a machine that neighbours disturbed for two thirds of the time, 14 networks in two processes: nodes repeat
within 3.5 % RMS from 12 runs that waited for quiet moments and within 12 % from 12 that did not. What a few good runs
leave over is spent on more networks. Dividing each visit by how slow other networks were at the same moment, or memory
in huge pages, repeats no better.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from costmodel.drift import ALL, Slowness
from costmodel.errors import CostError
from costmodel.features import features
from costmodel.foreign import Recipe, read_recipe, recipe_dict
from costmodel.inplace import InPlace
from costmodel.measure import NOISY, Stopwatch, quiet
from costmodel.profile import Regime

CHUNK = 60  # networks in memory at a time
RUNS = 3  # per visit, node by node
CALLS = 3  # per visit, of a whole network that is judged; of one that is fitted one does
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
    """One network, timed in quiet moments; microseconds."""

    spec: Recipe
    network_us: float
    nodes_us: tuple[float, ...]
    spread: float
    """IQR over all of the network's runs node by node / their quiet median."""
    calls: int
    """Runs node by node."""

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
    return Record(a.spec, (a.network_us + b.network_us) / 2, nodes, max(a.spread, b.spread), a.calls + b.calls)


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
    seconds: float = float("inf"),
    rounds: int = 1,
    passes: int = 1,
    chunk: int = CHUNK,
    calls: int = 1,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    seed: int = 0,
) -> Session:
    """Time networks until `seconds` are over or there are no more, all of them in each pass.

    `references` are visited all along. Every pass visits a network `rounds` times; `calls` are those of a whole network
    per visit. Raises Cancelled once `cancel()` is true.
    """
    start, rng = time.perf_counter(), Random(seed)
    specs, taken = iter(specs), []
    probes: list[float] = []

    def passed() -> float:
        return time.perf_counter() - start

    def checked(number: int, share: float) -> None:
        if cancel and cancel():
            raise Cancelled("cancelled; no profile was written")
        if progress:
            done = passed() / seconds if seconds < float("inf") else (number + share) / passes
            progress(done, f"timed {len(taken)} networks, pass {number + 1} of {passes}")

    def placed(visits: _Visits, number: int = 0) -> _Visits:
        checked(number, 0.0)
        visits.network = InPlace(regime.graph(visits.spec), watch, regime.batch)
        return visits

    steady = [placed(_Visits(spec, CALLS)) for spec in references]
    turns = 0
    for number in range(passes):
        at = 0
        while not taken or passed() < seconds * (number + 1) / passes:  # the first pass says how many there are
            if not number:
                taken += [_Visits(spec, calls) for spec in islice(specs, chunk)]
            some = taken[at : at + chunk]
            if not some:
                break
            for visits in some:
                placed(visits, number)
            for turn in range(rounds):
                visited = some + steady[turns % 2 :: 2]
                turns += 1
                for visits in rng.sample(visited, len(visited)):
                    checked(number, turn / rounds)
                    visits.add()
                probes += [watch.probe() for _ in range(PROBES)]
            for visits in some:
                visits.network = None  # its memory
            at += chunk
    for visits in steady:
        if not visits.nodes:  # time was over before its turn
            visits.add()
    return Session(
        tuple([visits.record() for visits in taken]), tuple([visits.record() for visits in steady]), quiet(probes)
    )


class _Visits:
    """One network and the samples taken of it so far."""

    def __init__(self, spec: Recipe, calls: int):
        self.spec = spec
        self.calls = calls
        self.network: InPlace | None = None
        self.whole: list[float] = []
        self.nodes: list[list[float]] = []

    def add(self) -> None:
        network = self.network
        network.call()  # others have been in the caches
        self.whole += [network.watch.once(network.call) for _ in range(self.calls)]
        self.nodes += [network.nodes_us() for _ in range(RUNS)]

    def record(self) -> Record:
        totals = [sum(run) for run in self.nodes]
        low, _, high = statistics.quantiles(totals, n=4)
        nodes = tuple([round(quiet(times), 2) for times in zip(*self.nodes)])
        return Record(
            self.spec, round(quiet(self.whole), 1), nodes, round((high - low) / quiet(totals), 4), len(totals)
        )


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
            )
            for row in rows
        ]
        return Regime(**head), records
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CostError(f"{path.name}: not a file of raw timings ({error})") from None
