"""How tensors lie in memory behind a permute: in which order, and which reshapes copy.

Each operator's output gets the strides that PyTorch gives it; a test compares them with those of running networks. Only
imported networks have permutes and reshapes. Start at `layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archs.ir import ops
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Op
from costmodel.latency.strides import (
    Sizes,
    Strides,
    channels_last,
    contiguous,
    elementwise,
    image,
    is_permuted,
    like_channels_last,
    viewed,
)

Tensor = tuple[Sizes, Strides]
"""Sizes, the batch first, and strides."""

PLAIN = (
    ops.LayerNorm, ops.RMSNorm, ops.LinearLast, ops.Linear, ops.MatMul, ops.ChannelShuffle, ops.Conv1d, ops.Mean,
    ops.Sum, ops.Amax, ops.Softmax, ops.Recurrent,
)  # fmt: skip
"""Operators whose output is plain whatever they read."""
IMAGE_KERNELS = (
    ops.Conv2d, ops.ConvTranspose2d, ops.GroupNorm, ops.MaxPool, ops.AvgPool, ops.GlobalAvgPool,
    ops.AdaptiveAvgPool, ops.AdaptiveMaxPool, ops.Upsample, ops.PixelShuffle, ops.PixelUnshuffle, ops.ZeroPad, ops.Pad,
    ops.ConstantPad, ops.ChannelPad,
)  # fmt: skip


class Layout(NamedTuple):
    """Where a graph's tensors differ from plain ones."""

    permuted: frozenset[str]
    """Paths of the tensors, "input" included, whose axes memory has in another order."""
    views: frozenset[str]
    """Paths of the reshapes that copy nothing."""


NOTHING = Layout(frozenset(), frozenset())


def layout(graph: Graph, batch: int) -> Layout:
    """Where tensors and reshapes differ from plain ones; nothing in a graph without a permute or a reshape."""
    if {type(node.op) for node in graph.nodes}.isdisjoint((ops.Permute, ops.Reshape)):
        return NOTHING
    whole = (batch, *graph.input)
    tensors: dict[str, Tensor] = {INPUT: (whole, contiguous(whole))}
    views = set()
    for path, op, inputs, shape in graph.nodes:
        output = (batch, *shape)
        read = [tensors[source] for source in inputs]
        tensors[path] = output, _strides(op, read, output)
        if isinstance(op, ops.Reshape) and viewed(*read[0], output):
            views.add(path)
    return Layout(frozenset(path for path, tensor in tensors.items() if is_permuted(*tensor)), frozenset(views))


def _strides(op: Op, inputs: Sequence[Tensor], output: Sizes) -> Strides:
    if not inputs or isinstance(op, PLAIN):
        return contiguous(output)
    sizes, strides = inputs[0]
    if isinstance(op, ops.Permute):
        return (strides[0], *[strides[axis + 1] for axis in op.axes])
    if isinstance(op, (ops.View, ops.Reshape, ops.Flatten)):
        return viewed(sizes, strides, output) or contiguous(output)
    if isinstance(op, (ops.Slice, ops.ChannelSplit, ops.Dropout)):
        steps = [op.step if isinstance(op, ops.Slice) and axis == op.axis + 1 else 1 for axis in range(len(sizes))]
        return tuple([stride * step for stride, step in zip(strides, steps)])
    if isinstance(op, ops.Expand):
        return tuple([stride if size == whole else 0 for size, stride, whole in zip(sizes, strides, output)])
    if isinstance(op, ops.Concat):
        last = all(like_channels_last(*tensor) for tensor in inputs)
        return channels_last(output) if last else contiguous(output)
    if isinstance(op, ops.Stack):
        return elementwise([_unsqueezed(*tensor, op.axis + 1) for tensor in inputs], output)
    if isinstance(op, IMAGE_KERNELS):
        return image(sizes, strides, output)
    if isinstance(op, ops.Attention):
        return elementwise(inputs[:1], output)  # the order of the queries
    return elementwise([tensor for tensor in inputs if len(tensor[0]) <= len(output)], output)


def _unsqueezed(sizes: Sizes, strides: Strides, axis: int) -> Tensor:
    """With an axis of one place before `axis`, without a copy."""
    stride = sizes[axis] * strides[axis] if axis < len(sizes) else 1
    return (*sizes[:axis], 1, *sizes[axis:]), (*strides[:axis], stride, *strides[axis:])
