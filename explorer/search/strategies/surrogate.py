"""A model of the reward, linear in the options, and candidates that are ranked by it."""

from __future__ import annotations

import numpy as np

from explorer.search.parts import Genome
from explorer.search.strategies.base import Strategy


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
        made: dict[Genome, None] = {}
        for _ in range(self.candidates):
            parent = self.rng.choice(best)
            kind = self.rng.random()
            if kind < 0.6:
                genome = self.space.mutate(parent, self.rng, self.rng.choice((1, 1, 2, 3)))
            elif kind < 0.8:
                genome = self.space.cross(parent, self.rng.choice(best), self.rng)
            else:
                genome = self.space.draw(self.rng)
            made[genome] = None
        new = [genome for genome in made if self._is_new(genome)]
        self._expect(new)
        candidates = sorted([genome for genome in new if self._allowed(genome)])
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
