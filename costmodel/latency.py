"""Graph × DeviceProfile → milliseconds, per node and per network, with a 90 % interval and what bounds each node.

No fitting, no file access, no clock. An operator that the profile cannot price is an error, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archs.graph import Graph
from costmodel.errors import CostError
from costmodel.features import features
from costmodel.profile import DeviceProfile, Predictor
from costmodel.trees import Forest

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

BOUNDS = ("launch", "memory", "memory", "memory", "compute")
"""What each term of the physical base stands for (`costmodel.features.WORK`)."""
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
    found = features(graph, profile.regime.batch)
    where: dict[str, list[int]] = {}
    for position, kind in enumerate(found.kinds):
        where.setdefault(kind, []).append(position)
    bases = np.empty(found.work.shape)
    bends = np.empty(len(found.kinds))
    for kind, positions in where.items():
        if kind not in profile.predictors:
            node = graph.nodes[positions[0]]
            raise CostError(
                f"{node.path}: profile {profile.name} has no predictor for {kind}; "
                f"it has {', '.join(profile.predictors)}; calibrate again"
            )
        here = np.array(positions)
        bases[here], forest = _evaluator(profile.predictors[kind])
        bends[here] = forest.predict(found.columns[here])
    terms = found.work * bases
    nodes = terms.sum(axis=1) * np.exp(bends)
    total = float(nodes.sum())
    network = profile.scale * total + profile.per_node_us * len(nodes)
    network = max(network, LEAST_SHARE * total)  # a handful of tiny nodes: the clock's share is not known so well
    return Priced(found.kinds, nodes, network, tuple([BOUNDS[i] for i in terms.argmax(axis=1).tolist()]))


class _ById:
    """A predictor as a cache key: by identity, since hashing its tables would take longer than using them."""

    def __init__(self, predictor: Predictor):
        self.predictor = predictor

    def __hash__(self) -> int:
        return id(self.predictor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.predictor is other.predictor


def forest_of(predictor: Predictor) -> Forest:
    """The forest that a predictor's tables hold."""
    return _evaluator(predictor)[1]


def _evaluator(predictor: Predictor) -> tuple[NDArray[np.float64], Forest]:
    return _arrays(_ById(predictor))


@lru_cache(256)
def _arrays(key: _ById) -> tuple[NDArray[np.float64], Forest]:
    p = key.predictor
    return np.array(p.base), Forest(
        p.start, np.array(p.columns, np.int64), np.array(p.thresholds, float), np.array(p.values, float)
    )
