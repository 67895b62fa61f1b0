"""Boosted oblivious trees in numpy: fitted in seconds, evaluated in microseconds, stored as plain numbers.

An oblivious tree has one split per level (Prokhorenkova et al. 2018, "CatBoost", arXiv:1706.09516, section 4), so a
forest is one comparison and one table look-up. Nothing here knows networks or time. Start at `fit` and `Forests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = 6
BITS = 1 << np.arange(LEVELS, dtype=np.uint8)[::-1]
BINS = 40
MOST = 0.9  # of the residuals lie within their bound
AT_ONCE = 128  # samples whose 100 leaves' addresses and values stay in the second-level cache
Leaves = NDArray[np.uint8]


@dataclass(frozen=True)
class Forest:
    """`predict(x)[i] = start + Σ_t values[t, leaf of x[i] in tree t]`; level 0 is the leaf's highest bit."""

    start: float
    columns: NDArray[np.int64]  # trees × LEVELS
    thresholds: Floats  # trees × LEVELS; a sample goes to the 1-branch where x > threshold
    values: Floats  # trees × 2^LEVELS

    @cached_property
    def _questions(self) -> tuple[NDArray[np.int64], Floats, NDArray[np.intp]]:
        """Columns and thresholds of the distinct questions, and where each is asked: LEVELS × trees."""
        questions = np.stack((self.columns.T.ravel(), self.thresholds.T.ravel()), axis=1)
        distinct, where = np.unique(questions, axis=0, return_inverse=True)
        thresholds = distinct[:, 1:].astype(np.float64)
        return distinct[:, 0].astype(np.int64), thresholds, where.reshape(LEVELS, -1)

    def answers(self, columns: Floats) -> NDArray[np.uint8]:
        """`columns`: columns × samples → LEVELS × trees × samples: 1 where a sample goes to the 1-branch."""
        distinct, thresholds, where = self._questions
        return (columns.take(distinct, axis=0) > thresholds).view(np.uint8).take(where, axis=0)

    def predict(self, x: Floats) -> Floats:
        """x: samples × columns → one value per sample."""
        return Forests((self,)).predict(x, np.zeros(len(x), np.intp))


class Forests:
    """Several forests, each for samples of its own, at once: of few samples most of the time is numpy's for a call."""

    def __init__(self, forests: Sequence[Forest]):
        self._forests = forests
        self._starts = np.array([forest.start for forest in forests])
        self._trees = max((len(forest.values) for forest in forests), default=0)
        self._values = np.zeros((len(forests), self._trees, 1 << LEVELS))  # a small forest has trees that say 0
        for values, forest in zip(self._values, forests):
            values[: len(forest.values)] = forest.values

    def predict(self, x: Floats, which: NDArray[np.intp]) -> Floats:
        """x: samples × columns; which: the number of each sample's forest → one value per sample."""
        order = which.argsort(kind="stable")
        which, columns = which[order], x.T.take(order, axis=1)
        answers = np.zeros((LEVELS, self._trees, len(x)), np.uint8)
        end = 0
        for forest, samples in zip(self._forests, np.bincount(which).tolist()):
            if samples:
                begin, end = end, end + samples
                answers[:, : len(forest.values), begin:end] = forest.answers(columns[:, begin:end])
        leaf = np.add.outer(np.arange(self._trees) << LEVELS, which * (self._trees << LEVELS))  # its tree's first
        leaf += np.einsum("ltn,l->tn", answers, BITS)
        found = np.empty(len(x))
        found[order] = self._starts.take(which) + self._values.take(leaf).sum(axis=0)
        return found


