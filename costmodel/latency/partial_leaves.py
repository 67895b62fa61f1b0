"""A forest taken apart by column: what each column adds to the leaf of each tree.

A leaf's number is a sum of one bit per level, and each bit belongs to one column. What the static columns of a node add
is found once and kept; the columns that differ from network to network are looked up by bin.
`costmodel.latency.trees` evaluates the same forests for samples that share nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costmodel.latency.trees import BITS, LEVELS, Forest

Leaves = NDArray[np.uint8]
AT_ONCE = 128  # samples whose 100 leaves' addresses and values stay in the second-level cache


class PartialLeaves:
    """The first `static` columns' part of a leaf at once, every other column's part by a table of its bins."""

    def __init__(self, forest: Forest, dynamic: Sequence[int]):
        self.trees = len(forest.values)
        self._start = forest.start
        self._values = forest.values.ravel()
        self._first = (np.arange(self.trees) << LEVELS).astype(np.intp)
        bits = np.broadcast_to(BITS, forest.columns.shape)
        self._tables = [_table(forest, bits, column) for column in dynamic]
        self._columns, self._thresholds = forest.columns.ravel(), forest.thresholds.ravel()
        self._bits = np.where(np.isin(forest.columns, dynamic), 0, bits).astype(np.uint8)

    def static(self, columns: NDArray[np.float64]) -> Leaves:
        """columns: samples × all columns, of which the dynamic ones are not read → samples × trees."""
        answers = (columns[:, self._columns] > self._thresholds).view(np.uint8).reshape(-1, *self._bits.shape)
        return np.einsum("ntl,tl->nt", answers, self._bits)

    def predict(self, leaves: Leaves, dynamic: NDArray[np.float64]) -> NDArray[np.float64]:
        """leaves: the static part, which is added to; dynamic: columns × samples → one value per sample."""
        for (thresholds, parts), column in zip(self._tables, dynamic):
            if len(thresholds):
                leaves += parts.take(thresholds.searchsorted(column), axis=0)
        found = np.empty(len(leaves))
        for first in range(0, len(leaves), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            self._values.take(leaves[part] + self._first).sum(axis=1, out=found[part])
        return self._start + found


def _table(forest: Forest, bits: NDArray[np.uint8], column: int) -> tuple[NDArray[np.float64], Leaves]:
    """A column's distinct thresholds, and what each of its bins adds to each tree's leaf: bins × trees."""
    asked = forest.columns == column
    thresholds = np.unique(forest.thresholds[asked])
    parts = np.zeros((len(thresholds) + 1, len(forest.values)), np.uint8)
    for tree, level in zip(*np.nonzero(asked)):
        parts[thresholds.searchsorted(forest.thresholds[tree, level]) + 1 :, tree] += bits[tree, level]
    return thresholds, parts
