"""A segment: what the runtime makes of neighbouring operators of a network, in a form that does not name them.

Start at `segment_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archs.ir.graph import Graph
from archs.ir.operator import Pair
from archs.transforms.onnx_runtime.blocked_layout import REORDER_OUTPUT, use_blocks
from archs.transforms.onnx_runtime.export import Placement
from archs.transforms.onnx_runtime.exported import exported
from archs.transforms.onnx_runtime.fused_graph import EARLIER, IMAGE, NOWHERE, FusedNode, Result, Segment, StoredTensor
from archs.transforms.onnx_runtime.onnx_graph import (
    BLOCKED_TENSOR,
    PASS,
    READER,
    TENSOR,
    FixedTensor,
    OnnxGraph,
    OnnxNode,
    Sizes,
)
from archs.transforms.onnx_runtime.rewrites import fuse_sums, rewrite

SEGMENTS = 1 << 20
"""Segments of one network whose nodes' numbers compare."""
Window = tuple[Pair, Pair, tuple[int, ...], Pair]
"""Kernel, stride, padding and dilation."""
NO_WINDOW: Window = (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)


def segment_of(graph: Graph, block: int, part: Placement | None = None) -> Segment:
    """What ONNX Runtime makes of a network, or of a part of one, with `block` channels in one block."""
    onnx = exported(graph, part)
    dropped = len(onnx.removed)
    rewrite(onnx)
    blocked = use_blocks(onnx, block) if block > 1 else frozenset[str]()
    fuse_sums(onnx)

    nodes = onnx.ordered()
    output, met = onnx.output, len(nodes)
    made: dict[str, int] = {}
    if part and not part.last:
        reader = onnx.maker[READER]
        nodes.remove(reader)
        output = reader.inputs[0]
        reorder = onnx.maker.get(output)
        if reorder is not None and reorder.op == REORDER_OUTPUT:  # the reader's: what reads this part has its own
            nodes.remove(reorder)
            output = reorder.inputs[0]
    if part and not part.first:
        tensor = next(node for node in nodes if node.op in (TENSOR, BLOCKED_TENSOR))
        nodes.remove(tensor)
        met = tensor.met
        made[tensor.outputs[0]] = EARLIER
    made |= {value: number for number, node in enumerate(nodes) for value in node.outputs}

    operators = {node.path: number for number, node in enumerate(graph.nodes)} | {"": NOWHERE}
    places = [EARLIER if node.place == TENSOR and part else operators[node.place] for node in nodes]
    holds = [tuple([operators[path] for path in node.paths]) for node in nodes]
    within = [NOWHERE] * len(graph.nodes)
    for held, place in zip(reversed(holds), reversed(places)):
        for number in held:
            within[number] = place
    constants, readers = onnx.constants, onnx.readers
    tensors = {value: StoredTensor(sizes, value in blocked) for value, sizes in onnx.shapes.items()}
    reads = [tuple([made.get(value, IMAGE) for value in node.inputs if value not in constants]) for node in nodes]
    ends = [number for number, node in enumerate(nodes) if not any([readers.get(value) for value in node.outputs])]
    return Segment(
        tuple([_bare(node, tensors, constants) for node in nodes]),
        tuple(holds),
        tuple(places),
        tuple(within),
        tuple([read[0] if read else IMAGE for read in reads]),
        tuple([(number, read) for number, read in enumerate(reads) if len(read) != 1]),
        tuple([node.number // PASS * PASS * SEGMENTS + node.number % PASS for node in nodes]),
        _shared(onnx, nodes, met),
        tuple(sorted(ends, key=lambda end: nodes[end].number)),
        made.get(output, IMAGE),
        output in blocked,
        tuple([operators[path] for path in onnx.removed[:dropped]]),
        tuple([operators[path] for path in onnx.removed[dropped:]]),
    )


def resized(segment: Segment, sides: Mapping[Sizes, Sizes]) -> Segment:
    """The same segment on maps of other sides, where its operators do not depend on them: old sides → new ones."""

    def on(sizes: Sizes) -> Sizes:
        return (*sizes[:-2], *sides[sizes[-2:]]) if len(sizes) > 2 else sizes

    found = {tensor for node in segment.nodes for tensor in (*node.inputs, *node.outputs)}
    new = {tensor: StoredTensor(on(tensor.sizes), tensor.blocked) for tensor in found}
    nodes = [
        FusedNode._make(
            (*node[:4], tuple([new[one] for one in node.inputs]), tuple([new[one] for one in node.outputs]), *node[6:])
        )
        for node in segment.nodes
    ]
    shared = [(number, (op, on(sizes)), first) for number, (op, sizes), first in segment.shared]
    return replace(segment, nodes=tuple(nodes), shared=tuple(shared))


def _shared(onnx: OnnxGraph, nodes: list[OnnxNode], met: int) -> tuple[tuple[int, Result, bool], ...]:
    """Nodes of shape arithmetic; `met`: when the runtime merges the nodes before the segment."""
    found = [number for number, node in enumerate(nodes) if not node.paths and not onnx.shapes[node.outputs[0]]]
    found.sort(key=lambda number: nodes[number].met)
    return tuple([(number, _result(onnx, nodes[number]), nodes[number].met < met) for number in found])


def _result(onnx: OnnxGraph, node: OnnxNode) -> Result:
    known = [onnx.constants[value].value or () for value in node.inputs if value in onnx.constants]
    return node.op, tuple([int(number) for numbers in known for number in numbers])


def _bare(node: OnnxNode, tensors: Mapping[str, StoredTensor], constants: Mapping[str, FixedTensor]) -> FusedNode:
    """A node without its place in the network."""
    attributes = node.attributes
    weights = attributes.get("weights")
    if weights is None:
        weights = sum([constants[value].elements for value in node.inputs if value in constants])
    return FusedNode(
        node.op,
        (),
        "",
        (),
        tuple([tensors[value] for value in node.inputs if value not in constants]),
        tuple([tensors[value] for value in node.outputs]),
        weights,
        *(_window(attributes) if "kernel" in attributes else NO_WINDOW),
        attributes.get("groups", 1),
        attributes.get("activation", ""),
        bool(attributes.get("adds")),
    )


def _window(attributes: dict[str, Any]) -> Window:
    pads = attributes["pads"]
    return (
        _pair(attributes["kernel"], 1),
        _pair(attributes["stride"], 1),
        (*_pair(pads[: len(pads) // 2], 0), *_pair(pads[len(pads) // 2 :], 0)),
        _pair(attributes.get("dilation", ()), 1),
    )


def _pair(sides: tuple[int, ...], other: int) -> Pair:
    """Vertical and horizontal; of a row of positions the horizontal alone is given."""
    vertical, horizontal = (other, other, *sides)[-2:]
    return vertical, horizontal
