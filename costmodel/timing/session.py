"""Timing sessions: networks and their nodes, measured in place in rounds over all of them. Their records are fitted.

No fitting here. Start at `time_networks`; `costmodel/timing/README.md` has the protocol and its measurements.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, log
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from costmodel.errors import CostError
from costmodel.latency.profile import Regime
from costmodel.networks.synthetic import Recipe
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch, fastest
from costmodel.timing.timing_records import Record

MEMORY = 4e9  # bytes that networks take at a time
MODULES = 4e6  # bytes of a network beside its weights
REFERENCES = 3  # every so many networks comes a reference, as long as there are any
FEWEST = 20  # references, even where time is over
PILOT = 12  # networks that tell how many there is time for
RUNS = 2  # per visit, node by node; the first of them also brings the network back into the caches
WHOLE = 1  # call of the whole network per visit, where it is asked for
ROUNDS = 32  # of a network at most
AGREE = 0.05  # so near must a node's fastest runs of two visits be
SETTLED = 0.9  # share of a network's time that must be in such nodes
LEAST = 2  # of a network, even where time is over
FIRST = 6  # below it two that agree may both have met a neighbour
ENOUGH = 16  # rounds that are planned for at least: the pilot may have met a quiet minute
TURN_US, TURNS = 20e3, 4  # a network has as many visits in a round as its runs go into a turn, up to four
OFTEN = 2  # modules of a reference where time is short, each visited as often: what it leaves open widens the interval
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
    rounds: int = ROUNDS,
    whole: bool = False,
    memory: float = MEMORY,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    seed: int = 0,
    interrupted: Callable[[Sequence[Record]], None] | None = None,
) -> Session:
    """Time as many networks as `seconds` are enough for, `references` among them; without a limit all of both.

    `specs` without an end need `seconds`. Each is visited in up to `rounds` rounds. `whole`: also time whole calls.
    `memory`: bytes that networks may take; what does not fit is timed after the rest, as another chunk. `interrupted`
    is called with the records so far where an exception ends the session. Raises Cancelled once `cancel()` is true.
    """
    course = _Course(
        watch,
        regime,
        iter(specs),
        list(references),
        len(specs) + len(references) if isinstance(specs, Sequence) else inf,
        seconds,
        rounds,
        whole,
        memory,
        progress,
        cancel,
        Random(seed),
    )
    try:
        while course.fill():
            course.settle()
            course.linger()
            course.empty()
    except BaseException:
        if interrupted:
            interrupted(course.complete())
        raise
    return course.session()


@dataclass
class _Course:
    """A session while it runs."""

    watch: Stopwatch
    regime: Regime
    specs: Iterator[Recipe]
    references: list[Recipe]
    """Those that are to come."""
    planned: float
    """Networks in all, infinitely many where time is the limit."""
    seconds: float
    rounds: int
    whole: bool
    memory: float
    progress: Progress | None
    cancel: Callable[[], bool] | None
    rng: Random
    start: float = field(default_factory=time.perf_counter)
    some: list[_Timed] = field(default_factory=list)
    """In memory."""
    done: list[_Timed] = field(default_factory=list)
    chunks: int = 0
    probes: list[float] = field(default_factory=list)

    @property
    def _passed(self) -> float:
        return time.perf_counter() - self.start

    def fill(self) -> bool:
        """Take as many networks as there is memory and time for; False where there are no more."""
        taken = planned_s = 0.0  # bytes in memory, and the seconds that further visits will take
        expected: float = self.rounds
        round_s: list[float] = []  # of one module
        while taken < self.memory:
            owed = self._owed * OFTEN * expected * statistics.fmean(round_s) if round_s else 0.0
            following = self._following(planned_s + owed)
            if not following:
                break
            self._check()
            spec, reference = following
            graph = self.regime.graph(spec)
            often = OFTEN if reference and self.seconds < inf else 1
            networks = [InPlace(graph, self.watch, self.regime.batch) for _ in range(often)]
            one = _Timed(spec, networks, reference, self.whole)
            before = self._passed
            one.visit()
            self.some.append(one)
            taken += one.bytes
            visit_s = self._passed - before
            round_s.append(one.turns / one.often * visit_s)
            planned_s += (expected * one.turns - 1) * visit_s
            if len(self.some) == PILOT and self.seconds < inf:  # a quiet machine needs fewer visits: more networks
                self.settle()
                expected = min(self.rounds, max(ENOUGH, statistics.fmean(one.rounds for one in self.some)))
                planned_s = 0.0
        return bool(self.some)

    def _following(self, planned_s: float) -> tuple[Recipe, bool] | None:
        """The next network, and whether it is a reference; a few of those come even where time is short."""
        pilot = not self.done and len(self.some) < PILOT
        room = pilot or self._passed + planned_s < self.seconds
        due = self.references and len(self.some) % REFERENCES == 0
        spec = next(self.specs, None) if room and not due else None
        if spec is not None:
            return spec, False
        return (self.references.pop(0), True) if self.references and (room or self._owed) else None

    @property
    def _owed(self) -> int:
        """References that are to come even where time is short, and that time is left for."""
        fewest = FEWEST - sum(one.reference for one in self.done + self.some)
        return max(0, min(fewest, len(self.references)))

    def settle(self) -> None:
        """Visit what is in memory in rounds, until it is known or time is over."""
        while unsettled := [one for one in self.some if self._asks(one)]:
            self._round(unsettled)

    def linger(self) -> None:
        """Where time was limited and some is left, it is for more rounds of what is in memory.

        A session in one piece is worth more than more networks: what is timed later is timed at another speed.
        """
        while self._passed < self.seconds < inf and (few := [one for one in self.some if one.rounds < self.rounds]):
            self._round(few)

    def _round(self, some: Sequence[_Timed]) -> None:
        turns = [one for one in some for _ in range(one.turns)]
        for one in self.rng.sample(turns, len(turns)):
            self._check()
            if one.visits < LEAST or self._passed < self.seconds:
                one.visit()
        self.probes += [self.watch.probe() for _ in range(PROBES)]

    def _asks(self, one: _Timed) -> bool:
        """For another round."""
        if one.visits < LEAST:
            return True
        known = one.rounds >= FIRST and one.settled
        return one.rounds < self.rounds and not known and self._passed < self.seconds

    def empty(self) -> None:
        """Those in memory are one chunk, and done."""
        usual = statistics.median([one.visits / one.often for one in self.some if one.turns == one.often] or [inf])
        for one in self.some:
            one.close(self.chunks, usual)
        self.done += self.some
        self.some = []
        self.chunks += 1

    def complete(self) -> list[Record]:
        """The records of an interrupted session: of networks with enough visits."""
        self.some = [one for one in self.some if one.visits >= LEAST * one.often]
        if self.some:
            self.empty()
        return [one.record() for one in self.done]

    def session(self) -> Session:
        fitted, held_out = (
            tuple([one.record() for one in self.done if one.reference is kind]) for kind in (False, True)
        )
        return Session(fitted, held_out, fastest(self.probes))

    def _check(self) -> None:
        if self.cancel and self.cancel():
            raise Cancelled("cancelled; no profile was written")
        if self.progress:
            begun = sum(min(1.0, one.rounds / self.rounds) for one in self.some)
            done = (len(self.done) + begun) / self.planned
            share = self._passed / self.seconds if self.seconds < inf else done
            self.progress(share, f"timing {len(self.done) + len(self.some)} networks")


class _Timed:
    """One network, as one module or several that are visited in turn, and the runs of it so far."""

    def __init__(self, spec: Recipe, networks: Sequence[InPlace], reference: bool = False, whole: bool = False):
        self.spec, self.reference, self.often, self.chunk, self.usual = spec, reference, len(networks), 0, inf
        self._networks = networks
        self._on_cpu = networks[0].watch.device.type == "cpu"
        self._calls = WHOLE if whole or not self._on_cpu else 0  # whole ones, per visit
        self.whole: list[float] = []
        self.nodes: list[list[float]] = []

    @property
    def bytes(self) -> float:
        """What it takes in memory: its weights, and the modules themselves."""
        weights = sum(p.numel() * p.element_size() for p in self._networks[0].module.parameters())
        return self.often * (MODULES + weights)

    def visit(self) -> None:
        network = self._networks[self.visits % self.often]
        self.nodes += [network.nodes_us() for _ in range(RUNS)]
        self.whole += [network.watch.span(network.call) for _ in range(self._calls)]

    def close(self, chunk: int, usual: float) -> None:
        """Free its memory, which others need. `usual`: visits of what has one in a round."""
        self._networks, self.chunk, self.usual = (), chunk, usual

    @property
    def visits(self) -> int:
        return len(self.nodes) // RUNS

    @cached_property
    def turns(self) -> int:
        """Visits in a round, by the runs of the first visit."""
        return self.often * max(1, min(TURNS, int(TURN_US / sum(self.nodes[RUNS - 1]))))

    @property
    def rounds(self) -> float:
        return self.visits / self.turns

    @property
    def settled(self) -> bool:
        """Whether what each part of the visits gives, of which a record is the mean, is known."""
        if self.visits < 2 * self.often:
            return False
        visits = np.array(self.nodes).reshape(self.visits, RUNS, -1).min(axis=1)
        best = [np.sort(visits[i :: self.often], axis=0)[:2] for i in range(self.often)]
        return all(first[second <= (1 + AGREE) * first].sum() >= SETTLED * first.sum() for first, second in best)

    def record(self) -> Record:
        warm = self.nodes[RUNS - 1 :: RUNS]  # those that found the network in the caches
        low, middle, high = statistics.quantiles(map(sum, warm), n=4)
        parts = self.often * max(1, round(self.visits / self.often / self.usual))
        nodes = self._each(parts).mean(axis=0).round(2)
        whole = None
        if self.whole:
            whole = round(statistics.fmean(fastest(self.whole[i::parts]) for i in range(parts)), 1)
        network = whole if whole and not self._on_cpu else round(float(nodes.sum()), 1)
        first, second = self._each(2).sum(axis=1) if self._on_cpu else (fastest(self.whole[i::2]) for i in range(2))
        spread, error = round((high - low) / middle, 4), round(abs(log(first / second)) / 2, 4)
        return Record(self.spec, network, tuple(nodes.tolist()), spread, len(self.nodes), whole, self.chunk, error)

    def _each(self, parts: int) -> NDArray[np.float64]:
        """Array of parts × nodes: what each part of the visits alone gives.

        More visits meet a quieter moment: times from twice as many would be 2 to 3 % shorter, and not comparable.
        """
        visits = np.array(self.nodes[: self.visits * RUNS]).reshape(self.visits, RUNS, -1)
        some = [np.concatenate(visits[i::parts]) for i in range(parts)]
        return np.array([np.sort(runs, axis=0)[:2].mean(axis=0) for runs in some])
