"""NAS-Bench-Macro's results: the accuracies of 6,561 trained networks, to evaluate strategies and proxies against.

Su et al. 2021, "Prioritized Architecture Sampling with Monto-Carlo Tree Search", arXiv:2103.11922; repository
xiusu/NAS-Bench-Macro at 61a2bfc, Apache-2.0, data unchanged. CIFAR-10; three runs each.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archs.caching import cached
from explorer.search.parts import Genome

PATH = Path(__file__).with_name("nas_bench_macro.csv.gz")


@dataclass(frozen=True)
class Results:
    """One entry per network, in one order."""

    genomes: tuple[Genome, ...]
    runs: NDArray[np.float64]
    """Networks × 3 accuracies, in percent."""
    params: NDArray[np.int64]
    mult_adds: NDArray[np.int64]

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """The mean of the three runs."""
        return self.runs.mean(axis=1)

    @cached_property
    def index(self) -> dict[Genome, int]:
        return {genome: number for number, genome in enumerate(self.genomes)}

    def best_under(self, mult_adds: float) -> float:
        """The best mean accuracy among networks of at most so many multiply-adds."""
        return float(self.accuracy[self.mult_adds <= mult_adds].max())


@cached(1, "a file of the package")
def table() -> Results:
    """The results, read once."""
    with gzip.open(PATH, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Results(
        tuple([tuple(map(int, row["network"])) for row in rows]),
        np.array([[float(row[f"run{run}_pct"]) for run in (1, 2, 3)] for row in rows]),
        np.array([int(row["params"]) for row in rows]),
        np.array([int(row["mult_adds"]) for row in rows]),
    )
