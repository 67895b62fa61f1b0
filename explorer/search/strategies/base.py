"""What a strategy is, ask and tell: which genome is evaluated next, given the rewards so far. Rewards are maximised.

A strategy asks only for genomes that `allowed` accepts (a budget, say), and never twice for the same one. It knows
nothing of networks, latencies or accuracies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from random import Random

from archs import ArchError
from explorer.search.parts import Genome
from explorer.search.space import Space

TRIES = 3000
"""Genomes that are tried until one is new and allowed."""
BLOCKS = (1, 4, 15)
"""Genomes that are tried before a walk, where the cost is known: those of a block are priced together."""
OUTSIDE, INSIDE = 8, 3
"""Mutants of a walk that are priced together, before an allowed genome is reached and after."""
STEPS = 6
"""Allowed steps of a walk before its genome is taken: a step changes one choice."""
STUCK = 400
"""Mutants without a lower cost, or without a new genome, after which a walk is given up."""


class Exhausted(ArchError):
    """No new genome is allowed."""


class Strategy(ABC):
    """`ask` for a genome, evaluate it, `tell` its reward. Equal seeds give equal genomes.

    The next genome follows from the seed and from what was told, so a search that is told its log goes on unchanged.
    """

    blocks: tuple[int, ...] = BLOCKS
    """Sizes of the blocks of proposals."""

    def __init__(
        self,
        space: Space,
        seed: int,
        allowed: Callable[[Genome], bool] = lambda _: True,
        cost: Callable[[Genome], float] | None = None,
        expect: Callable[[Sequence[Genome]], None] = lambda _: None,
    ):
        """`cost`: what an allowed genome has little of. With it, few allowed genomes are walked to, not drawn.

        `expect` is told the genomes that `allowed` and `cost` may be asked of next, so that they are priced together.
        """
        self.space = space
        self.seed = seed
        self.rng = Random(seed)
        self.history: list[tuple[float, Genome]] = []
        self._allowed, self._cost, self._expect = allowed, cost, expect
        self._seen: set[Genome] = set()

    def ask(self) -> Genome:
        """A new genome that is allowed. Raises Exhausted where none is found."""
        self.rng.seed(f"{self.seed}/{len(self._seen)}")
        for block in self._blocks_to_try():
            new = [genome for genome in block if self._is_new(genome)]
            self._expect(new)
            for genome in new:
                if self._allowed(genome):
                    return self._taken(genome)
        if self._cost and (found := self._walk(self._cost)):
            return self._taken(found)
        raise Exhausted(f"none of the networks tried of space {self.space.name} is new and within the budget")

    def _blocks_to_try(self) -> Iterator[list[Genome]]:
        """Blocks of genomes to try; without a cost, nothing is priced, and each is a block of its own."""
        if self._cost:
            for size in self.blocks:
                yield [self.propose() for _ in range(size)]
        else:
            for attempt in range(TRIES):
                yield [self.propose() if attempt < TRIES // 2 else self.space.draw(self.rng)]

    def _walk(self, cost: Callable[[Genome], float]) -> Genome | None:
        """Down to an allowed genome by the cheapest of a block of mutants, then at random among allowed ones."""
        at = self.history[-1][1] if self.history else self.space.draw(self.rng)
        spent, inside, steps, idle = cost(at), self._allowed(at), 0, 0
        while idle < STUCK:
            mutants = [self.space.mutate(at, self.rng) for _ in range(INSIDE if inside else OUTSIDE)]
            self._expect(mutants)
            idle += len(mutants)
            allowed = next((mutant for mutant in mutants if self._allowed(mutant)), None)
            if allowed:
                at, inside, steps = allowed, True, steps + 1
                if steps >= STEPS and self._is_new(at):
                    return at
            elif not inside and (least := min(map(cost, mutants))) < spent:
                at, spent, idle = min(mutants, key=cost), least, 0
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
