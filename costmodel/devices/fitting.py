"""Weights of a device's terms from timed networks, and the errors and intervals of the fit. No files, no graphs.

latency = (terms · weights) · exp(residual): the weights are non-negative least squares on relative error with a prior
from other devices; the residual is a Gaussian process over networks with an effect per source, so that a network like
a timed one is corrected by it and one unlike all is not, and has the wider interval. Scipy is imported where it is
used: with it, `import costmodel` takes a third longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """What devices have in common: each term's share of a mean network's time, and how far devices differ in it."""

    reference: Array
    """The terms of a mean network, by which weights are made shares of its time."""
    mean: Array
    spread: Array


@dataclass(frozen=True)
class Residual:
    """Hyperparameters of the residual: standard deviations of log latency, and a length in described coordinates."""

    amplitude: float
    length: float
    source: float
    noise: float


@dataclass(frozen=True)
class Timed:
    """Networks with their latencies on one device; one row each."""

    terms: Array
    places: Array
    latency_ms: Array
    networks: tuple[str, ...]
    families: tuple[str, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.networks)

    def rows(self, chosen: Array | Sequence[int]) -> Timed:
        index = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen, int)
        return Timed(
            self.terms[index], self.places[index], self.latency_ms[index],
            *(tuple(names[i] for i in index) for names in (self.networks, self.families, self.sources)),
        )  # fmt: skip


def publication(source: str) -> str:
    """Which paper or file a row is of: its rows were timed together.

    >>> publication("MobileNetV3 paper arXiv:1905.02244v5 Table 3")
    'MobileNetV3 paper arXiv:1905.02244v5'
    """
    return source.partition(" Table")[0]


@dataclass(frozen=True)
class Fit:
    """A fitted device, without names."""

    weights: Array
    places: Array
    sources: tuple[str, ...]
    residuals: Array
    model: Residual

    @cached_property
    def _factor(self) -> tuple[Array, bool]:
        from scipy.linalg import cho_factor

        covariance = _covariance(self.model, self.places, self.places, self.sources, self.sources)
        return cho_factor(covariance + self.model.noise**2 * np.eye(len(self.residuals)))

    def _solved(self, right: Array) -> Array:
        from scipy.linalg import cho_solve

        found: Array = cho_solve(self._factor, right)
        return found

    def log_likelihood(self) -> float:
        """Of each residual given the others (Sundararajan and Keerthi 2001): less sure of itself than the marginal."""
        inverse = self._solved(np.eye(len(self.residuals)))
        variance = 1.0 / np.diag(inverse)
        missed = (inverse @ self.residuals) * variance
        return float(-0.5 * (np.log(variance) + missed**2 / variance).sum())

    def predict(self, terms: Array, places: Array, sources: Sequence[str]) -> tuple[Array, Array]:
        """Milliseconds, and the standard deviation of their logarithm."""
        cross = _covariance(self.model, places, self.places, sources, self.sources)
        correction = cross @ self._solved(self.residuals)
        known = np.einsum("ij,ji->i", cross, self._solved(cross.T))
        prior = self.model.amplitude**2 + self.model.source**2 + self.model.noise**2
        return (terms @ self.weights) * np.exp(correction), np.sqrt(np.maximum(prior - known, self.model.noise**2))


def _covariance(model: Residual, left: Array, right: Array, left_of: Sequence[str], right_of: Sequence[str]) -> Array:
    distance = ((left[:, None] - right[None]) ** 2).sum(axis=-1)
    same = np.array([[a == b for b in right_of] for a in left_of], float).reshape(len(left_of), len(right_of))
    return model.amplitude**2 * np.exp(-distance / (2 * model.length**2)) + model.source**2 * same


NOISE = 0.07
"""Relative error of one timing that the prior on the weights is set against."""


HUBER = 0.15
"""Log error above which a row counts for less, so that one typing error does not bend a device."""
ROUNDS = 4


def weights_of(timed: Timed, prior: Prior) -> Array:
    """Non-negative weights, milliseconds per unit of each term; Huber's by iterated least squares."""
    from scipy.optimize import nnls

    rows = timed.terms / prior.reference / timed.latency_ms[:, None]
    speed = 1 / float(np.median(rows @ prior.mean))  # of the mean device, scaled
    found, trust = prior.mean * speed, np.ones(len(rows))
    for turn in range(ROUNDS):
        if turn:
            trust = np.sqrt(_trust(np.log(np.maximum(rows @ found, 1e-9))))
        spread = NOISE / (prior.spread * speed)
        system = np.vstack([rows * trust[:, None], np.diag(spread)])
        found, _ = nnls(system, np.concatenate([trust, spread * speed * prior.mean]))
        speed = float(found.sum())
    return found / prior.reference


def _trust(errors: Array) -> Array:
    """Huber's weights; the threshold grows with the median error, so that a poor fit uses all its rows."""
    limit = max(HUBER, 2.5 * float(np.median(np.abs(errors))))
    found: Array = np.minimum(1.0, limit / np.maximum(np.abs(errors), 1e-9))
    return found


RESIDUALS = tuple(
    Residual(amplitude, length, source, noise)
    for amplitude in (0.03, 0.1, 0.2)
    for length in (2.0, 4.0)
    for source in (0.01, 0.05)
    for noise in (0.02, 0.05)
)
"""The residual processes that a fit chooses from, by the likelihood of its own rows.

A length below 2 would tell apart networks of one family that differ by a step of width or resolution."""


def fit(timed: Timed, prior: Prior, models: Sequence[Residual] = RESIDUALS) -> Fit:
    """Weights, then the residual process on what they leave."""
    weights = weights_of(timed, prior)
    residuals = np.log(timed.latency_ms / (timed.terms @ weights))
    limit = max(HUBER, 5 * float(np.median(np.abs(residuals))))
    residuals = np.clip(residuals, -limit, limit)
    found = (Fit(weights, timed.places, timed.sources, residuals, model) for model in models)
    return max(found, key=Fit.log_likelihood)


def left_out(
    timed: Timed, groups: Sequence[str], prior: Prior, models: Sequence[Residual] = RESIDUALS
) -> tuple[Array, Array] | None:
    """Predictions and standard deviations of every row by a fit without its group; None where there is one group."""
    if len(set(groups)) < 2:
        return None
    milliseconds, deviations = np.zeros(len(timed)), np.zeros(len(timed))
    for group in dict.fromkeys(groups):
        out = np.array([g == group for g in groups])
        rest, these = timed.rows(~out), timed.rows(out)
        milliseconds[out], deviations[out] = fit(rest, prior, models).predict(these.terms, these.places, these.sources)
    return milliseconds, deviations


def prior_of(weights: Sequence[Array], reference: Array, floor: float = 0.02) -> Prior:
    """Mean and spread over devices of each term's share of a mean network's time."""
    shares = np.array([w * reference / (w * reference).sum() for w in weights])
    return Prior(reference, shares.mean(axis=0), shares.std(axis=0) + floor)
