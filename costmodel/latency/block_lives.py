"""Tensor lifetimes of many networks at once, joined from those of their stages.

A stage's lifetimes depend on its structure alone where it reads nothing but the tensor that the stage before it ends
with. `joined` keeps them by structure; a network with other connections between its stages has none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from archs.caching import register
from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node, Subgraph
from archs.ir.ops import Shape
from costmodel.counting.counts import FREE
from costmodel.latency.liveness import Lives, Structure, lives, structure_of

_BEFORE, _AFTER = "before/tensor", "after/tensor"  # stand for other stages; no stage of a table has such nodes


class Stage:
    """A stage's lifetimes: tensor 0 is the one that it reads, its node 0 makes tensor 1."""

    __slots__ = ("lives", "nodes")

    def __init__(self, nodes: int, found: Lives):
        self.nodes, self.lives = nodes, found


_found: dict[tuple[bool, tuple[Structure, ...]], Stage | None] = {}
register(f"{__name__}._found", None, "a search combines few structures of stages", _found.clear)


def stages(graph: Graph) -> list[Stage] | None:
    """The stages of a network of blocks; None where one reads more than the end of the stage before it."""
    found: list[Stage] = []
    blocks = graph.subgraphs
    structures = [structure_of(block) for block in blocks]
    first, before = 0, ""
    while first < len(blocks):
        name = structures[first].stage
        end = first + 1
        while end < len(blocks) and structures[end].stage == name:
            end += 1
        if first and type(blocks[first - 1].nodes[-1].op) in FREE:  # whose memory it is depends on what stands before
            return None
        key = first == 0, tuple(structures[first:end])
        if key not in _found:
            _found[key] = _stage(blocks[first:end], blocks[first - 1].nodes[-1] if first else None, graph.input)
        stage = _found[key]
        if stage is None or (first and name.startswith(f"{before}_")):  # the two may share a line
            return None
        found.append(stage)
        first, before = end, name
    return found


def _stage(blocks: Sequence[Subgraph], before: Node | None, image: Shape) -> Stage | None:
    """The lifetimes of neighbouring blocks behind a node, or behind the image."""
    source, shape = (before.path, before.output) if before else (INPUT, image)
    nodes = [node for block in blocks for node in block.nodes]
    own = {node.path for node in nodes}
    if any(path not in own and path != source for node in nodes for path in node.inputs):
        return None
    if before is None:
        found = _alone(Graph("stage", image, tuple(nodes), _kinds(blocks)))
        return Stage(len(nodes), found) if found else None
    behind = [node._replace(inputs=tuple([_BEFORE if i == source else i for i in node.inputs])) for node in nodes]
    first = Node(_BEFORE, ops.ReLU(), (INPUT,), shape)
    found = _alone(Graph("stage", shape, (first, *behind), _kinds(blocks)))
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
