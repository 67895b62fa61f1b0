"""Many networks priced at once: what each block's nodes contribute is found once, and the rest in one array operation.

`predict_many` returns what `predict` does, network by network. No tables per node and no bounds here; start with
`Pricer`, which keeps the blocks of one profile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import exp, nan, prod
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.caching import cached
from archs.guidance import guided
from archs.ir import ops
from archs.ir.graph import Graph, Subgraph
from archs.ir.ops import Shape
from costmodel.arguments import Network, as_graph, as_list
from costmodel.errors import CostError
from costmodel.latency import features
from costmodel.latency.block_features import block_features
from costmodel.latency.block_lives import Blocks, Stage, by_stage, joined, joins, stage_of
from costmodel.latency.cache_ages import Touches, TouchHistory, ages, touches
from costmodel.latency.calibrated_range import LIMIT, NEGLIGIBLE, Range
from costmodel.latency.operator_kinds import CATALOGUE_KINDS
from costmodel.latency.prediction import Allocator
from costmodel.latency.predictor import LEAST_SHARE, ById, forest_of, predict
from costmodel.latency.profile import BATCH, DEFAULT, DeviceProfile, Predictor, as_profile
from costmodel.latency.trees import PartialLeaves

CHUNK = 128  # networks of 200 nodes: arrays of 20 MB
KEPT = 400_000  # nodes of blocks that a Pricer keeps, at 150 bytes each

PLACES = 100_000
"""Blocks in their places; the Pricer that stores them keeps the blocks alive."""

Interval = tuple[float, float, float]
"""(latency_ms, low_ms, high_ms); the ends are NaN for a network outside of the calibrated range."""


@guided(batch=BATCH, batch_size=BATCH, threads=BATCH)
def predict_many(
    graphs: Iterable[Network],
    profile: DeviceProfile | str | os.PathLike = DEFAULT,
    allocator: Allocator = "retain",
    input_shape: Sequence[int] | None = None,
) -> list[Interval]:
    """(latency_ms, low_ms, high_ms) of each graph, equal to `predict`'s within rounding (relative 1e-12).

    The ends are NaN for a network outside of the calibrated range (`Prediction.out_of_range`).

    Graphs that `archs.build` made of tables are priced together, those of equal blocks fastest; others one by one.
    Names and Specs are built, and folded where the profile is of folded networks. `allocator` is that of `predict`;
    page faults depend on the whole network, so with "default" each graph is priced alone. Raises CostError as `predict`
    does.

    Args:
        graphs: a catalogue name, a `Spec` or a `Graph`, each.
        profile: a `DeviceProfile`, the name of a shipped one, or a path.
        allocator: "retain" (freed memory stays in the process) or "default" (glibc's settings).
        input_shape: (channels, height, width) of all of them, with or without a batch of 1; by default each one's own.

    >>> import archs, costmodel
    >>> profile = costmodel.load_profile("cpu")
    >>> graphs = [archs.build(archs.spec(name)) for name in ("mobilenet_v1", "mobilenet_v2")]
    >>> [round(ms, 9) for ms, _, _ in costmodel.predict_many(graphs, profile)] == [
    ...     round(costmodel.predict(graph, profile).latency_ms, 9) for graph in graphs]
    True
    """
    device = as_profile(profile)
    regime = device.regime
    built = [g if isinstance(g, Graph) else regime.prepared(as_graph(g, input_shape)) for g in as_list(graphs)]
    if allocator != "retain" or not isinstance(device, DeviceProfile):
        single = [predict(graph, device, allocator=allocator) for graph in built]
        return [(one.latency_ms, one.low_ms, one.high_ms) for one in single]
    return _pricer(ById(device.predictors), regime.batch, regime.device).predict(built, device)


class _BlockAt(NamedTuple):
    """A block behind a certain operator: where its nodes stand in the pool."""

    first: int
    nodes: int
    last: int  # number of the operator that runs last
    imported: bool  # has operator kinds that the catalogue's networks have not


class _StageAt(NamedTuple):
    """A stage behind a certain operator."""

    rows: NDArray[np.intp]
    """Where its nodes stand in the pool."""
    last: int
    imported: bool
    lives: Stage
    touches: Touches


class _NodePool:
    """Columns of nodes, one array each, that grow together."""

    def __init__(self, trees: int):
        self.size = 0
        self.leaves = np.zeros((4096, trees), np.uint8)
        self.number = np.zeros(4096, np.intp)
        self.values = np.zeros((6, 4096))
        """Rows: base time (µs), bytes of the output and of the weights, numbers of machine code and of the shape, and
        1 where the node is outside of the calibrated range."""

    def add(self, number: NDArray[np.intp], leaves: NDArray[np.uint8], values: NDArray[np.float64]) -> int:
        first, end = self.size, self.size + len(number)
        while end > len(self.number):
            self.leaves = np.concatenate((self.leaves, np.zeros_like(self.leaves)))
            self.number = np.concatenate((self.number, np.zeros_like(self.number)))
            self.values = np.concatenate((self.values, np.zeros_like(self.values)), axis=1)
        self.leaves[first:end, : leaves.shape[1]] = leaves
        self.number[first:end] = number
        self.values[:, first:end] = values
        self.size = end
        return first


class Pricer:
    """The blocks that a profile's predictors have met."""

    def __init__(self, predictors: Mapping[str, Predictor], batch: int, device: str):
        self._batch, self._device = batch, device
        self._lock = Lock()
        self._numbers = {kind: number for number, kind in enumerate(predictors)}
        self._bases = np.array([predictor.base for predictor in predictors.values()])
        first = len(features.STATIC)
        dynamic = range(first, first + len(features.DYNAMIC))
        self._range = Range(predictors)
        self._forests = [PartialLeaves(forest_of(predictor), dynamic) for predictor in predictors.values()]
        self._trees = max((forest.trees for forest in self._forests), default=1)
        self._forget()

    def _forget(self) -> None:
        self._pool = _NodePool(self._trees)
        self._places: dict[tuple[Subgraph, int], _BlockAt] = {}
        self._lasts: dict[bytes, int] = {features.FIRST.tobytes(): 0}
        self._ran: list[bytes] = [features.FIRST.tobytes()]
        self._same: dict[tuple[object, int], _BlockAt] = {}
        self._stages: dict[tuple[Blocks, int, bool], _StageAt | None] = {}
        self._touches: dict[tuple[Blocks, bool], Touches] = {}
        self._codes: dict[object, int] = {}
        self._shapes: dict[object, int] = {}

    def predict(self, graphs: Iterable[Graph], profile: DeviceProfile) -> list[Interval]:
        """What `predict_many` returns; threads wait for one another."""
        with self._lock:
            return list(self._in_chunks(iter(graphs), profile))

    def _in_chunks(self, remaining: Iterator[Graph], profile: DeviceProfile) -> Iterator[Interval]:
        while chunk := list(islice(remaining, CHUNK)):
            if self._pool.size > KEPT or len(self._stages) > PLACES:
                self._forget()
            placed = [self._network(graph, profile) if _of_table(graph) else None for graph in chunk]
            fast = [(graph, found) for graph, found in zip(chunk, placed) if found]
            priced = iter(self._together(fast, profile)) if fast else iter(())
            for graph, found in zip(chunk, placed):
                if found:
                    yield next(priced)
                else:
                    one = predict(graph, profile)
                    yield one.latency_ms, one.low_ms, one.high_ms

    def _together(self, networks: Sequence[tuple[Graph, list[_StageAt]]], profile: DeviceProfile) -> list[Interval]:
        placed = [stage for _, network in networks for stage in network]
        count = np.array([sum([len(stage.rows) for stage in network]) for _, network in networks])
        imported = np.array([any([stage.imported for stage in network]) for _, network in networks])
        where = np.concatenate([stage.rows for stage in placed])
        base, bytes_out, weights, code, shape, outside = self._pool.values.take(where, axis=1)
        firsts = np.cumsum(count) - count
        images = [4.0 * self._batch * prod(graph.input) for graph, _ in networks]
        last_touched = _touched_by_stages([[stage.touches for stage in found] for _, found in networks], images)
        touched = ages(
            joined([[stage.lives for stage in network] for _, network in networks]),
            np.insert(bytes_out, firsts, images),
            weights,
            code.astype(int),
            shape.astype(int),
            count,
            last_touched,
        )
        network_weights = np.repeat(np.add.reduceat(weights, firsts), count)
        dynamic = features.dynamic_columns(touched, network_weights)
        times = base * np.exp(self._predicted(where, dynamic))
        totals = np.add.reduceat(times, firsts)
        latency = profile.scale * totals + profile.per_node_us * count + profile.per_call_us
        latency = np.maximum(latency, LEAST_SHARE * totals) / 1e3
        ours, others = exp(profile.half_interval_of(())), exp(profile.half_interval_of(("foreign",)))
        factors = np.where(imported, others, ours)
        factors[np.add.reduceat(times * outside, firsts) > NEGLIGIBLE * totals] = nan
        return list(zip(latency.tolist(), (latency / factors).tolist(), (latency * factors).tolist()))

    def _predicted(self, where: NDArray[np.intp], dynamic: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the forests say of the pool's nodes with these dynamic columns."""
        number = self._pool.number.take(where)
        order = number.argsort(kind="stable")
        found = np.empty(len(where))
        end = 0
        for forest, samples in zip(self._forests, np.bincount(number).tolist()):
            if samples:
                begin, end = end, end + samples
                chosen = order[begin:end]
                leaves = self._pool.leaves.take(where.take(chosen), axis=0)[:, : forest.trees]
                found[chosen] = forest.predict(leaves, dynamic.take(chosen, axis=1))
        return found

    def _network(self, graph: Graph, profile: DeviceProfile) -> list[_StageAt] | None:
        """The stages of a network; None where they cannot be priced apart from each other."""
        found: list[_StageAt] = []
        last, before = 0, None
        for block, blocks in by_stage(graph):
            key = blocks, last, before is None
            if key not in self._stages:
                self._stages[key] = self._stage(blocks, last, None if before else graph.input, profile)
            stage = self._stages[key]
            if stage is None or (before and not joins(before, block)):
                return None
            found.append(stage)
            last, before = stage.last, blocks
        return found

    def _stage(self, blocks: Blocks, last: int, image: Shape | None, profile: DeviceProfile) -> _StageAt | None:
        """A stage behind an operator, or the first one, which reads the image. Raises CostError as `_add` does."""
        places = []
        for block in blocks:
            place = self._places.get((block, last))
            if place is None:
                place = self._places[block, last] = self._alike(block, last, profile)
            last = place.last
            places.append(place)
        rows = np.concatenate([np.arange(place.first, place.first + place.nodes) for place in places])
        key = blocks, image is not None
        found = stage_of(blocks, image)
        if found is None:
            return None
        if key not in self._touches:
            _, bytes_out, weights, *_ = self._pool.values.take(rows, axis=1)
            read = 4.0 * self._batch * prod(blocks[0].shapes[blocks[0].nodes[0].inputs[0]])
            size = np.concatenate(([read], bytes_out))
            self._touches[key] = touches(found.lives, size, weights, image is not None)
        return _StageAt(rows, last, any([place.imported for place in places]), found, self._touches[key])

    def _alike(self, block: Subgraph, last: int, profile: DeviceProfile) -> _BlockAt:
        """The place of a block of equal operators on equal shapes, whatever its paths, or a new one."""
        operators = tuple([(n.op, n.output, *[block.shapes[i] for i in n.inputs]) for n in block.nodes])
        place = self._same.get((operators, last))
        if place is None:
            place = self._same[operators, last] = self._add(block, last, profile)
        return place

    def _add(self, block: Subgraph, last: int, profile: DeviceProfile) -> _BlockAt:
        """Add a block behind an operator to the pool. Raises CostError where the profile cannot price it."""
        before = np.frombuffer(self._ran[last])
        known = block_features(block, before, self._batch, self._device)
        for node, kind in zip(block.nodes, known.kinds):
            if kind not in self._numbers:
                raise CostError(
                    f"{node.path}: profile {profile.name} has no predictor for {kind}; "
                    f"it has {', '.join(self._numbers)}; calibrate again"
                )
        number = np.array([self._numbers[kind] for kind in known.kinds])
        leaves = np.zeros((len(number), self._trees), np.uint8)
        for one in set(number.tolist()):
            forest, same = self._forests[one], number == one
            leaves[same, : forest.trees] = forest.static(known.columns[same])
        values = np.empty((6, len(number)))
        values[0] = (known.work * self._bases[number]).sum(axis=1)
        values[1] = known.bytes_out
        values[2] = known.work[:, features.WORK.index("bytes_weights")]
        values[3] = [self._codes.setdefault(code, len(self._codes)) for code in known.codes]
        values[4] = [self._shapes.setdefault(key, len(self._shapes)) for key in known.shapes]
        values[5] = self._range.distances(known.kinds, known.columns) > LIMIT
        ran = known.last.tobytes()
        if ran not in self._lasts:
            self._lasts[ran] = len(self._ran)
            self._ran.append(ran)
        first = self._pool.add(number, leaves, values)
        return _BlockAt(first, len(number), self._lasts[ran], not CATALOGUE_KINDS.issuperset(known.kinds))


def _touched_by_stages(networks: Sequence[Sequence[Touches]], images: Sequence[float]) -> NDArray[np.float64]:
    """The mean time of the last touch of each allocation's bytes, in bytes since the pass began."""
    nodes, sums, begins = [], [], []
    first = 0
    for network, image in zip(networks, images):
        history = TouchHistory(-sum([stage.total for stage in network]) - 2 * image)
        now = 0.0
        for stage in network:
            begins.append(now)
            for node, start, end in stage.before:
                nodes.append(first + node)
                sums.append(history.sum(start, end))
            history.run(stage, now)
            now += stage.traffic
            first += stage.constants.shape[1]
    lengths = [stage.constants.shape[1] for network in networks for stage in network]
    within, known, size = np.concatenate([stage.constants for network in networks for stage in network], axis=1)
    earlier = np.bincount(np.array(nodes, np.intp), sums, first)
    return (within + np.repeat(begins, lengths) * known + earlier) / size


def _of_table(graph: Graph) -> bool:
    """Whether the graph is made of blocks that keep its tensors' layout."""
    return bool(graph.subgraphs) and not any([_permutes(block.key) for block in graph.subgraphs])


@cached(1 << 16, "a search combines few blocks")
def _permutes(block: Subgraph) -> bool:
    return any(type(node.op) is ops.Permute for node in block.nodes)


@cached(4, "a pricer keeps the blocks that a search has met")
def _pricer(key: ById, batch: int, device: str) -> Pricer:
    return Pricer(key.predictors, batch, device)
