"""A sweep's networks with a score each, and its summary: what each parameter changes and where its good values lie.

Good ranges as in RegNet (Radosavovic et al. 2020, arXiv:2003.13678, section 3.2): the best of a random quarter of the
networks, drawn again and again. Start at `read` and `summary`; figures are `explorer.figures.search.sweep`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from archs import ArchError
from archs.errors import shorten
from explorer.data import accuracy
from explorer.search.analysis.distribution import Difference, Floats, difference, largest_distance
from explorer.search.objectives import Objective
from explorer.search.parts import Genome
from explorer.search.space import Space
from explorer.search.spaces import space as space_of
from explorer.search.sweep import read_part

if TYPE_CHECKING:
    import pandas

SCORED = 2000
"""Networks that are scored by default, the first of the sweep: an estimate takes about a millisecond."""
SHARE, RESAMPLES, LEVEL = 0.25, 2500, 0.95
"""Of a good range: the part of the networks that a resample draws, how many there are, and its level."""
BOOTSTRAP = 500
"""Resamples of a Kolmogorov-Smirnov statistic."""
LEAST = 20
"""Networks with scores, below which nothing is summarised; and with an option, below which it is not compared."""
COSTS = ("latency_ms", "mult_adds", "params")


@dataclass(frozen=True, eq=False)
class SweepTable:
    """Scored networks of a space, row by row: genomes, COSTS and scores."""

    space: Space
    objective: Objective
    genomes: tuple[Genome, ...]
    costs: pandas.DataFrame
    scores: Floats
    without: int = 0
    """Networks without a latency or a score, which are left out."""

    @cached_property
    def genes(self) -> np.ndarray:
        """Networks × genes."""
        return np.array(self.genomes)

    @property
    def parameters(self) -> list[tuple[str, tuple[str, ...]]]:
        """The genes: name and the labels of the options."""
        found = [(choice.name, tuple(option.label for option in choice.options)) for choice in self.space.choices]
        return found + ([("resolution", tuple(map(str, self.space.resolutions)))] if self.space.resolutions else [])


class GoodRange(NamedTuple):
    """The values of the best of resampled networks: median and 95 % range. Of an option: its label and position."""

    parameter: str
    low: str
    likely: str
    high: str
    positions: tuple[float, float, float]
    """From 0, the first option or the least cost, to 1."""


class Influence(NamedTuple):
    """The option of a parameter whose networks' scores differ most from those of all others."""

    parameter: str
    option: str
    difference: Difference


@dataclass(frozen=True)
class SweepSummary:
    """The good ranges, and the parameters from the largest difference on."""

    networks: int
    without: int
    ranges: tuple[GoodRange, ...]
    influences: tuple[Influence, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "without_score": self.without,
            "good_ranges": [one._asdict() for one in self.ranges],
            "influences": [one._asdict() | {"difference": one.difference._asdict()} for one in self.influences],
        }

    def lines(self) -> list[str]:
        """In words, a line each."""
        found = [f"{self.networks:,} networks scored, {self.without:,} without a score"]
        found += [f"good    {one.parameter}: {one.low} to {one.high}, likely {one.likely}" for one in self.ranges]
        for one in self.influences:
            ends = f"{one.difference.low:.2f} to {one.difference.high:.2f}"
            found.append(f"changes {one.parameter}: {one.option} by D = {one.difference.statistic:.2f} ({ends})")
        return found


def objective_of(space: str) -> str:
    """The name of the objective that a space's networks have: published, estimated, else a proxy."""
    if space == "nas_bench_macro":
        return space
    return "estimated" if accuracy.estimate(space_of(space).base) else "mult_adds"


def check_scored(scored: int) -> None:
    """Raises ArchError where a summary would have too few networks."""
    if scored < LEAST:
        raise ArchError(f"found {scored} networks to score; allowed: at least {LEAST}")


