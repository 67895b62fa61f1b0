"""How tensors lie in memory behind a permute: in which order, and which reshapes copy.

Each operator's output gets the strides that PyTorch gives it, in elements; a test compares them with those of running
networks. Axes of size 1 have strides too, and PyTorch decides by them: a batch of one with a small stride makes a
channels-last image a plain one. Only imported networks have permutes and reshapes. Start at `memory_order`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from archs.caching import cached
from archs.ir import ops
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Op

Sizes = Sequence[int]
Strides = tuple[int, ...]
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

_CHANNELS_LAST = (1, 3, 2, 0)  # axes of an image, innermost first


class MemoryOrder(NamedTuple):
    """Where a graph's tensors differ from plain ones."""

    permuted: frozenset[str]
    """Paths of the tensors, "input" included, whose axes memory has in another order."""
    views: frozenset[str]
    """Paths of the reshapes that copy nothing."""


NOTHING = MemoryOrder(frozenset(), frozenset())


def memory_order(graph: Graph, batch: int) -> MemoryOrder:
    """Where tensors and reshapes differ from plain ones; nothing in a graph without a permute or a reshape."""
    if {type(node.op) for node in graph.nodes}.isdisjoint((ops.Permute, ops.Reshape)):
        return NOTHING
    whole = (batch, *graph.input)
    tensors: dict[str, Tensor] = {INPUT: (whole, contiguous(whole))}
    permuted, views = set(), set()
    for path, op, inputs, shape in graph.nodes:
        made = _written(op, (batch, *shape), *[tensors[source] for source in inputs])
        tensors[path] = made.tensor
        if made.permuted:
            permuted.add(path)
        if made.view:
            views.add(path)
    return MemoryOrder(frozenset(permuted), frozenset(views))


class _Written(NamedTuple):
    tensor: Tensor
    permuted: bool
    view: bool
    """Whether it is a reshape that copies nothing."""


@cached(65536, "networks repeat operators on the same tensors")
def _written(op: Op, output: Sizes, *inputs: Tensor) -> _Written:
    strides = _strides(op, inputs, output)
    view = isinstance(op, ops.Reshape) and viewed(*inputs[0], output) is not None
    return _Written((output, strides), is_permuted(output, strides), view)


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
    """With an axis of size 1 before `axis`, without a copy."""
    stride = sizes[axis] * strides[axis] if axis < len(sizes) else 1
    return (*sizes[:axis], 1, *sizes[axis:]), (*strides[:axis], stride, *strides[axis:])


def contiguous(shape: Sizes) -> Strides:
    """Strides of a plain tensor."""
    return _dense(shape, range(len(shape) - 1, -1, -1))


def channels_last(shape: Sizes) -> Strides:
    """Strides of an image whose channels are innermost."""
    return _dense(shape, _CHANNELS_LAST)


def is_permuted(shape: Sizes, strides: Strides) -> bool:
    """Whether memory has the axes in another order; axes of size 1 and repeated ones have no place in it."""
    placed = [stride for size, stride in zip(shape, strides) if size > 1 and stride]
    return any(inner > outer for outer, inner in pairwise(placed))


def like_channels_last(shape: Sizes, strides: Strides) -> bool:
    """`is_channels_last_strides_2d` (c10/core/MemoryFormat.h): whether kernels for images write channels last."""
    if len(shape) != 4 or strides[1] == 0:
        return False
    least = 0
    for axis in _CHANNELS_LAST:
        if strides[axis] < least or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] * max(1, shape[axis])
    return True


def image(shape: Sizes, strides: Strides, output: Sizes) -> Strides:
    """What a kernel for images writes: channels last where it reads them so."""
    return channels_last(output) if like_channels_last(shape, strides) and len(output) == 4 else contiguous(output)


def elementwise(operands: Sequence[tuple[Sizes, Strides]], output: Sizes) -> Strides:
    """What `TensorIterator` allocates (aten/src/ATen/TensorIterator.cpp, `fast_set_up` and `reorder_dimensions`)."""
    if all(tuple(shape) == tuple(output) for shape, _ in operands):
        for kept in (contiguous, channels_last) if len(output) == 4 else (contiguous,):
            if all(_same(shape, strides, kept(shape)) for shape, strides in operands):
                return kept(output)
        first = operands[0][1]
        if all(strides == first for _, strides in operands) and _is_dense(output, first):
            return first
    aligned = [_broadcast(shape, strides, output) for shape, strides in operands]
    order = list(range(len(output) - 1, -1, -1))
    for end in range(1, len(order)):
        at = end
        for before in range(end - 1, -1, -1):
            found = _compare(aligned, output, order[before], order[at])
            if found > 0:
                order[before], order[at] = order[at], order[before]
                at = before
            elif found < 0:
                break
    return _dense(output, order)


def viewed(shape: Sizes, strides: Strides, new: Sizes) -> Strides | None:
    """Strides of a view of another shape, or None where only a copy has it (`computeStride`, ATen/TensorUtils.cpp)."""
    found = [0] * len(new)
    axis, step = len(new) - 1, strides[-1]
    elements = covered = 1
    for old in range(len(shape) - 1, -1, -1):
        elements *= shape[old]
        if old == 0 or (shape[old - 1] != 1 and strides[old - 1] != elements * step):
            while axis >= 0 and (covered < elements or new[axis] == 1):
                found[axis] = covered * step
                covered *= new[axis]
                axis -= 1
            if covered != elements:
                return None
            if old > 0:
                step, elements, covered = strides[old - 1], 1, 1
    return tuple(found) if axis == -1 else None


def _dense(shape: Sizes, order: Sequence[int]) -> Strides:
    """Strides without gaps; `order`: the axes, innermost first."""
    strides, step = [0] * len(shape), 1
    for axis in order:
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def _same(shape: Sizes, strides: Strides, others: Strides) -> bool:
    return all(size == 1 or one == other for size, one, other in zip(shape, strides, others))


def _is_dense(shape: Sizes, strides: Strides) -> bool:
    """Whether a tensor has neither gaps nor repeated elements."""
    step = 1
    for stride, size in sorted((stride, size) for size, stride in zip(shape, strides) if size > 1):
        if stride != step:
            return False
        step *= size
    return True


def _broadcast(shape: Sizes, strides: Strides, output: Sizes) -> Strides:
    """Strides along the axes of the output; 0 along those that are repeated."""
    missing = len(output) - len(shape)
    kept = [0 if size != whole else stride for size, stride, whole in zip(shape, strides, output[missing:])]
    return (0,) * missing + tuple(kept)


def _compare(operands: Sequence[Strides], output: Sizes, inner: int, outer: int) -> int:
    """1 where two axes have to change places, -1 where not, 0 where no operand tells."""
    for strides in operands:
        if strides[inner] and strides[outer]:
            if strides[inner] != strides[outer]:
                return 1 if strides[inner] > strides[outer] else -1
            if output[inner] > output[outer]:
                return 1
    return 0
