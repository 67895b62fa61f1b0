"""Graph × DeviceProfile → milliseconds, per node and per network, with a 90 % interval and what bounds each node.

No fitting, no file access, no clock. An operator that the profile cannot price is an error, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archs.ir.graph import Graph
from costmodel.errors import CostError
from costmodel.latency.features import features
from costmodel.latency.profile import DeviceProfile, Predictor
from costmodel.latency.trees import LEVELS, Forest, Forests

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

BOUNDS = ("launch", "memory", "memory", "memory", "compute")
"""What each term of the physical base stands for (`costmodel.latency.features.WORK`)."""
LEAST_SHARE = 0.5


class Priced(NamedTuple):
    """Microseconds, in the graph's order."""

    kinds: tuple[str, ...]
    nodes_us: NDArray[np.float64]
    network_us: float
    bounds: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """The latency of one network on one device."""

    graph: Graph
    profile: DeviceProfile
    latency_ms: float
    low_ms: float
    high_ms: float
    nodes_ms: tuple[float, ...]
    """They add up to `latency_ms`: each carries its share of the calls between the operators."""
    kinds: tuple[str, ...]
    bounds: tuple[str, ...]
    """For each node the largest term of its physical base: "compute", "memory" or "launch"."""

    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per node: where, what, milliseconds with their 90 % interval, and what bounds it."""
        import pandas

        rows = []
        for node, ms, kind, bound in zip(self.graph.nodes, self.nodes_ms, self.kinds, self.bounds):
            factor = exp(self.profile.node_half_of(kind))
            rows.append(
                {
                    "path": node.path,
                    "stage": node.stage,
                    "block": node.block,
                    "operator": node.op.describe(*self.graph.input_shapes(node)),
                    "kind": kind,
                    "latency_ms": ms,
                    "low_ms": ms / factor,
                    "high_ms": ms * factor,
                    "share": ms / self.latency_ms,
                    "bound": bound,
                }
            )
        return pandas.DataFrame(rows)

    @cached_property
    def by_block(self) -> dict[str, float]:
        """Milliseconds per block, in execution order."""
        sums: dict[str, float] = {}
        for node, ms in zip(self.graph.nodes, self.nodes_ms):
            sums[node.block] = sums.get(node.block, 0.0) + ms
        return sums


def predict(graph: Graph, profile: DeviceProfile) -> Prediction:
    """Milliseconds of a graph on the profile's device, in the profile's regime (batch, threads, layout).

    The graph is priced as it stands: fold it first for a profile of folded networks. Raises CostError, with the node's
    path, for an operator that the profile cannot price.
    """
    priced = price(graph, profile)
    latency = priced.network_us / 1e3
    factor = exp(profile.half_of(priced.kinds))
    nodes = priced.nodes_us * (latency / priced.nodes_us.sum())
    return Prediction(
        graph, profile, latency, latency / factor, latency * factor, tuple(nodes.tolist()), priced.kinds, priced.bounds
    )


def price(graph: Graph, profile: DeviceProfile) -> Priced:
    """What the predictors say, before it is dressed up. Raises CostError."""
    found = features(graph, profile.regime.batch, profile.regime.device)
    tables = _tables(_ById(profile.predictors))
    try:
        which = np.fromiter(map(tables.number.__getitem__, found.kinds), np.intp)
    except KeyError:
        node, kind = next((n, kind) for n, kind in zip(graph.nodes, found.kinds) if kind not in tables.number)
        raise CostError(
            f"{node.path}: profile {profile.name} has no predictor for {kind}; "
            f"it has {', '.join(profile.predictors)}; calibrate again"
        ) from None
    terms = found.work * tables.bases.take(which, axis=0)
    nodes = terms.sum(axis=1) * np.exp(tables.forests.predict(found.columns, which))
    total = float(nodes.sum())
    network = profile.scale * total + profile.per_node_us * len(nodes) + profile.per_call_us
    network = max(network, LEAST_SHARE * total)  # a handful of tiny nodes: the clock's share is not known so well
    return Priced(found.kinds, nodes, network, tuple([BOUNDS[i] for i in terms.argmax(axis=1).tolist()]))


def forest_of(predictor: Predictor) -> Forest:
    """The forest that a predictor's tables hold."""
    return Forest(
        predictor.start,
        np.array(predictor.columns, np.int64).reshape(-1, LEVELS),
        np.array(predictor.thresholds, float).reshape(-1, LEVELS),
        np.array(predictor.values, float).reshape(-1, 1 << LEVELS),
    )


class _ById:
    """Predictors as a cache key: by identity, since hashing their tables would take longer than using them.

    Not their profile: what somebody uploaded is gone with the session.
    """

    def __init__(self, predictors: Mapping[str, Predictor]):
        self.predictors = predictors

    def __hash__(self) -> int:
        return id(self.predictors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.predictors is other.predictors


class _Tables(NamedTuple):
    """Predictors as arrays."""

    number: dict[str, int]  # kind → row of the bases, and which forest
    bases: NDArray[np.float64]  # kinds × WORK
    forests: Forests


@lru_cache(8)
def _tables(key: _ById) -> _Tables:
    predictors = key.predictors
    return _Tables(
        {kind: number for number, kind in enumerate(predictors)},
        np.array([p.base for p in predictors.values()]),
        Forests([forest_of(p) for p in predictors.values()]),
    )
