"""Which tensors lie in memory in another order than that of their axes: behind a permute, until something copies.

PyTorch's element-wise operators, batch norm, pooling and convolutions keep the order that they find; norms along the
last axis, matrix products and reshapes write a plain one. What reads a turned tensor is slower, or another kernel.

Of our own networks none has a permute, so this is for imported ones. No clock here.
"""

from __future__ import annotations

from archs.ir import ops
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Op, Shape

Order = tuple[int, ...]
"""Each axis' place in memory, the outermost first; () for a turned tensor of which more is not known."""

CHANNELS_LAST = (2, 0, 1)
ROW_WRITERS = (
    ops.LayerNorm, ops.RMSNorm, ops.LinearLast, ops.Linear, ops.MatMul, ops.Attention, ops.Reshape, ops.Flatten,
    ops.ChannelShuffle, ops.PixelShuffle, ops.PixelUnshuffle, ops.Conv1d, ops.Mean, ops.Sum, ops.Amax, ops.Softmax,
)  # fmt: skip
IMAGE_KERNELS = (ops.Conv2d, ops.ConvTranspose2d, ops.MaxPool, ops.AvgPool, ops.Upsample, ops.GroupNorm)


def turned(graph: Graph) -> set[str]:
    """The paths, "input" among them or not, whose tensors are turned. Empty for a graph without a permute."""
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
    first, plain = orders[0], _plain(output)
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
