"""Tensors with a permuted layout: their order in memory differs from that of their axes, behind a permute.

Element-wise operators, batch norm, pooling and convolutions keep the order of their input; norms along the last axis,
matrix products and reshapes write a plain one. Only imported networks have permutes. Start at `permuted_layout`.
"""

from __future__ import annotations

from archs.ir import ops
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Op, Shape

Order = tuple[int, ...]
"""Position of each axis in memory, outermost first; () for a permuted tensor of unknown order."""

CHANNELS_LAST = (2, 0, 1)
ROW_WRITERS = (
    ops.LayerNorm, ops.RMSNorm, ops.LinearLast, ops.Linear, ops.MatMul, ops.Attention, ops.Reshape, ops.Flatten,
    ops.ChannelShuffle, ops.PixelShuffle, ops.PixelUnshuffle, ops.Conv1d, ops.Mean, ops.Sum, ops.Amax, ops.Softmax,
)  # fmt: skip
IMAGE_KERNELS = (ops.Conv2d, ops.ConvTranspose2d, ops.MaxPool, ops.AvgPool, ops.Upsample, ops.GroupNorm)


def permuted_layout(graph: Graph) -> set[str]:
    """Paths of the tensors ("input" included) with a permuted layout. Empty for a graph without a permute."""
    if ops.Permute not in {type(op) for _, op, _, _ in graph.nodes}:
        return set()
    orders: dict[str, Order] = {INPUT: _plain(graph.input)}
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        orders[node.path] = _order(node.op, [orders[path] for path in node.inputs], shapes, node.output)
    return {path for path, order in orders.items() if order != _plain(graph.shapes[path])}


def _plain(shape: Shape) -> Order:
    return tuple(range(len(shape)))


def _order(op: Op, orders: list[Order], inputs: tuple[Shape, ...], output: Shape) -> Order:
    plain = _plain(output)
    if not orders:  # a computed tensor reads parameters alone
        return plain
    first = orders[0]
    if isinstance(op, ops.Permute):
        return tuple([first[axis] for axis in op.axes]) if first else ()
    if first == _plain(inputs[0]) or isinstance(op, ROW_WRITERS):
        return plain
    if isinstance(op, ops.View):
        return CHANNELS_LAST if (len(inputs[0]), len(output)) == (2, 3) and output[0] == inputs[0][0] else ()
    if isinstance(op, IMAGE_KERNELS):
        return CHANNELS_LAST if first == CHANNELS_LAST else plain
    if isinstance(op, (ops.Concat, ops.Stack)) and len(set(orders)) > 1:
        return plain
    return first if len(first) == len(output) else plain
