"""Random search and regularised evolution."""

from __future__ import annotations

from explorer.search.parts import Genome
from explorer.search.strategies.base import Strategy


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
