"""Tensor lifetimes of many networks at once, joined from those of their stages.

A stage's lifetimes depend on its structure alone where it reads nothing but the tensor that the stage before it ends
with. `joined` keeps them by structure; a network with other connections between its stages has none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node, Subgraph
from archs.ir.ops import Shape
from costmodel.counting.counts import FREE
from costmodel.latency.liveness import Lives, lives

_BEFORE = "before/tensor"  # stands for the stage before; no stage of a table has a node of this name


class Stage:
    """A stage's lifetimes: tensor 0 is the one that it reads, its node 0 makes tensor 1."""

    __slots__ = ("lives", "nodes")

    def __init__(self, nodes: int, found: Lives):
        self.nodes, self.lives = nodes, found


class _Structures:
    """Numbers for the structures of blocks: equal numbers have equal lifetimes in equal surroundings."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def number(self, block: Subgraph) -> int:
        paths = tuple([node.path for node in block.nodes])
        inputs = tuple([node.inputs for node in block.nodes])
        types = tuple([type(node.op) for node in block.nodes])
        ranks = tuple([len(node.output) for node in block.nodes])
        key = paths, inputs, types, ranks, tuple([path for path, _ in block.kinds])
        return self._numbers.setdefault(key, len(self._numbers))


_structures = _Structures()


@lru_cache(1 << 16)
def _of_block(block: Subgraph) -> tuple[str, int]:
    """The stage that a block is of, and the number of its structure."""
    return block.nodes[0].path.partition("/")[0], _structures.number(block)


_stages: dict[tuple[int, ...], Stage | None] = {}


def stages(graph: Graph) -> list[Stage] | None:
    """The stages of a network of blocks; None where one reads more than the end of the stage before it."""
    found: list[Stage] = []
    blocks = graph.subgraphs
    described = [_of_block(block) for block in blocks]
    first = 0
    while first < len(blocks):
        name = described[first][0]
        end = first + 1
        while end < len(blocks) and described[end][0] == name:
            end += 1
        key = (int(first == 0), *[number for _, number in described[first:end]])
        if key not in _stages:
            before = blocks[first - 1].nodes[-1] if first else None
            _stages[key] = _stage(blocks[first:end], before, graph.input)
        stage = _stages[key]
        if stage is None:
            return None
        found.append(stage)
        first = end
    return found


def _stage(blocks: Sequence[Subgraph], before: Node | None, image: Shape) -> Stage | None:
    """The lifetimes of neighbouring blocks behind a node, or behind the image."""
    source, shape = (before.path, before.output) if before else (INPUT, image)
    nodes = [node for block in blocks for node in block.nodes]
    own = {node.path for node in nodes}
    if any(path not in own and path != source for node in nodes for path in node.inputs):
        return None
    if before and type(before.op) in FREE:  # whose memory it is depends on what stands before
        return None
    if before is None:
        found = lives(Graph("stage", image, tuple(nodes), _kinds(blocks)))
        return Stage(len(nodes), found)
    behind = [node._replace(inputs=tuple([_BEFORE if i == source else i for i in node.inputs])) for node in nodes]
    first = Node(_BEFORE, ops.ReLU(), (INPUT,), shape)
    found = lives(Graph("stage", shape, (first, *behind), _kinds(blocks)))
    rest = slice(1, None)  # without what the first node reads
    return Stage(
        len(nodes),
        Lives(
            found.owns[rest],
            found.readers[rest] - 1,
            found.sources[rest] - 1,
            found.touched[rest] - 1,
            found.ends - 1,
            found.dead - 1,
        ),
    )


def _kinds(blocks: Iterable[Subgraph]) -> tuple[tuple[str, str], ...]:
    return tuple([kind for block in blocks for kind in block.kinds])


def joined(networks: Sequence[Sequence[Stage]]) -> Lives:
    """The lifetimes of networks one behind the other: tensors count on, each network's image before its own."""
    parts = [stage.lives for network in networks for stage in network]
    nodes = np.array([stage.nodes for network in networks for stage in network])
    number = np.repeat(np.arange(len(networks)), [len(network) for network in networks])
    node = np.cumsum(nodes) - nodes
    tensor = node + number  # each network before has an image too

    def shifted(column: int, by: np.ndarray) -> np.ndarray:
        arrays = [part[column] for part in parts]
        return np.concatenate(arrays) + np.repeat(by, [len(array) for array in arrays])

    return Lives(
        np.concatenate([part.owns for part in parts]),
        shifted(1, node),
        shifted(2, tensor),
        shifted(3, tensor),
        shifted(4, node),
        shifted(5, tensor),
    )