def read(
    folder: Path,
    space: Space,
    objective: Objective,
    scored: int = SCORED,
    progress: Callable[[float, str], None] = lambda *_: None,
) -> SweepTable:
    """The first `scored` networks of a sweep's parts, scored. Raises ArchError where too few have a score."""
    import pandas

    check_scored(scored)
    paths = sorted(folder.glob("part-*.parquet"))
    tables, count = [], 0
    for path in paths:
        if count < scored:
            tables.append(read_part(path, space))
            count += len(tables[-1])
    if not tables:
        raise ArchError(f"{folder} holds no part of a sweep; allowed: the folder of one")
    rows = pandas.concat(tables, ignore_index=True)[:scored]
    return of_rows(space, objective, [tuple(map(int, one)) for one in rows["genome"]], rows[list(COSTS)], progress)


def of_rows(
    space: Space,
    objective: Objective,
    genomes: Sequence[Genome],
    costs: pandas.DataFrame,
    progress: Callable[[float, str], None] = lambda *_: None,
) -> SweepTable:
    """The table of networks whose COSTS are known. Raises ArchError where too few have a score."""
    scores, problem = np.full(len(genomes), np.nan), ""
    for number, genome in enumerate(genomes):
        try:
            scores[number] = objective.score(space, genome)
        except ArchError as error:
            problem = str(error)
        progress((number + 1) / len(genomes), f"{number + 1:,} of {len(genomes):,} networks scored")
    known = np.isfinite(scores) & costs["latency_ms"].notna().to_numpy()
    if known.sum() < LEAST:
        why = f": {shorten(problem)}" if problem else ""
        raise ArchError(f"{known.sum()} networks have a score and a latency{why}; allowed: at least {LEAST}")
    return SweepTable(
        space,
        objective,
        tuple([genome for genome, has in zip(genomes, known) if has]),
        costs[known].reset_index(drop=True),
        scores[known],
        int((~known).sum()),
    )


def summary(table: SweepTable, seed: int = 0) -> SweepSummary:
    """Good ranges and influences. Equal seeds give equal summaries."""
    return SweepSummary(
        len(table.scores), table.without, tuple(good_ranges(table, seed)), tuple(influences(table, seed))
    )


def good_ranges(table: SweepTable, seed: int) -> list[GoodRange]:
    """Of each parameter with several options, and of the costs."""
    rng = np.random.default_rng(seed)
    count = len(table.scores)
    size = max(1, round(SHARE * count))
    best = np.empty(RESAMPLES, np.intp)
    for number in range(RESAMPLES):
        drawn = rng.integers(count, size=size)
        best[number] = drawn[table.scores[drawn].argmax()]
    found = []
    for gene, (name, labels) in enumerate(table.parameters):
        if len(labels) > 1:
            low, likely, high = _ends(table.genes[best, gene])
            last = len(labels) - 1
            shown = [labels[int(end)] for end in (low, likely, high)]
            found.append(_range(name, shown, (low / last, likely / last, high / last)))
    for name in COSTS:
        values = table.costs[name].to_numpy(float)
        least, span = values.min(), (values.max() - values.min()) or 1.0
        low, likely, high = _ends(values[best])
        shown = [f"{end:,.4g}" for end in (low, likely, high)]
        found.append(_range(name, shown, ((low - least) / span, (likely - least) / span, (high - least) / span)))
    return found


def _range(parameter: str, shown: Sequence[str], positions: tuple[float, float, float]) -> GoodRange:
    low, likely, high = shown
    return GoodRange(parameter, low, likely, high, positions)


def _ends(values: np.ndarray) -> tuple[float, float, float]:
    """Low end, median, high end."""
    tail = (1 - LEVEL) / 2
    low, likely, high = np.quantile(values, [tail, 0.5, 1 - tail], method="inverted_cdf")
    return float(low), float(likely), float(high)


def influences(table: SweepTable, seed: int) -> list[Influence]:
    """Of each parameter the option that differs most, the largest difference first."""
    found = []
    for gene, (name, labels) in enumerate(table.parameters):
        chosen, largest = -1, -1.0
        for option in range(len(labels)):
            has = table.genes[:, gene] == option
            if min(has.sum(), (~has).sum()) >= LEAST:
                distance = largest_distance(table.scores[has], table.scores[~has])
                chosen, largest = (option, distance) if distance > largest else (chosen, largest)
        if chosen >= 0:
            has = table.genes[:, gene] == chosen
            apart = difference(table.scores[has], table.scores[~has], BOOTSTRAP, seed)
            found.append(Influence(name, labels[chosen], apart))
    return sorted(found, key=lambda one: -one.difference.statistic)
