"""Timings of a device → its profile, with the errors and intervals found by leaving networks and families out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from costmodel.devices import terms
from costmodel.devices.fitting import Array, Prior, Timed, fit, left_out
from costmodel.devices.profile import SPREAD, FitErrors, FittedRow, WholeNetworkProfile, nearness
from costmodel.devices.tables import Device, NetworkTiming
from costmodel.devices.tables import timed as arrays
from costmodel.errors import CostError
from costmodel.latency.profile import Errors, Regime

MIN_NETWORKS = 3
FAR_OF_ONE_FAMILY = 0.6
"""Half interval far from the timed networks where they are of one family: no error there is known."""
FEW = 10
"""Below this many networks an interval is scaled as if by FEW, since the largest of a few errors is too small."""


def profile_of(
    device: Device, timings: Sequence[NetworkTiming], prior: Prior, warnings: Sequence[str] = ()
) -> WholeNetworkProfile:
    """The profile of a device. Raises CostError for fewer than MIN_NETWORKS networks."""
    timed = arrays(timings, device.fused, device.kind)
    count = len(set(timed.networks))
    if count < MIN_NETWORKS:
        raise CostError(f"timed networks: found {count}; allowed: {MIN_NETWORKS} or more, better 10; time others")
    found = fit(timed, prior)
    one = left_out(timed, timed.networks, prior)
    assert one is not None  # three networks are three groups
    family = left_out(timed, timed.families, prior)
    log_errors = np.log(timed.latency_ms / one[0])
    scores = np.abs(log_errors) / one[1]
    scale = max(_quantile(scores), SPREAD)
    if len(timed) < FEW:
        scale *= math.sqrt(FEW / len(timed))
    far = _quantile(np.abs(np.log(timed.latency_ms / family[0]))) if family else FAR_OF_ONE_FAMILY
    far = min(max(far, 2 * float(np.abs(log_errors).mean()), 0.05), 4.8)
    near = np.array([_nearness_without(timed, at, found.model.length) for at in range(len(timed))])
    errors = FitErrors(
        networks=count,
        leave_one_out_pct=_pct(_relative(one[0], timed)),
        leave_family_out_pct=_pct(_relative(family[0], timed)) if family else None,
        within_10_pct=round(100 * float((_relative(one[0], timed) <= 0.1).mean()), 1),
        coverage_pct=_coverage(log_errors, scores, one[1], near, far),
    )
    threads = device.threads or 1
    return WholeNetworkProfile(
        name=device.name,
        device=device.device,
        runtime=device.runtime,
        precision=device.precision,
        stated_threads=device.threads,
        group=device.table,  # type: ignore[arg-type]  # a word that the profile's field validates
        regime=Regime(device=device.kind, threads=threads, batch=device.batch, folded=device.fused),
        fused=device.fused,
        weights=dict(zip(terms.TERMS, found.weights.tolist())),
        amplitude=found.model.amplitude,
        length=found.model.length,
        source_effect=found.model.source,
        noise=found.model.noise,
        near_scale=round(scale, 4),
        far_half=round(far, 4),
        rows=tuple(
            FittedRow(
                network=title,
                family=of,
                source=row.source,
                batch=row.batch,
                latency_ms=row.latency_ms,
                left_out_ms=float(predicted),
                residual=float(residual),
                place=tuple(round(value, 5) for value in place.tolist()),
            )
            for title, of, row, predicted, residual, place in zip(
                timed.networks, timed.families, timings, one[0], found.residuals, timed.places
            )
        ),
        errors=errors,
        warnings=tuple(warning[:300] for warning in warnings[:8]),
        held_out={"all": _summary(timed, one[0], errors)},
    )


def _relative(predicted: Array, timed: Timed) -> Array:
    found: Array = np.abs(predicted / timed.latency_ms - 1)
    return found


def _pct(errors: Array) -> float:
    return round(100 * float(errors.mean()), 2)


def _quantile(scores: Array) -> float:
    """Split conformal: the ⌈0.9 (n + 1)⌉-th smallest."""
    return float(np.sort(scores)[min(len(scores), math.ceil(0.9 * (len(scores) + 1))) - 1])


def _nearness_without(timed: Timed, at: int, length: float) -> float:
    others = np.array([network != timed.networks[at] for network in timed.networks])
    return float(nearness(timed.places[others], timed.places[at][None], length)[0])


def _coverage(log_errors: Array, scores: Array, deviations: Array, near: Array, far: float) -> float:
    """Percent of left-out networks inside an interval whose scale is of the others' scores."""
    inside = []
    for at, (error, deviation) in enumerate(zip(log_errors, deviations)):
        others = np.delete(scores, at)
        scale = max(_quantile(others), SPREAD) * (math.sqrt(FEW / len(scores)) if len(scores) < FEW else 1.0)
        inside.append(abs(error) <= math.sqrt(near[at] * (scale * deviation) ** 2 + (1 - near[at]) * far**2))
    return round(100 * float(np.mean(inside)), 1)


def _summary(timed: Timed, predicted: Array, errors: FitErrors) -> Errors:
    from scipy.stats import spearmanr

    relative = predicted / timed.latency_ms - 1
    return Errors(
        networks=errors.networks,
        mape=errors.leave_one_out_pct,
        rmspe=round(100 * float(np.sqrt((relative**2).mean())), 2),
        bias=round(100 * float(relative.mean()), 2),
        within_5=round(100 * float((np.abs(relative) <= 0.05).mean()), 1),
        within_10=errors.within_10_pct,
        spearman=round(float(np.nan_to_num(spearmanr(predicted, timed.latency_ms).statistic)), 4),
        coverage=errors.coverage_pct,
    )
