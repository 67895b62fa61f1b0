"""Raw timings → DeviceProfile: a predictor per operator kind, the step from nodes to network, and honest intervals.

Each kind has a physical base, starts + bytes / bandwidth + multiply-adds / rate, fitted to relative errors with weights
that cannot be negative, and a boosted correction of its logarithm (ANNETTE and nn-Meter meet here). Networks that were
not fitted, and were timed more often, are judged: their errors make the intervals. No clock here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np

from costmodel import trees
from costmodel.drift import by_kind
from costmodel.errors import CostError
from costmodel.features import NEAREST, OURS, features
from costmodel.foreign import IMPORTED, Foreign, recipe_dict
from costmodel.latency import Priced, price
from costmodel.profile import DeviceProfile, Errors, Predictor, Reference, Regime, percentile_half_width
from costmodel.timings import Record

SPAN = 1.645  # standard deviations to either side that hold 90 % of a normal distribution
LARGEST = 15_000  # nodes of a kind that are fitted; more only take time
BIG_US = 20.0  # nodes above it are judged one by one
SESSIONS = 0.02  # a network's spread between processes and quarters of an hour, beyond the machine's speed
LEAST = 6  # networks, below which there is nothing to fit or to judge by


def fit(
    records: Sequence[Record],
    judged: Sequence[Record],
    regime: Regime,
    name: str,
    environment: dict[str, str | int],
    probe_us: float,
    seconds: float,
    quick: bool = False,
    warnings: Sequence[str] = (),
) -> DeviceProfile:
    """Fit on `records`, and take intervals and errors from `judged`, which the fit does not see.

    Raises CostError for too few networks.
    """
    if min(len(records), len(_ours(judged))) < LEAST:
        raise CostError(
            f"{len(records)} networks were timed to fit and {len(_ours(judged))} to judge; both take at least {LEAST}: "
            "give it more time"
        )
    profile = _profile(records, regime, name, environment, probe_us, seconds, quick, tuple(warnings))
    references = [
        Reference(spec=recipe_dict(r.spec), network_us=r.network_us, kinds_us=by_kind(r.kinds(regime), r.nodes_us))
        for r in judged
    ]
    return with_errors(profile.model_copy(update={"references": tuple(references)}), judged)


def _profile(records, regime, name, environment, probe_us, seconds, quick, warnings) -> DeviceProfile:
    tables: dict[str, list[tuple[np.ndarray, np.ndarray, float]]] = {}
    for record in records:
        found = features(regime.graph(record.spec), regime.batch)
        for kind, work, columns, time_us in zip(found.kinds, found.work, found.columns, record.nodes_us):
            tables.setdefault(kind, []).append((work, columns, max(time_us, 0.05)))
    predictors = {kind: _predictor(rows) for kind, rows in sorted(tables.items())}
    lent = {kind: near for kind, near in NEAREST.items() if kind not in predictors and near in predictors}
    predictors |= {kind: predictors[near] for kind, near in lent.items()}
    warnings += tuple([f"no {kind} was timed: it is priced as {near}" for kind, near in lent.items()])
    profile = DeviceProfile(
        name=name,
        regime=regime,
        environment=environment,
        probe_us=probe_us,
        networks=len(records),
        seconds=round(seconds, 1),
        quick=quick,
        predictors=predictors,
        references=(),
        per_node_us=0.0,
        scale=1.0,
        half_interval=1.0,
        node_interval=1.0,
        held_out={},
        warnings=warnings,
    )
    per_node_us, scale = _nodes_to_network(profile, _ours(records) or records)
    return profile.model_copy(update={"per_node_us": per_node_us, "scale": scale})


def _ours(records: Sequence[Record]) -> list[Record]:
    """Those of our own networks: what holds for them is not to hang on how well others' are met."""
    return [record for record in records if not isinstance(record.spec, Foreign)]


def fit_only(records: Sequence[Record], like: DeviceProfile) -> DeviceProfile:
    """A profile from these records with the intervals of another: for leaving a family out."""
    draft = _profile(records, like.regime, like.name, like.environment, like.probe_us, 0.0, like.quick, ())
    return draft.model_copy(update={"half_interval": like.half_interval, "node_interval": like.node_interval})


