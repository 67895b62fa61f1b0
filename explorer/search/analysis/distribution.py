"""Empirical distributions of scores, plain and at equal latency, and how far two of them are apart.

As in Radosavovic et al. 2019 (arXiv:1905.13214) and RegNet (2020, arXiv:2003.13678). No spaces and no figures here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10
"""Of latency, in which networks weigh equally much."""


class Difference(NamedTuple):
    """The Kolmogorov-Smirnov statistic of two samples with its 95 % bootstrap interval and p-value."""

    statistic: float
    low: float
    high: float
    p_value: float


def edf(scores: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Scores from the best on, and the share of the weight of all networks that are at least as good.

    >>> [part.tolist() for part in edf(np.array([60.0, 80.0, 70.0, 70.0]))]
    [[80.0, 70.0, 70.0, 60.0], [0.25, 0.5, 0.75, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    weights = np.ones(len(scores)) if weights is None else weights
    shares = np.cumsum(weights[order])
    return scores[order], shares / shares[-1]


def equal_latency(latency_ms: Floats, bins: int = BINS) -> Floats:
    """Weights with which the networks of each bin of latency count as much as those of each other bin.

    >>> equal_latency(np.array([1.0, 1.1, 1.2, 9.0]), 2).round(3).tolist()
    [0.167, 0.167, 0.167, 0.5]
    """
    ends = np.linspace(latency_ms.min(), latency_ms.max(), bins + 1)
    number = np.clip(np.searchsorted(ends, latency_ms, side="right") - 1, 0, bins - 1)
    filled = np.bincount(number, minlength=bins)
    return 1.0 / (filled[number] * np.count_nonzero(filled))


def difference(one: Floats, other: Floats, resamples: int, seed: int) -> Difference:
    """How far two samples' distributions are apart, at most. The interval is of resampled networks of both."""
    from scipy.stats import bootstrap, ks_2samp

    found = ks_2samp(one, other, method="asymp")
    interval = bootstrap(
        (one, other),
        largest_distance,
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(float(found.statistic), float(interval.low), float(interval.high), float(found.pvalue))


def largest_distance(one: Floats, other: Floats) -> float:
    """The Kolmogorov-Smirnov statistic: the largest distance between two empirical distribution functions.

    >>> largest_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    values = np.concatenate((one, other))
    shares = [np.searchsorted(np.sort(part), values, side="right") / len(part) for part in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())
