"""Strategies, ask and tell: which genome is evaluated next, given the rewards so far. Rewards are maximised.

A strategy asks only for genomes that `allowed` accepts (a budget, say), and never twice for the same one. It knows
nothing of networks, latencies or accuracies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random

import numpy as np

from archs import ArchError
from archs.errors import shorten
from explorer.search.parts import Genome
from explorer.search.space import Space

TRIES = 3000
"""Genomes that are tried until one is new and allowed."""
DRAWS = 100
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


class RandomSearch(Strategy):
    """Uniform draws: the baseline (Li & Talwalkar 2019, arXiv:1902.07638)."""

    def propose(self) -> Genome:
        return self.space.draw(self.rng)


class Evolution(Strategy):
    """Regularised evolution: the oldest of the population dies (Real et al. 2019, arXiv:1802.01548, algorithm 1)."""

    population = 24
    sample = 8

    def propose(self) -> Genome:
        if len(self.history) < self.population:
            return self.space.draw(self.rng)
        alive = self.history[-self.population :]
        _, parent = max(self.rng.sample(alive, self.sample))
        return self.space.mutate(parent, self.rng)


class Surrogate(Strategy):
    """Ridge regression of the reward on the options of a genome, refitted at each step; the best of mutants is asked.

    The candidates are mutants and crosses of the best genomes so far, and draws; every fourth genome is the best of
    candidates by a sample of the posterior of the weights (Thompson 1933), so that the model's errors are found out.
    """

    initial = 24
    candidates = 120
    parents = 12
    ridge = 1.0

    def propose(self) -> Genome:
        if len(self.history) < self.initial:
            return self.space.draw(self.rng)
        if self._fitted_on != len(self.history):
            self._ranked = self._rank()
        return self._ranked.pop() if self._ranked else self.space.draw(self.rng)

    _fitted_on = -1
    _ranked: list[Genome] = []  # noqa: RUF012 replaced as a whole, never changed in the class

    def _rank(self) -> list[Genome]:
        """Allowed candidates, the best last."""
        self._fitted_on = len(self.history)
        rewards = np.array([reward for reward, _ in self.history])
        features = self._features([genome for _, genome in self.history])
        middle = rewards.mean()
        precision = features.T @ features + self.ridge * np.eye(features.shape[1])
        weights = np.linalg.solve(precision, features.T @ (rewards - middle))
        if len(self.history) % 4 == 0:
            noise = float(np.std(rewards - middle - features @ weights))
            draw = np.random.default_rng(self.rng.getrandbits(32)).standard_normal(len(weights))
            weights = weights + noise * np.linalg.solve(np.linalg.cholesky(precision).T, draw)
        best = [genome for _, genome in sorted(self.history, reverse=True)[: self.parents]]
        found: set[Genome] = set()
        for _ in range(self.candidates):
            parent = self.rng.choice(best)
            kind = self.rng.random()
            if kind < 0.6:
                genome = self.space.mutate(parent, self.rng, self.rng.choice((1, 1, 2, 3)))
            elif kind < 0.8:
                genome = self.space.cross(parent, self.rng.choice(best), self.rng)
            else:
                genome = self.space.draw(self.rng)
            if genome not in self._seen and genome not in found and self._allowed(genome):
                found.add(genome)
        candidates = sorted(found)
        if not candidates:
            return []
        order = np.argsort(self._features(candidates) @ weights, kind="stable")
        return [candidates[i] for i in order]

    def _features(self, genomes: list[Genome]) -> np.ndarray:
        """One column per option, centred by the number of options."""
        lengths = self.space.lengths
        firsts = np.cumsum([0, *lengths[:-1]])
        table = np.tile(np.repeat([-1.0 / length for length in lengths], lengths), (len(genomes), 1))
        rows = np.arange(len(genomes))
        for gene, first in enumerate(firsts):
            table[rows, first + np.array([genome[gene] for genome in genomes])] += 1.0
        return table


STRATEGIES: dict[str, type[Strategy]] = {"random": RandomSearch, "evolution": Evolution, "surrogate": Surrogate}
"""The word of the command line and the page → the class."""


def strategy(name: str) -> type[Strategy]:
    """A strategy by its name. Raises ArchError for an unknown one, with those known."""
    if name not in STRATEGIES:
        raise ArchError(f"no strategy {shorten(name)}; allowed: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
