"""What a search maximises, and whose number it is: the tier of an accuracy is part of it and never mixed with another.

Published results, the frontier's estimate, training-free proxies, and a function of the user's. Training is not here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import costmodel
from archs import ArchError, Graph, Spec, build
from archs.errors import shorten
from explorer.data import accuracy
from explorer.data.profiles import folded_for
from explorer.search.nas_bench_macro import table
from explorer.search.parts import Genome
from explorer.search.space import Space

Interval = tuple[float, float, float]
"""(latency_ms, low_ms, high_ms)."""
BAND = 0.05
"""Half the width of a band of equal cost, as a share of it."""


@dataclass(frozen=True)
class Objective:
    """A score per genome. `is_accuracy`: whether the score is a top-1 accuracy in percent, and not a proxy's number."""

    name: str
    tier: str
    is_accuracy: bool
    score: Callable[[Space, Genome], float]
    note: str
    of_table: Callable[[Spec], float] | None = None
    """The same score of a table that is of no space, where there is one."""

    @property
    def unit(self) -> str:
        """`estimated top-1, %` or `mult-adds (proxy)`: the axis and the column of the score."""
        return f"{self.tier} top-1, %" if self.is_accuracy else f"{self.name.replace('_', '-')} ({self.tier})"

    def of_spec(self, spec: Spec) -> float:
        """The score of a table. Raises ArchError for an objective of one space's genomes."""
        if self.of_table is None:
            raise ArchError(f"{self.name} scores the networks of its own space alone; use another objective")
        return self.of_table(spec)


def _by_table(name: str, tier: str, is_accuracy: bool, of_table: Callable[[Spec], float], note: str) -> Objective:
    return Objective(name, tier, is_accuracy, lambda space, genome: of_table(space.spec(genome)), note, of_table)


def _estimated(spec: Spec) -> float:
    found = accuracy.estimate(spec)
    if found is None:
        raise ArchError(f"{spec.name}: no estimated accuracy ({accuracy.not_estimated(spec)}); use another objective")
    return found.top1_pct


def _published(space: Space, genome: Genome) -> float:
    if space.name != "nas_bench_macro":
        raise ArchError(f"space {space.name} has no published accuracies; allowed: nas_bench_macro")
    return float(table().accuracy[table().index[genome]])


def _total(column: str) -> Objective:
    def of_graph(graph: Graph) -> float:
        return float(getattr(costmodel.count_many([graph])[0], column))

    return Objective(
        column,
        "proxy",
        False,
        lambda space, genome: of_graph(space.graph(genome)),
        "more is taken as better",
        lambda spec: of_graph(build(spec)),
    )


def _own(name: str) -> Objective:
    """The user's `module:function`, which takes a Spec and returns a number. Importing it runs its module."""
    module, _, function = name.partition(":")
    try:
        found: Callable[[Spec], float] = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise ArchError(
            f"objective {shorten(name)}: {_reason(error)}; allowed: module:function, importable here"
        ) from None

    def score(spec: Spec) -> float:
        try:
            value = found(spec)
        except Exception as error:
            raise ArchError(f"objective {shorten(name)} failed on {spec.name} with {_reason(error)}") from None
        if not isinstance(value, (int, float)) or not np.isfinite(value):
            raise ArchError(f"objective {shorten(name)} returned {shorten(value)}; allowed: a finite number")
        return float(value)

    return _by_table(name, "own", False, score, "the user's function")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {shorten(str(error))}"


OBJECTIVES: dict[str, Objective] = {
    one.name: one
    for one in (
        _by_table("estimated", "estimated", True, _estimated, accuracy.METHOD),
        Objective("nas_bench_macro", "published", True, _published, "CIFAR-10, mean of three runs, arXiv:2103.11922"),
        _total("mult_adds"),
        _total("params"),
    )
}


def objective(name: str) -> Objective:
    """An objective by its name, or the user's `module:function`. Raises ArchError for an unknown one."""
    if ":" in name:
        return _own(name)
    if name not in OBJECTIVES:
        raise ArchError(f"no objective {shorten(name)}; allowed: {', '.join(OBJECTIVES)}, module:function")
    return OBJECTIVES[name]


def rank_correlation(scores: np.ndarray, half: float | None = BAND) -> float:
    """Spearman's correlation of scores with NAS-Bench-Macro's accuracies, one per network.

    `half`: mean over bands of ± this share of multiply-adds, around every decile; None for all networks together.
    """
    from scipy.stats import spearmanr

    known = table()
    if half is None:
        return float(spearmanr(scores, known.accuracy).statistic)
    found = []
    for centre in np.quantile(known.mult_adds, np.linspace(0.1, 0.9, 9)):
        band = np.abs(known.mult_adds / centre - 1) <= half
        found.append(spearmanr(scores[band], known.accuracy[band]).statistic)
    return float(np.mean(found))


def price(graphs: list[Graph], profile: costmodel.DeviceProfile, folded: bool = False) -> list[Interval]:
    """(latency_ms, low_ms, high_ms) of graphs, batch norm folded if asked for or if the profile is of folded ones."""
    return costmodel.predict_many([folded_for(graph, profile, folded) for graph in graphs], profile)


def price_each(
    graphs: list[Graph], profile: costmodel.DeviceProfile, folded: bool = False
) -> list[Interval | costmodel.CostError]:
    """As `price`, with the error of each graph that the profile cannot price in its place."""
    try:
        return list(price(graphs, profile, folded))
    except costmodel.CostError as error:
        if len(graphs) == 1:
            return [error]
        return [found for graph in graphs for found in price_each([graph], profile, folded)]
