"""A search: a strategy proposes, the latency decides what is allowed, an objective scores, the best is kept.

With a hard target, "meets the target" means that the upper end of the latency's 90 % interval does. With an exponent w
the reward is MnasNet's, score · (latency / target)^w (Tan et al. 2018, equation 3). Random search with as many
evaluations is a baseline at the same target; tables scaled as a whole are in `explorer.search.runs.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, isnan

import costmodel
from archs import ArchError, Graph
from costmodel import DeviceProfile
from explorer.search.objectives import Interval, Objective, price
from explorer.search.parts import Genome
from explorer.search.space import Space
from explorer.search.strategies import Exhausted, Strategy

DIGITS = 9
"""Of milliseconds that decide: the last bits of a price depend on the networks that are priced with it, and those on
what an ended search has left to do. A candidate is priced alone."""


@dataclass(frozen=True)
class Candidate:
    """An evaluated network. `score` is of the search's objective."""

    genome: Genome
    digest: str
    score: float
    latency_ms: float
    low_ms: float
    high_ms: float
    mult_adds: int
    params: int

    def reward(self, target_ms: float, w: float | None) -> float:
        """The score, or MnasNet's soft reward with exponent `w`."""
        return self.score if w is None else self.score * (self.latency_ms / target_ms) ** w


@dataclass(frozen=True)
class Found:
    """What a search evaluated, in order, and what it found."""

    candidates: tuple[Candidate, ...]
    best: Candidate
    stopped: bool = False

    def front(self) -> tuple[Candidate, ...]:
        """The candidates that no other beats in latency and score, by latency."""
        return front(self.candidates)


def front(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that no other beats in latency and score, by latency."""
    best: list[Candidate] = []
    for one in sorted(found, key=lambda c: (c.latency_ms, -c.score)):
        if not best or one.score > best[-1].score:
            best.append(one)
    return tuple(best)


def check_target(target_ms: float) -> None:
    """Raises ArchError for one that no latency can be compared with."""
    if not 0 < target_ms < inf:
        raise ArchError(f"target {target_ms} ms; allowed: above 0")


def candidate(genome: Genome, digest: str, score: float, graph: Graph, latency: Interval) -> Candidate:
    """A network with its counts."""
    total = costmodel.count_many([graph])[0]
    return Candidate(genome, digest, score, *latency, total.mult_adds, total.params)


def candidates(
    space: Space,
    profile: DeviceProfile,
    target_ms: float,
    objective: Objective,
    strategy: type[Strategy],
    seed: int = 0,
    w: float | None = None,
    log: Sequence[Candidate] = (),
    tried: Callable[[float], None] = lambda _: None,
) -> Iterator[Candidate]:
    """What a search evaluates, one network after the other, until no new one is allowed.

    `log`: candidates of the same search that was ended: it goes on behind them, as if it had not been. `tried` is
    called with the upper end of the latency of each network that is looked at. Raises ArchError where no network of the
    space meets the target, with the nearest latency that was seen.
    """
    check_target(target_ms)
    nearest = inf
    known: dict[Genome, Interval] = {}

    def expect(genomes: Sequence[Genome]) -> None:
        nonlocal nearest
        new = [genome for genome in dict.fromkeys(genomes) if genome not in known]
        if not new:
            return
        known.update(zip(new, price([space.graph(genome) for genome in new], profile)))
        for genome in new:
            nearest = min(nearest, high_ms(genome))
            tried(high_ms(genome))

    def high_ms(genome: Genome) -> float:
        if genome not in known:
            expect([genome])
        high = known[genome][2]
        return inf if isnan(high) else round(high, DIGITS)

    if w is None:
        proposing = strategy(space, seed, lambda genome: high_ms(genome) <= target_ms, high_ms, expect)
    else:
        proposing = strategy(space, seed)
    for one in log:
        proposing.tell(one.genome, one.reward(target_ms, w))
    while True:
        try:
            genome = proposing.ask()
        except Exhausted:
            break
        score = objective.score(space, genome)
        graph = space.graph(genome)
        found = candidate(genome, space.digest(genome), score, graph, *price([graph], profile))
        proposing.tell(genome, found.reward(target_ms, w))
        yield found
    if not proposing.history:
        why = f"the nearest of those tried needs {nearest:.3g} ms"
        if nearest == inf:
            why = "the profile has no interval for any of those tried"
        raise ArchError(f"no network of space {space.name} meets {target_ms:g} ms with its whole interval; {why}")


def search(
    space: Space,
    profile: DeviceProfile,
    target_ms: float,
    objective: Objective,
    strategy: type[Strategy],
    evaluations: int = 200,
    seed: int = 0,
    w: float | None = None,
    progress: Callable[[Candidate], bool] = lambda _: True,
) -> Found:
    """Search for the best network within a latency. Equal arguments give equal results.

    `progress` is called after each evaluation; it ends the search by returning False. Raises ArchError as `candidates`.
    """
    if evaluations < 1:
        raise ArchError(f"{evaluations} evaluations; allowed: at least 1")
    found: list[Candidate] = []
    going = True
    for one in islice(candidates(space, profile, target_ms, objective, strategy, seed, w), evaluations):
        found.append(one)
        going = progress(one)
        if not going:
            break
    return Found(tuple(found), best(found, target_ms, w), not going)


def ranked(found: Iterable[Candidate], target_ms: float, w: float | None) -> list[Candidate]:
    """By reward, the highest first; of equal rewards, which the score cannot tell apart, the fastest."""

    def order(one: Candidate) -> tuple[float, float, str]:
        return -round(one.reward(target_ms, w), 9), inf if isnan(one.high_ms) else one.high_ms, one.digest

    return sorted(found, key=order)


def best(found: Iterable[Candidate], target_ms: float, w: float | None) -> Candidate:
    """The first of `ranked`."""
    return ranked(found, target_ms, w)[0]
