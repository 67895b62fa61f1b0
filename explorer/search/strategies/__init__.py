"""Strategies of a search by name. `base.py` says what one is; the others are one kind each."""

from archs import ArchError
from archs.errors import shorten
from explorer.search.strategies.base import Exhausted, Strategy
from explorer.search.strategies.genetic import Evolution, RandomSearch
from explorer.search.strategies.optuna_samplers import Nsga2, Pareto, Tpe
from explorer.search.strategies.surrogate import Surrogate

STRATEGIES: dict[str, type[Strategy]] = {
    "random": RandomSearch,
    "evolution": Evolution,
    "surrogate": Surrogate,
    "tpe": Tpe,
    "nsga2": Nsga2,
    "pareto": Pareto,
}
"""The word of the command line and the page → the class."""


def strategy(name: str) -> type[Strategy]:
    """A strategy by its name. Raises ArchError for an unknown one, with those known."""
    if name not in STRATEGIES:
        raise ArchError(f"no strategy {shorten(name)}; allowed: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]


__all__ = ["STRATEGIES", "Evolution", "Exhausted", "RandomSearch", "Strategy", "Surrogate", "strategy"]
