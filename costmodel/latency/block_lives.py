"""Tensor lifetimes of many networks at once, joined from those of their stages.

A stage's lifetimes depend on its structure alone where it reads nothing but the tensor that the stage before it ends
with. `joined` keeps them by structure; a network with other connections between its stages has none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from archs.caching import Store
from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node, Subgraph
from archs.ir.ops import Shape
from costmodel.counting.counts import FREE
from costmodel.latency.liveness import STRUCTURES, Lives, Structure, lives, structure_of

_BEFORE, _AFTER = "before/tensor", "after/tensor"  # stand for other stages; no stage of a table has such nodes


class Stage:
    """A stage's lifetimes: tensor 0 is the one that it reads, its node 0 makes tensor 1."""

    __slots__ = ("lives", "nodes")

    def __init__(self, nodes: int, found: Lives):
        self.nodes, self.lives = nodes, found


Key: TypeAlias = tuple[bool, tuple[Structure, ...]]
_found: Store[Key, tuple[Stage | None]] = Store(
    f"{__name__}._found", STRUCTURES, "a search combines few structures of stages"
)


Blocks = tuple[Subgraph, ...]


def by_stage(graph: Graph) -> list[tuple[Subgraph, Blocks]]:
    """A network's neighbouring blocks of one stage each: the first one, and all without the path that they read."""
    found: list[tuple[Subgraph, Blocks]] = []
    blocks = graph.subgraphs
    keys = [block.key for block in blocks]
    name, first = keys[0].stage, 0
    for position, block in enumerate(keys):
        if block.stage != name:
            found.append((blocks[first], tuple(keys[first:position])))
            name, first = block.stage, position
    found.append((blocks[first], tuple(keys[first:])))
    return found


def stage_of(blocks: Blocks, image: Shape | None = None) -> Stage | None:
    """The lifetimes of a stage, of the first one that reads an image or of one behind another.

    None where it reads more than one tensor of others, or where they depend on what comes behind the stage.
    """
    key = image is not None, tuple([structure_of(block) for block in blocks])
    found = _found.get(key)
    if found is None:
        found = _found[key] = (_stage(blocks, image),)
    return found[0]


def joins(before: Blocks, block: Subgraph) -> bool:
    """Whether lifetimes of a stage and of the one that a block begins are joined, once each has lifetimes of its own.

    Not where it reads another tensor, where the end is a view (whose memory it is depends on what stands before), and
    not for `stage3_1` behind `stage3`: the two may share a line.
    """
    last = before[-1].nodes[-1]
    return last.path in block.shapes and type(last.op) not in FREE and not block.stage.startswith(f"{last.stage}_")


def stages(graph: Graph) -> list[Stage] | None:
    """The stages of a network of blocks; None where one reads more than the end of the stage before it."""
    found: list[Stage] = []
    before: Blocks | None = None
    for first, blocks in by_stage(graph):
        stage = stage_of(blocks, None if before else graph.input)
        if stage is None or (before and not joins(before, first)):
            return None
        found.append(stage)
        before = blocks
    return found


def _stage(blocks: Blocks, image: Shape | None) -> Stage | None:
    """The lifetimes of neighbouring blocks behind a node, or behind the image."""
    nodes = [node for block in blocks for node in block.nodes]
    inside = {node.path for node in nodes}
    sources = {path for node in nodes for path in node.inputs} - inside
    if len(sources) != 1 or (image and sources != {INPUT}):
        return None
    if image:
        found = _alone(Graph("stage", image, tuple(nodes), _kinds(blocks)))
        return Stage(len(nodes), found) if found else None
    [source] = sources
    shape = next(block.shapes[source] for block in blocks if source in block.shapes)
    behind = [node._replace(inputs=tuple([_BEFORE if i == source else i for i in node.inputs])) for node in nodes]
    before = Node(_BEFORE, ops.ReLU(), (INPUT,), shape)
    found = _alone(Graph("stage", shape, (before, *behind), _kinds(blocks)))
    if found is None:
        return None
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


def _alone(stage: Graph) -> Lives | None:
    """The lifetimes of a stage; None where one depends on what comes behind it, its output's aside."""
    found = lives(stage)
    behind = Node(_AFTER, ops.ReLU(), (stage.nodes[-1].path,), stage.output)
    longer = lives(Graph("stage", stage.input, (*stage.nodes, behind), stage.kinds))
    output = int(longer.dead[longer.ends == len(stage.nodes)].max(initial=0))
    ends, later = (dict(zip(one.dead.tolist(), one.ends.tolist())) for one in (found, longer))
    ends.pop(output, None)
    later.pop(output, None)
    return found if ends == later else None


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