def _predictor(rows: list[tuple[np.ndarray, np.ndarray, float]]) -> Predictor:
    from scipy.optimize import nnls

    if len(rows) > LARGEST:
        rows = Random(0).sample(rows, LARGEST)
    work, columns = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    time_us = np.array([row[2] for row in rows])
    scaled = np.maximum(np.abs(work).max(axis=0), 1.0)  # nnls stops early on columns of very different size
    base = nnls(work / scaled / time_us[:, None], np.ones(len(rows)))[0] / scaled
    base[0] = max(base[0], 0.1 * float(time_us.min()))  # so that no shape is free
    base = np.array([float(f"{b:.6g}") for b in base])
    forest = trees.fit(columns, np.log(time_us / (work @ base)))
    return Predictor(
        base=tuple(base),
        start=forest.start,
        columns=tuple(map(tuple, forest.columns.tolist())),
        thresholds=tuple(tuple(float(f"{v:.8g}") for v in row) for row in forest.thresholds),
        values=tuple(tuple(round(float(v), 5) for v in row) for row in forest.values),
        samples=len(rows),
        rmspe=-1.0,
    )


def _nodes_to_network(profile: DeviceProfile, records: Sequence[Record]) -> tuple[float, float]:
    """(per_node_us, scale) of network = scale · Σ predicted nodes + per_node_us · nodes, by relative least squares.

    On predicted nodes, not measured ones: forests of logarithms predict medians, and medians add up to less than means.
    """
    network = np.array([record.network_us for record in records])
    total = np.array([judge(profile, record).nodes_us.sum() for record in records])
    nodes = np.array([len(record.nodes_us) for record in records])
    per_node_us, scale = np.linalg.lstsq(np.c_[nodes / network, total / network], np.ones(len(network)), rcond=None)[0]
    return float(per_node_us), float(scale)


def with_errors(profile: DeviceProfile, judged: Sequence[Record]) -> DeviceProfile:
    """The profile with the errors that it makes on these records, and intervals from them.

    Others' networks have intervals and, under "imported", errors of their own.
    """
    judgements = [judge(profile, record) for record in judged]
    logs: dict[bool, list[float]] = {True: [], False: []}
    node_logs: dict[bool, list[float]] = {True: [], False: []}
    pairs, off = [], {}
    for record, priced in zip(judged, judgements):
        ours = not isinstance(record.spec, Foreign)
        logs[ours].append(float(np.log(record.network_us / priced.network_us)))
        pairs.append((record.spec.name if ours else IMPORTED, record.network_us, priced.network_us))
        for kind, measured, predicted in zip(priced.kinds, record.nodes_us, priced.nodes_us):
            if measured > BIG_US and ours == (kind in OURS):
                node_logs[ours].append(float(np.log(measured / predicted)))
                off.setdefault(kind, []).append(predicted / measured - 1)
    halves = {ours: math.hypot(percentile_half_width(some), SPAN * SESSIONS) for ours, some in logs.items() if some}
    node_halves = {ours: percentile_half_width(some) for ours, some in node_logs.items() if some}
    half, foreign_half = halves[True], halves.get(False)
    held_out = errors_by_family([pair for pair in pairs if pair[0] != IMPORTED], half)
    if foreign := [pair for pair in pairs if pair[0] == IMPORTED]:
        held_out[IMPORTED] = errors_by_family(foreign, foreign_half or half)[IMPORTED]
    return profile.model_copy(
        update={
            "half_interval": half,
            "node_interval": node_halves.get(True, 1.0),
            "foreign_half_interval": foreign_half,
            "foreign_node_interval": node_halves.get(False),
            "predictors": {
                kind: p.model_copy(update={"rmspe": rms(off[kind]) if kind in off else -1.0})
                for kind, p in profile.predictors.items()
            },
            "held_out": held_out,
        }
    )


def judge(profile: DeviceProfile, record: Record) -> Priced:
    """What the profile says about a timed network."""
    return price(profile.regime.graph(record.spec), profile)


def rms(relative: Sequence[float]) -> float:
    """Root mean square in percent."""
    return round(100 * float(np.sqrt(np.mean(np.square(relative)))), 2)


def errors_by_family(pairs: Sequence[tuple[str, float, float]], half_interval: float) -> dict[str, Errors]:
    """Errors over (family, measured, predicted), for each family and for "all"."""
    families = {name: [p for p in pairs if p[0] == name] for name in sorted({p[0] for p in pairs})}
    return {
        name: errors([p[1] for p in some], [p[2] for p in some], half_interval)
        for name, some in ({"all": list(pairs)} | families).items()
    }


def errors(measured: Sequence[float], predicted: Sequence[float], half_interval: float = 0.0) -> Errors:
    """Predicted against measured, relative to what was measured, in percent; Spearman's rank correlation, coverage."""
    from scipy.stats import spearmanr

    m, p = np.array(measured), np.array(predicted)
    off = p / m - 1
    ranked = float(spearmanr(m, p)[0]) if len(m) > 2 and len(set(measured)) > 1 and len(set(predicted)) > 1 else 1.0

    def percent(x: object) -> float:
        return round(100 * float(np.mean(x)), 2)

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
