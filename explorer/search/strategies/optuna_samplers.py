"""Optuna's samplers as strategies: TPE, NSGA-II, and NSGA-II on the Pareto front of reward and cost.

A study holds what was told and nothing else, and each sampler is seeded anew, so a search is continued from its log.
Optuna is imported when a strategy is made; the other strategies need no package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archs import ArchError
from explorer.search.parts import Genome
from explorer.search.space import Space
from explorer.search.strategies.base import Strategy

INSTALL = "python -m pip install optuna==5.0.0"
SAMPLED = 4
"""Genomes that the sampler is asked for; then mutants of its last one are tried, which cost a hundredth."""
POPULATION = 20
"""Of NSGA-II: five generations in 100 evaluations."""


class _Sampled(Strategy):
    """A study that is told each evaluated genome as a complete trial; one that is only asked for is no trial."""

    pareto = False
    blocks = (*[1] * SAMPLED, 16)

    def __init__(
        self,
        space: Space,
        seed: int,
        allowed: Callable[[Genome], bool] = lambda _: True,
        cost: Callable[[Genome], float] | None = None,
        expect: Callable[[Sequence[Genome]], None] = lambda _: None,
    ):
        super().__init__(space, seed, allowed, cost, expect)
        try:
            import optuna
        except ImportError:
            raise ArchError(f"this strategy needs the package optuna; install it with `{INSTALL}`") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: Any = optuna
        self._choices = {
            f"{gene}": optuna.distributions.CategoricalDistribution(tuple(range(length)))
            for gene, length in enumerate(space.lengths)
        }
        self._directions: Any = ["maximize", "minimize"] if self.pareto and cost else ["maximize"]
        self._study: Any = optuna.create_study(directions=self._directions, sampler=self._sampler(0))
        self._asked, self._proposed = -1, 0
        self._last: Genome = ()

    def _sampler(self, seed: int) -> Any:
        raise NotImplementedError

    def propose(self) -> Genome:
        if self._asked != len(self._seen):
            self._asked, self._proposed = len(self._seen), 0
            self._study.sampler = self._sampler(self.rng.getrandbits(31))
        self._proposed += 1
        if self._proposed > SAMPLED:
            return self.space.mutate(self._last, self.rng, 2)
        trial = self._study.ask(self._choices)
        genome = tuple([trial.params[name] for name in self._choices])
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        self._last = genome if self.space.valid(genome) else self.space.draw(self.rng)
        return self._last

    def tell(self, genome: Genome, reward: float) -> None:
        generation = len(self.history) // POPULATION
        super().tell(genome, reward)
        self._study.add_trial(
            self._optuna.trial.create_trial(
                values=[reward, self._cost(genome)] if len(self._directions) > 1 and self._cost else [reward],
                params={name: gene for name, gene in zip(self._choices, genome)},
                distributions=self._choices,
                system_attrs={"NSGAIISampler:generation": generation},
            )
        )


class Tpe(_Sampled):
    """Tree-structured Parzen estimators (Bergstra et al. 2011), one per choice."""

    def _sampler(self, seed: int) -> Any:
        return self._optuna.samplers.TPESampler(seed=seed)


class Nsga2(_Sampled):
    """NSGA-II (Deb et al. 2002) on the reward alone: an elitist genetic algorithm with crossover."""

    def tell(self, genome: Genome, reward: float) -> None:
        super().tell(genome, reward)
        generation, rest = divmod(len(self.history), POPULATION)
        if not rest:
            # Parents are listed in another order when Optuna selects them than when it reads them again: select now
            self._study.sampler.get_parent_population(self._study, generation)

    def _sampler(self, seed: int) -> Any:
        return self._optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)


class Pareto(Nsga2):
    """NSGA-II on reward and cost at once: the front, of which one is chosen afterwards."""

    pareto = True
