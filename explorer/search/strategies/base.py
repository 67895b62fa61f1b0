"""What a strategy is, ask and tell: which genome is evaluated next, given the rewards so far. Rewards are maximised.

A strategy asks only for genomes that `allowed` accepts (a budget, say), and never twice for the same one. It knows
nothing of networks, latencies or accuracies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random

from archs import ArchError
from explorer.search.parts import Genome
from explorer.search.space import Space

TRIES = 3000
"""Genomes that are tried until one is new and allowed."""
DRAWS = 20
"""Genomes that are tried before a walk, where the cost is known."""
STEPS = 6
"""Allowed steps of a walk before its genome is taken: a step changes one choice."""
STUCK = 400
"""Steps without a lower cost, or without a new genome, after which a walk is given up."""


class Exhausted(ArchError):
    """No new genome is allowed."""


class Strategy(ABC):
    """`ask` for a genome, evaluate it, `tell` its reward. Equal seeds give equal genomes.

    The next genome follows from the seed and from what was told, so a search that is told its log goes on unchanged.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        allowed: Callable[[Genome], bool] = lambda _: True,
        cost: Callable[[Genome], float] | None = None,
    ):
        """`cost`: what an allowed genome has little of. With it, few allowed genomes are walked to, not drawn."""
        self.space = space
        self.seed = seed
        self.rng = Random(seed)
        self.history: list[tuple[float, Genome]] = []
        self._allowed, self._cost = allowed, cost
        self._seen: set[Genome] = set()

    def ask(self) -> Genome:
        """A new genome that is allowed. Raises Exhausted where none is found."""
        self.rng.seed(f"{self.seed}/{len(self._seen)}")
        for attempt in range(DRAWS if self._cost else TRIES):
            genome = self.propose() if attempt < TRIES // 2 else self.space.draw(self.rng)
            if self._is_new(genome) and self._allowed(genome):
                return self._taken(genome)
        if self._cost and (found := self._walk(self._cost)):
            return self._taken(found)
        raise Exhausted(f"none of the networks tried of space {self.space.name} is new and within the budget")

    def _walk(self, cost: Callable[[Genome], float]) -> Genome | None:
        """Down to an allowed genome by steps of lower cost, then at random among allowed ones."""
        at = self.history[-1][1] if self.history else self.space.draw(self.rng)
        spent, inside, steps, idle = cost(at), self._allowed(at), 0, 0
        while idle < STUCK:
            idle += 1
            mutant = self.space.mutate(at, self.rng)
            if self._allowed(mutant):
                at, inside, steps = mutant, True, steps + 1
                if steps >= STEPS and self._is_new(mutant):
                    return mutant
            elif not inside and cost(mutant) < spent:
                at, spent, idle = mutant, cost(mutant), 0
        return None

    def _is_new(self, genome: Genome) -> bool:
        return genome not in self._seen

    def _taken(self, genome: Genome) -> Genome:
        self._seen.add(genome)
        return genome

    def tell(self, genome: Genome, reward: float) -> None:
        self._seen.add(genome)
        self.history.append((reward, genome))

    @abstractmethod
    def propose(self) -> Genome:
        """A genome to try, allowed or not."""
