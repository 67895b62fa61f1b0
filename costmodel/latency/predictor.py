"""Graph × DeviceProfile → milliseconds per node and per network, with 90 % intervals and the bound of each node.

No fitting, no file access, no clock. An operator without a predictor is an error, never a zero. Start at `predict`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import exp, nan
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from archs.caching import cached
from archs.guidance import guided
from archs.ir.graph import Graph
from archs.ir.ops import Opaque
from costmodel.arguments import Network, as_graph
from costmodel.errors import CostError
from costmodel.latency.calibrated_range import SEPARATE, Outside, Range
from costmodel.latency.features import WORK, features
from costmodel.latency.operator_kinds import UNKNOWN
from costmodel.latency.page_faults import page_faults
from costmodel.latency.prediction import ALLOCATORS, Allocator, Prediction
from costmodel.latency.profile import BATCH, DEFAULT, DeviceProfile, Predictor, Regime, as_profile
from costmodel.latency.trees import LEVELS, Forest, Forests

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUNDS = ("launch", "memory", "memory", "memory", "compute")
"""Bound that each term of the physical base stands for (`costmodel.latency.features.WORK`)."""
LEAST_SHARE = 0.5  # of the sum of the nodes that a network takes at least: of a few tiny nodes the line is uncertain


class LatencyModel(Protocol):
    """What `price` reads: a DeviceProfile, or the result of a fit that has no intervals yet."""

    @property
    def name(self) -> str: ...
    @property
    def regime(self) -> Regime: ...
    @property
    def predictors(self) -> dict[str, Predictor]: ...
    @property
    def scale(self) -> float: ...
    @property
    def per_node_us(self) -> float: ...
    @property
    def per_call_us(self) -> float: ...


class NodePrices(NamedTuple):
    """Nodes in the graph's order: kind, microseconds, and the largest term of the physical base."""

    kinds: tuple[str, ...]
    nodes_us: NDArray[np.float64]
    bounds: tuple[str, ...]
    outside: tuple[Outside, ...]
    """Nodes outside of the calibrated range, if they matter to the network's time."""


class Priced(NamedTuple):
    """Microseconds of a network, and of its nodes in the graph's order."""

    kinds: tuple[str, ...]
    nodes_us: NDArray[np.float64]
    network_us: float
    bounds: tuple[str, ...]
    outside: tuple[Outside, ...]


@guided(batch=BATCH, batch_size=BATCH, threads=BATCH)
def predict(
    network: Network,
    profile: DeviceProfile | str | os.PathLike = DEFAULT,
    input_shape: Sequence[int] | None = None,
    allocator: Allocator = "retain",
) -> Prediction:
    """Milliseconds of a network on the profile's device, in the profile's regime (batch, threads, layout).

    A Graph is priced as it is: fold it first for a profile of folded networks. Any other network is folded where the
    profile is. Operators that an import left unknown take no time in it: `Prediction.lower_bound` names them.

    Raises CostError, with the path of the node, for an operator that the profile cannot price, and for an allocator
    that it cannot.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        profile: a `DeviceProfile`, the name of a shipped one (`costmodel.profiles()`), or a path.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.
        allocator: "retain", a process that keeps freed memory (`MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_`
            set to 1000000000), as the stopwatch times; "default" adds the page faults of a plain process with glibc's
            settings, for a profile with `page_fault_us`.

    >>> import costmodel
    >>> costmodel.predict("mobilenet_v2").table()["share"].sum().round(6)
    np.float64(1.0)
    """
    profile = as_profile(profile)
    graph = as_graph(network, input_shape)
    if not isinstance(network, Graph):
        graph = profile.regime.prepared(graph)
    if not isinstance(profile, DeviceProfile):
        _counts_faults(allocator, profile)
        return profile.predicted(graph)
    priced = price(graph, profile)
    latency = priced.network_us / 1e3
    factor = nan if priced.outside else exp(profile.half_interval_of(priced.kinds))
    nodes = priced.nodes_us * (latency / (priced.nodes_us.sum() or 1.0))
    low, high = latency / factor, latency * factor
    node_faults: tuple[float, ...] = ()
    if _counts_faults(allocator, profile):
        assert profile.page_fault_us
        faults, fault_ms = page_faults(graph, profile.regime.batch), profile.page_fault_us / 1e3
        nodes = nodes + faults.nodes * fault_ms
        latency += faults.total * fault_ms
        low, high = low + faults.low * fault_ms, high + faults.high * fault_ms
        node_faults = tuple(faults.nodes.tolist())
    return Prediction(
        graph,
        profile,
        latency,
        low,
        high,
        tuple(nodes.tolist()),
        priced.kinds,
        priced.bounds,
        allocator,
        node_faults,
        out_of_range=priced.outside,
    )