def fit(
    x: Floats,
    y: Floats,
    trees: int = 100,
    rate: float = 0.25,
    prior: float = 4.0,
    clip: float = 0.15,
    share: float = 0.4,
    seed: int = 0,
    onto: Forest | None = None,
) -> Forest:
    """Boost on x (samples × columns), y (samples).

    A residual contributes up to `clip`, or up to what nine in ten are within where that is more (Huber's loss, with a
    bound as in Friedman 2001, "Greedy function approximation", section 4.4): an interrupted timing does not pull its
    neighbours, and a tenth of the samples that take three times as long as was known are learned in a few trees.
    `prior` shrinks leaves of few samples; every level looks at a random `share` of the columns.
    `onto`: the forest that is boosted further; its trees come first in the returned one.
    """
    rng = np.random.default_rng(seed)
    levels = np.linspace(0, 1, BINS + 1)[1:-1]
    cuts = [np.unique(np.quantile(column, levels, method="lower")) for column in x.T]
    cuts = [cut[cut < column.max()] for cut, column in zip(cuts, x.T)]
    usable = np.array([i for i, cut in enumerate(cuts) if len(cut)], dtype=np.int64)
    if onto is None:
        onto = Forest(0.0, np.zeros((0, LEVELS), np.int64), np.zeros((0, LEVELS)), np.zeros((0, 1 << LEVELS)))
    rest = y - onto.predict(x)
    start = float(np.median(rest))
    if not len(usable) or len(y) < 8:
        return replace(onto, start=onto.start + start)
    binned = {i: np.searchsorted(cuts[i], x[:, i], side="left") for i in usable}
    tries = max(1, int(len(usable) * share))
    rest = rest - start
    columns, thresholds, values = [onto.columns], [onto.thresholds], [onto.values]
    for _ in range(trees):
        most = max(clip, float(np.quantile(np.abs(rest), MOST)))
        pull = np.clip(rest, -most, most)
        leaf = np.zeros(len(y), np.int64)
        questions = []
        for level in range(LEVELS):
            candidates = rng.choice(usable, tries, replace=False)
            scored = [_best_cut(leaf, 1 << level, binned[i], len(cuts[i]), pull, prior) for i in candidates]
            best = max(range(tries), key=lambda i: scored[i][0])
            column, cut = candidates[best], scored[best][1]
            questions.append((column, cuts[column][cut]))
            leaf = 2 * leaf + (binned[column] > cut)
        size = np.bincount(leaf, minlength=1 << LEVELS)
        value = rate * np.bincount(leaf, pull, 1 << LEVELS) / (size + prior)
        rest = rest - value[leaf]
        columns.append(np.array([[column for column, _ in questions]]))
        thresholds.append(np.array([[threshold for _, threshold in questions]]))
        values.append(value[None])
    return Forest(onto.start + start, np.concatenate(columns), np.concatenate(thresholds), np.concatenate(values))


def _best_cut(leaf, leaves: int, bins, cuts: int, pull, prior: float) -> tuple[float, int]:
    """The cut of one column that explains most of `pull`, over all leaves of a level at once: (gain, cut)."""
    width = cuts + 1
    place = leaf * width + bins
    sums = np.bincount(place, pull, leaves * width).reshape(leaves, width).cumsum(axis=1)
    sizes = np.bincount(place, minlength=leaves * width).reshape(leaves, width).cumsum(axis=1)
    left, n_left = sums[:, :-1], sizes[:, :-1]
    right, n_right = sums[:, -1:] - left, sizes[:, -1:] - n_left
    gain = (left * left / (n_left + prior) + right * right / (n_right + prior)).sum(axis=0)
    cut = int(gain.argmax())
    return float(gain[cut]), cut


class PartialLeaves:
    """A forest taken apart by column: what each column adds to the leaf of each tree.

    A leaf's number is a sum of one bit per level, and each bit belongs to one column. What the static columns of a node
    add is found once and kept; the dynamic ones, which differ from network to network, are looked up by bin.
    """

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
    members = forest.columns == column
    thresholds = np.unique(forest.thresholds[members])
    parts = np.zeros((len(thresholds) + 1, len(forest.values)), np.uint8)
    for tree, level in zip(*np.nonzero(members)):
        parts[thresholds.searchsorted(forest.thresholds[tree, level]) + 1 :, tree] += bits[tree, level]
    return thresholds, parts
