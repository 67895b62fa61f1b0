"""Held-out errors and 90 % prediction intervals of a fitted model.

No clock and no fitting here. Start at `assess`; `costmodel/calibration/README.md` has the reasons for the estimators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from costmodel.latency.operator_kinds import CATALOGUE_KINDS
from costmodel.latency.predictor import LatencyModel, Priced, price
from costmodel.latency.profile import DeviceProfile, Errors, percentile_half_width
from costmodel.networks.synthetic import IMPORTED, SyntheticNetwork
from costmodel.timing.timing_records import Record

NORMAL = NormalDist()
SPAN = NORMAL.inv_cdf(0.95)  # standard deviations to either side that hold 90 % of a normal distribution
WINSORISED_AT = 0.95  # quantile of the absolute residuals to which larger ones are reduced
LIMIT = NORMAL.inv_cdf((1 + WINSORISED_AT) / 2)
MEAN_DEVIATION = 2 * (NORMAL.pdf(0) - NORMAL.pdf(LIMIT)) + LIMIT * (1 - WINSORISED_AT)
"""Mean absolute deviation of a winsorised standard normal distribution."""
MAX_EXPLAINED = 0.75  # share of the residuals' variance that measurement errors may explain: they are estimates, too
MIN_NODE_US = 20.0  # nodes above it have errors of their own
SESSION_STD = 0.012  # standard error of a network's time within one session, beside its own estimate of it
BETWEEN_SESSIONS_STD = 0.013  # additional standard deviation of three later sessions (held-out networks, six times)


@dataclass(frozen=True)
class HeldOut:
    """Errors and half widths of 90 % intervals on held-out networks. `None`: no such network was held out."""

    half_interval: float
    node_interval: float
    imported_half_interval: float | None
    imported_node_interval: float | None
    errors: Mapping[str, Errors]
    """By family, under "all" for all specs, and under "imported" for synthetic networks."""
    node_rmspe: Mapping[str, float]
    """Kind of operator → RMSPE in percent of its nodes above `MIN_NODE_US`."""


@dataclass(frozen=True)
class _Residuals:
    """Logarithms of measured over predicted, of networks of one origin (specs or synthetic networks)."""

    networks: list[float] = field(default_factory=list)
    standard_errors: list[float] = field(default_factory=list)
    nodes: list[float] = field(default_factory=list)

    def half_interval(self, known: tuple[float, int] | None) -> float | None:
        """Half width for a network, pooled with `known`, (half width, networks) of the prior; None without networks."""
        if not self.networks:
            return None
        half = math.hypot(_half_width(self.networks, self.standard_errors), SPAN * BETWEEN_SESSIONS_STD)
        return _pooled(half, len(self.networks), *known) if known else half

    def node_interval(self) -> float | None:
        return percentile_half_width(self.nodes) if self.nodes else None


def price_record(model: LatencyModel, record: Record) -> Priced:
    """The model's prediction for a timed network."""
    return price(model.regime.graph(record.spec), model)


def assess(model: LatencyModel, held_out: Sequence[Record], known: DeviceProfile | None = None) -> HeldOut:
    """Errors on held-out records, and intervals from them; specs and synthetic networks have separate intervals.

    `known`: the prior, if the model was fitted with the largest prior strength in the prior's regime. The model is then
    so close to it that its held-out residuals count, too.
    """
    specs, imported = _Residuals(), _Residuals()
    pairs = []
    relative: dict[str, list[float]] = {}
    for record in held_out:
        priced = price_record(model, record)
        synthetic = isinstance(record.spec, SyntheticNetwork)
        residuals = imported if synthetic else specs
        residuals.networks.append(math.log(record.network_us / priced.network_us))
        residuals.standard_errors.append(math.hypot(record.standard_error, SESSION_STD))
        pairs.append((IMPORTED if synthetic else record.spec.name, record.network_us, priced.network_us))
        for kind, measured, predicted in zip(priced.kinds, record.nodes_us, priced.nodes_us):
            if measured > MIN_NODE_US and synthetic == (kind not in CATALOGUE_KINDS):
                residuals.nodes.append(float(np.log(measured / predicted)))
                relative.setdefault(kind, []).append(float(predicted / measured - 1))
    half = specs.half_interval(_known_half_width(known, "all"))
    if half is None:
        raise ValueError("assess needs held-out specs")
    imported_half = imported.half_interval(_known_half_width(known, IMPORTED))
    errors_of = errors_by_family([pair for pair in pairs if pair[0] != IMPORTED], half)
    if imported_pairs := [pair for pair in pairs if pair[0] == IMPORTED]:
        errors_of[IMPORTED] = errors_by_family(imported_pairs, imported_half or half)[IMPORTED]
    return HeldOut(
        half_interval=half,
        node_interval=specs.node_interval() or 1.0,
        imported_half_interval=imported_half,
        imported_node_interval=imported.node_interval(),
        errors=errors_of,
        node_rmspe={kind: rms(off) for kind, off in relative.items()},
    )