def _counts_faults(allocator: str, profile: DeviceProfile) -> bool:
    """Whether page faults are part of a prediction. Raises CostError for an allocator that cannot be priced."""
    if allocator not in ALLOCATORS:
        raise CostError(f"allocator is {allocator!r}; allowed: {', '.join(map(repr, ALLOCATORS))}")
    if allocator == "default" and profile.page_fault_us is None:
        raise CostError(
            f"profile {profile.name} has no cost of a page fault; allowed: allocator='retain', or calibrate again on a "
            "CPU under Linux"
        )
    return allocator == "default"


def price(graph: Graph, model: LatencyModel, regime: Regime | None = None) -> Priced:
    """Microseconds of a graph and its nodes, without intervals. `regime`: another one than the model's.

    Raises CostError, with the node's path, for an operator without a predictor.
    """
    found = price_nodes(graph, regime or model.regime, model.predictors, model.name)
    total = float(found.nodes_us.sum())
    network = model.scale * total + model.per_node_us * len(found.nodes_us) + model.per_call_us
    return Priced(found.kinds, found.nodes_us, max(network, LEAST_SHARE * total), found.bounds, found.outside)


def price_nodes(
    graph: Graph, regime: Regime, predictors: dict[str, Predictor], profile_name: str = "draft"
) -> NodePrices:
    """Microseconds of each node. Raises CostError, with the node's path, for an operator without a predictor."""
    found = features(graph, regime.batch, regime.device)
    tables = _tables(ById(predictors))
    try:
        which = np.fromiter(map(tables.number.__getitem__, found.kinds), np.intp)
    except KeyError:
        node, kind = next((n, kind) for n, kind in zip(graph.nodes, found.kinds) if kind not in tables.number)
        raise CostError(
            f"{node.path}: profile {profile_name} has no predictor for {kind}; "
            f"it has {', '.join(predictors)}; calibrate again"
        ) from None
    terms = found.work * tables.bases.take(which, axis=0)
    nodes = terms.sum(axis=1) * np.exp(tables.forests.predict(found.columns, which))
    bounds = tuple([BOUNDS[i] for i in terms.argmax(axis=1).tolist()])
    outside = tables.range.outside([node.path for node in graph.nodes], found.kinds, found.columns, nodes)
    unknown = [(node.path, node.op) for node in graph.nodes if isinstance(node.op, Opaque)]
    missing = [Outside(path, UNKNOWN, SEPARATE, f"{op.target} is unknown, its time is missing") for path, op in unknown]
    return NodePrices(found.kinds, nodes, bounds, (*missing, *outside))


def forest_of(predictor: Predictor) -> Forest:
    """The forest in a predictor's tables."""
    return Forest(
        predictor.start,
        np.array(predictor.columns, np.int64).reshape(-1, LEVELS),
        np.array(predictor.thresholds, float).reshape(-1, LEVELS),
        np.array(predictor.values, float).reshape(-1, 1 << LEVELS),
    )


class ById:
    """Predictors as a cache key by identity, because hashing their tables takes longer than using them.

    The cache holds no profile, so that an uploaded one is freed with its session.
    """

    def __init__(self, predictors: Mapping[str, Predictor]):
        self.predictors = predictors

    def __hash__(self) -> int:
        return id(self.predictors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and self.predictors is other.predictors


class _Tables(NamedTuple):
    """Predictors as arrays."""

    number: dict[str, int]  # kind → row of the bases, and which forest
    bases: NDArray[np.float64]  # kinds × WORK
    forests: Forests
    range: Range


@cached(8, "converting the tables of a profile takes longer than a prediction")
def _tables(key: ById) -> _Tables:
    predictors = key.predictors
    nothing = Forest(0.0, np.empty((0, LEVELS), np.int64), np.empty((0, LEVELS)), np.empty((0, 1 << LEVELS)))
    return _Tables(
        {kind: number for number, kind in enumerate((*predictors, UNKNOWN))},
        np.array([*[p.base for p in predictors.values()], (0.0,) * len(WORK)]),
        Forests([*[forest_of(p) for p in predictors.values()], nothing]),
        Range(predictors),
    )
