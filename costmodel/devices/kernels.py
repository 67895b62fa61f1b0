"""The kernels that a fusing or an eager runtime starts for a graph, with the work of each.

No times and no device here: `costmodel.devices.terms` turns kernels into the terms of a latency model.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node
from costmodel.counting.counts import FREE, weights_read
from costmodel.errors import CostError

CLAMPS = frozenset((ops.ReLU, ops.ReLU6, ops.Clamp))
"""Activations that every fusing runtime applies where a convolution or an addition writes its output."""
ABSORBS = frozenset((ops.Conv2d, ops.Linear, ops.Add, ops.BatchNorm))
COPIES = frozenset((ops.Concat, ops.ChannelShuffle, ops.ZeroPad, ops.Stack, ops.Reshape, ops.ChannelPad))
POOLS = frozenset((ops.MaxPool, ops.AvgPool, ops.GlobalAvgPool, ops.AdaptiveAvgPool, ops.AdaptiveMaxPool, ops.Mean))
KINDS = ("pointwise", "depthwise", "grouped", "convolution", "linear", "elementwise", "pool", "copy")


class Kernel(NamedTuple):
    """One kernel, and the node whose time it is. Sizes are in elements, of one image."""

    node: int
    kind: str
    mult_adds: int
    read: int
    written: int
    weights: int
    pixels: int
    """Positions of the output map."""
    channels: int
    """Output channels, of all groups."""
    depth: int
    """Multiply-adds per output element: kernel area times input channels of a group."""
    groups: int
    area: int
    """Kernel positions."""
    stride: int


def kernels(graph: Graph, fused: bool) -> tuple[Kernel, ...]:
    """The kernels of a graph in execution order.

    Where `fused`, a batch norm that is left and an activation that clamps start none behind the operator that absorbs
    them. Raises CostError for an operator whose work is unknown.
    """
    found = []
    for number, node in enumerate(graph.nodes):
        if type(node.op) in FREE:
            continue
        if fused and _absorbed(graph, node):
            continue
        found.append(_kernel(graph, number, node))
    return tuple(found)


def absorbed(graph: Graph) -> tuple[tuple[int, int], ...]:
    """The clamping activations that a fusing runtime applies in another kernel: number of the node, its elements."""
    return tuple(
        (number, prod(node.output))
        for number, node in enumerate(graph.nodes)
        if type(node.op) in CLAMPS and _absorbed(graph, node)
    )


def _absorbed(graph: Graph, node: Node) -> bool:
    if type(node.op) not in CLAMPS and type(node.op) is not ops.BatchNorm:
        return False
    (source,) = node.inputs
    return source != INPUT and type(graph[source].op) in ABSORBS and len(graph.consumers[source]) == 1


def _kernel(graph: Graph, number: int, node: Node) -> Kernel:
    op, inputs, written = node.op, graph.input_shapes(node), prod(node.output)
    read = sum(map(prod, inputs))
    weights = weights_read(op, inputs)
    image = len(node.output) == 3
    pixels, channels = (node.output.height * node.output.width, node.output.channels) if image else (1, written)
    area = stride = groups = 1
    mult_adds = op.mult_adds(*inputs)
    if isinstance(op, ops.Conv2d):
        kernel = op.kernel if isinstance(op.kernel, tuple) else (op.kernel, op.kernel)
        area, groups = prod(kernel), op.groups
        stride = op.stride if isinstance(op.stride, int) else max(op.stride)
        if op.depthwise(inputs[0]):
            kind = "depthwise"
        elif groups > 1:
            kind = "grouped"
        else:
            kind = "pointwise" if area == 1 else "convolution"
    elif mult_adds:
        kind = "linear"
    elif type(op) in POOLS:
        kind = "pool"
    elif type(op) in COPIES:
        kind = "copy"
    elif type(op) is ops.Opaque:
        raise CostError(f"{node.path}: the work of {op.describe(*inputs)} is not known")
    else:
        kind = "elementwise"
    depth = mult_adds // written if written else 0
    return Kernel(number, kind, mult_adds, read, written, weights, pixels, channels, depth, groups, area, stride)