def _half_width(logs: Sequence[float], standard_errors: Sequence[float]) -> float:
    """Half width that covers 90 % of residuals, less the variance that is due to measurement errors.

    From the winsorised mean absolute deviation: it is more stable on a few dozen networks than their 90 % quantile, and
    one outlier does not widen it. Measurement errors explain at most `MAX_EXPLAINED` of the variance.
    """
    deviation = float(np.mean(_winsorised(logs))) / MEAN_DEVIATION
    explained = float(np.mean(np.square(_winsorised(standard_errors)))) / max(deviation**2, 1e-12)
    return SPAN * deviation * math.sqrt(1 - min(explained, MAX_EXPLAINED))


def _winsorised(values: Sequence[float]) -> NDArray[np.float64]:
    """Absolute values, those above the `WINSORISED_AT` quantile reduced to it."""
    sizes = np.abs(np.asarray(values, dtype=float))
    return np.minimum(sizes, np.quantile(sizes, WINSORISED_AT))


def _known_half_width(known: DeviceProfile | None, family: str) -> tuple[float, int] | None:
    """(half width, number of held-out networks) of a profile for specs ("all") or synthetic networks ("imported")."""
    if known is None:
        return None
    half = known.half_interval if family == "all" else known.imported_half_interval
    return (half, known.held_out[family].networks) if half and family in known.held_out else None


def _pooled(half: float, networks: int, known: float, known_networks: int) -> float:
    """Half width pooled over two sets of networks, the known set having at most the weight of the other.

    Forty networks give a standard deviation within 11 %, and within 17 % after subtracting their standard errors.
    """
    weight = min(networks, known_networks)
    return math.sqrt((networks * half**2 + weight * known**2) / (networks + weight))


def rms(relative: Sequence[float] | NDArray[np.float64]) -> float:
    """Root mean square in percent, of relative errors."""
    return round(100 * float(np.sqrt(np.mean(np.square(relative)))), 2)


def errors_by_family(pairs: Sequence[tuple[str, float, float]], half_interval: float) -> dict[str, Errors]:
    """Errors over (family, measured, predicted), for each family and for "all"."""
    families = {name: [p for p in pairs if p[0] == name] for name in sorted({p[0] for p in pairs})}
    return {
        name: errors([p[1] for p in some], [p[2] for p in some], half_interval)
        for name, some in ({"all": list(pairs)} | families).items()
    }


def errors(measured: Sequence[float], predicted: Sequence[float], half_interval: float = 0.0) -> Errors:
    """Errors of predicted relative to measured, in percent, with Spearman's rank correlation and the coverage.

    `half_interval`: the 90 % interval is predicted · exp(± half_interval).
    """
    from scipy.stats import spearmanr

    m, p = np.array(measured), np.array(predicted)
    off = p / m - 1
    ranked = float(spearmanr(m, p)[0]) if len(m) > 2 and len(set(measured)) > 1 and len(set(predicted)) > 1 else 1.0
    return Errors(
        networks=len(m),
        mape=percent(abs(off)),
        rmspe=rms(off),
        bias=percent(off),
        within_5=percent(abs(off) <= 0.05),
        within_10=percent(abs(off) <= 0.10),
        spearman=round(ranked, 4),
        coverage=percent(abs(np.log(m / p)) <= half_interval),
    )


def percent(values: NDArray | Sequence[float]) -> float:
    """The mean in percent: of booleans, the share that is true."""
    return round(100 * float(np.mean(values)), 2)
