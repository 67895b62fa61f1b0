"""Times of fused nodes → `OnnxRuntimeProfile`: per kind a physical base and boosted trees, and a line to whole calls.

Every network is priced by a fit without it. Those errors set the interval and the slowness of each chunk. Networks that
were timed in fresh processes too give what such a process costs. No clock here. Start at `fit`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.networks import build
from archs.transforms.onnx_runtime import fuse_for_onnx_runtime
from costmodel.calibration.holdout import BETWEEN_SESSIONS_STD, MIN_NODE_US, SPAN, errors_by_family
from costmodel.errors import CostError
from costmodel.latency import trees
from costmodel.latency.profile import Predictor, Reference, percentile_half_width
from costmodel.networks.synthetic import recipe_dict
from costmodel.onnx_runtime.features import FusedFeatures, features
from costmodel.onnx_runtime.node_times import FusedTimes
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile, OnnxRuntimeRegime, Pricing

Floats = NDArray[np.float64]
TREES, LEAST_TREES, SAMPLES_PER_TREE = 60, 8, 8  # of a kind's forest: fewer where few nodes were timed
FOLDS = 3  # a network is priced by the fit of the others' folds
MIN_NETWORKS = 12
LEAST_HALF = 0.01  # of an interval: a timing says no more
MIN_US = 0.3  # of a node, when the profiler's cost is taken out
CHEAPEST = 0.02  # quantile of the nodes' times that the profiler's cost is not over


class _LeftOut(NamedTuple):
    """Networks priced by fits without them."""

    pairs: list[tuple[str, float, float] | None]
    """(family, measured, predicted) per network; None where no other network has one of its kinds of node."""
    node_residuals: list[float]


class _Fresh(NamedTuple):
    """What a fresh process costs: a factor, and the standard deviation of its logarithm between networks."""

    factor: float
    spread: float


class _Network(NamedTuple):
    """One timed network with its features."""

    family: str
    call_us: float
    nodes_us: Floats
    found: FusedFeatures


@dataclass(frozen=True)
class _Model:
    predictors: dict[str, Predictor]
    scale: float
    per_node_us: float
    per_call_us: float

    def priced(self, network: _Network, pricing: Pricing) -> tuple[float, Floats]:
        """Microseconds of a call, and of each node."""
        nodes, _ = pricing.priced(network.found)
        return self.scale * float(nodes.sum()) + self.per_node_us * len(nodes) + self.per_call_us, nodes


def fit(
    timed: Sequence[FusedTimes],
    regime: OnnxRuntimeRegime,
    name: str,
    environment: dict[str, str | int],
    seconds: float,
) -> OnnxRuntimeProfile:
    """Fit a profile to timed networks. Raises CostError for too few."""
    if len(timed) < MIN_NETWORKS:
        raise CostError(f"{len(timed)} networks were timed; a fit takes at least {MIN_NETWORKS}: give it more time")
    known = []
    for one in timed:
        found = features(fuse_for_onnx_runtime(build(one.spec), regime.block), regime.batch)
        known.append(_Network(one.spec.name, one.call_us, np.array(one.nodes_us), found))
    cost = profiler_us(known)
    networks = [n._replace(nodes_us=without_profiler(n.nodes_us, n.call_us, cost)) for n in known]
    draft = _priced_without(networks)
    speeds = _speeds([one.chunk for one in timed], [pair[1:] if pair else None for pair in draft.pairs])
    networks = [n._replace(call_us=n.call_us / s, nodes_us=n.nodes_us / s) for n, s in zip(networks, speeds)]
    fresh = _fresh_over_shared(timed)
    networks = [n._replace(call_us=n.call_us * fresh.factor) for n in networks]
    left_out = _priced_without(networks)
    pairs = [pair for pair in left_out.pairs if pair]
    residuals = [math.log(predicted / measured) for _, measured, predicted in pairs]
    spread = math.hypot(float(np.std(np.log(speeds))), BETWEEN_SESSIONS_STD)
    half = math.hypot(percentile_half_width(residuals), SPAN * spread, SPAN * fresh.spread)
    model = _model(networks)
    return OnnxRuntimeProfile(
        name=name,
        regime=regime,
        environment=environment,
        networks=len(networks),
        seconds=round(seconds, 1),
        predictors=model.predictors,
        profiler_us=round(cost, 3),
        scale=model.scale,
        per_node_us=round(model.per_node_us, 4),
        per_call_us=round(model.per_call_us, 4),
        half_interval=round(half, 4),
        node_interval=max(LEAST_HALF, round(percentile_half_width(left_out.node_residuals), 4)),
        fresh_references=tuple(
            [
                Reference(spec=recipe_dict(one.spec), network_us=round(one.fresh_us / speed, 3))
                for one, speed in zip(timed, speeds)
                if one.fresh_us
            ]
        ),
        held_out=errors_by_family(pairs, half),
    )


def _fresh_over_shared(timed: Sequence[FusedTimes]) -> _Fresh:
    """Calls in fresh processes over those among the other networks in memory; 1 where none were timed."""
    logs = [math.log(one.fresh_us / one.call_us) for one in timed if one.fresh_us]
    return _Fresh(math.exp(float(np.median(logs))), float(np.std(logs))) if logs else _Fresh(1.0, 0.0)


def _priced_without(networks: Sequence[_Network]) -> _LeftOut:
    """Every network priced by a fit without it, and without the others of its fold."""
    found = _LeftOut([None] * len(networks), [])
    for fold in range(FOLDS):
        model = _model([n for i, n in enumerate(networks) if i % FOLDS != fold])
        pricing = Pricing(model.predictors)
        for i in range(fold, len(networks), FOLDS):
            network = networks[i]
            if pricing.missing(network.found) is not None:
                continue  # the only network with such a node
            call_us, nodes_us = model.priced(network, pricing)
            found.pairs[i] = (network.family, network.call_us, call_us)
            large = network.nodes_us > MIN_NODE_US
            found.node_residuals.extend(np.log(nodes_us[large] / network.nodes_us[large]).tolist())
    return found


def _speeds(chunks: Sequence[int], pairs: Sequence[tuple[float, float] | None]) -> list[float]:
    """How slow the machine was in each network's chunk, relative to the median chunk."""
    residuals: dict[int, list[float]] = {}
    for chunk, pair in zip(chunks, pairs):
        if pair:
            residuals.setdefault(chunk, []).append(math.log(pair[0] / pair[1]))
    slowness = {chunk: float(np.median(some)) for chunk, some in residuals.items()}
    middle = float(np.median(list(slowness.values())))
    return [math.exp(slowness.get(chunk, middle) - middle) for chunk in chunks]


def profiler_us(networks: Sequence[_Network]) -> float:
    """What the profiler takes per node, from calls beside the sum of their nodes; not over the cheapest node."""
    excess = np.array([(n.nodes_us.sum() - n.call_us) / n.call_us for n in networks])
    nodes = np.array([len(n.nodes_us) / n.call_us for n in networks])
    cheapest = float(np.quantile(np.concatenate([n.nodes_us for n in networks]), CHEAPEST))
    return float(np.clip(_slope(nodes, excess), 0.0, cheapest))


def without_profiler(nodes_us: Floats, call_us: float, cost_us: float) -> Floats:
    """The nodes without the profiler's cost, which is at most what they take together over a call; they add up to it.

    Under the profiler the caches hold less of a network, so that its nodes take more than that cost longer.
    """
    over_us = float(np.clip((nodes_us.sum() - call_us) / len(nodes_us), 0.0, cost_us))
    alone = np.maximum(nodes_us - over_us, MIN_US)
    return alone * (call_us / alone.sum())


def _slope(x: Floats, y: Floats) -> float:
    """Of a line with an intercept, by least absolute deviations (iteratively reweighted least squares)."""
    weights = np.ones(len(x))
    design = np.stack([x, np.ones(len(x))], axis=1)
    solution = np.zeros(2)
    for _ in range(20):
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
        weights = 1 / np.maximum(np.abs(y - design @ solution), 1e-4)
    return float(solution[0])


def _model(networks: Sequence[_Network]) -> _Model:
    """Predictors and the line of some networks."""
    kinds = np.array([kind for network in networks for kind in network.found.kinds])
    work = np.concatenate([network.found.work for network in networks])
    columns = np.concatenate([network.found.columns for network in networks])
    times = np.concatenate([network.nodes_us for network in networks])
    predictors = {}
    for kind in sorted(set(kinds.tolist())):
        same = kinds == kind
        predictors[kind] = _predictor(work[same], columns[same], times[same])
    return _Model(predictors, *_line(networks, predictors))


def _predictor(work: Floats, columns: Floats, times: Floats) -> Predictor:
    """Non-negative least squares on relative error, then trees on the logarithm of what remains."""
    from scipy.optimize import nnls

    scaled = work / times[:, None]
    base, _ = nnls(scaled, np.ones(len(times)), maxiter=1000)
    if not base[0]:
        base[0] = 1e-3  # a node takes some time however small it is
    count = min(TREES, LEAST_TREES + len(times) // SAMPLES_PER_TREE)
    forest = trees.fit(columns, np.log(times / (work @ base)), trees=count)
    return Predictor(
        base=tuple(base.tolist()),
        start=round(forest.start, 5),
        columns=tuple([tuple(row) for row in forest.columns.tolist()]),
        thresholds=tuple([tuple(row) for row in forest.thresholds.round(5).tolist()]),
        values=tuple([tuple(row) for row in forest.values.round(5).tolist()]),
        samples=len(times),
        rmspe=-1.0,
    )


def _line(networks: Sequence[_Network], predictors: dict[str, Predictor]) -> tuple[float, float, float]:
    """scale, µs per node and µs per call that take the sums of predicted nodes to whole calls, by relative error."""
    from scipy.optimize import nnls

    pricing = Pricing(predictors)
    sums = np.array([pricing.priced(n.found)[0].sum() for n in networks])
    counts = np.array([len(n.nodes_us) for n in networks])
    calls = np.array([n.call_us for n in networks])
    design = np.stack([sums, counts, np.ones(len(calls))], axis=1) / calls[:, None]
    solution, _ = nnls(design, np.ones(len(calls)))
    return (float(solution[0]) or 1.0), float(solution[1]), float(solution[2])
