"""ATen calls that move elements → our operators. The same contract as `archs.interop.aten.call`."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any

from archs.interop.aten.call import AtenCall, UnsupportedCall, batched, rule
from archs.interop.aten.functions import function
from archs.interop.aten.permutation import permuted, selected, viewed, with_batch_first
from archs.interop.aten.rules.elementwise import with_constant
from archs.interop.aten.steps import BATCH, MAX_SPLIT, Constant, Step
from archs.ir import ops
from archs.ir.operator import Op, Shape
from archs.ir.ops.functions import KINDS


@rule("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "dropout_identity", "to", "type_as", "_to_copy")
def _same(call: AtenCall) -> Step:
    x = next(iter(call.args.values()))
    if not isinstance(x, Step):
        raise UnsupportedCall
    floating = call.value.dtype.is_floating_point
    if x.permutation and floating == x.floating:
        return x
    x = call.first
    if call.shape != x.shape or not batched(call.value):
        raise UnsupportedCall
    if (floating and x.floating) or call.name not in ("to", "type_as", "_to_copy"):
        return x
    kind = "float32" if floating else str(call.value.dtype).removeprefix("torch.")
    if kind not in KINDS:
        raise UnsupportedCall
    return call.step(ops.TensorFunction("_to_copy.default", x.shape, ("$0",), (("dtype", kind),)), x)


@rule("view", "reshape", "_unsafe_view", "flatten", "squeeze", "unsqueeze", "unflatten", "view_as", "reshape_as")
def _reshape(call: AtenCall) -> Step:
    x = call["self"]
    if x.folded or not batched(call.value):
        return viewed(call, x, tuple(call.value.shape))
    return reshaped(call, x, call.shape)


def reshaped(call: AtenCall, x: Step, shape: Shape) -> Step:
    """A step that gives `x` in another shape: a view where its elements lie so, else a copy."""
    if x.shape == shape:
        return x
    if len(shape) == 1:
        return call.step(ops.Flatten(), x)
    return call.step(ops.View(shape) if _lies_so(x, shape) else ops.Reshape(shape), x)


def _lies_so(x: Step, shape: Shape) -> bool:
    import torch

    if not x.strides:
        return True
    batch = torch.empty_strided((1, *x.shape), x.strides, device="meta")
    try:
        batch.view(1, *shape)
    except RuntimeError:
        return False
    return True


@rule("permute", "transpose", "movedim", "t", "swapaxes")
def _permute(call: AtenCall) -> Step:
    x = call["self"]
    rank = call.value.dim()
    order = list(range(rank))
    if call.name == "permute":
        order = [dim % rank for dim in call["dims"]]
    elif call.name in ("transpose", "swapaxes"):
        a: Any = call.args.get("dim0", call.args.get("axis0"))
        b: Any = call.args.get("dim1", call.args.get("axis1"))
        order[a], order[b] = order[b], order[a]
    else:
        raise UnsupportedCall
    if x.folded or order[0] != 0:  # the batch moves away from the front, often for no longer than a call or two
        return permuted(call, x, order)
    return _permuted(call, x, order)


def _permuted(call: AtenCall, x: Step, order: list[int]) -> Step:
    axes = tuple(dim - 1 for dim in order[1:])
    return x if axes == tuple(range(len(axes))) else call.step(ops.Permute(axes), x)


@rule("expand", "expand_as", "broadcast_to")
def _expand(call: AtenCall) -> Step:
    x = call.first
    if call.shape == x.shape:
        return x
    if not batched(call.value):
        raise UnsupportedCall
    return call.step(ops.Expand(call.shape), x)


@rule("cat", "concat")
def _cat(call: AtenCall) -> Step:
    parts = list(call["tensors"])
    steps = [part for part in parts if isinstance(part, Step)]
    for i, part in enumerate(parts):
        if isinstance(part, Constant):  # the same for all images: added to zeros of the other parts
            parts[i] = alike(call, steps[0], part)
    if not all(isinstance(part, Step) for part in parts):
        raise UnsupportedCall
    if len(parts) == 1:
        return parts[0]
    return call.step(ops.Concat(call.axis(rank=len(parts[0].shape))), *parts)


def alike(call: AtenCall, like: Step, constant: Constant) -> Step:
    """A constant for every image, as a tensor of the network."""
    tensor = constant.tensor
    sizes = tuple(tensor.shape[1:])
    if not sizes or tensor.shape[0] not in (1, BATCH) or like.folded or len(sizes) != len(like.shape):
        raise UnsupportedCall
    zeros = call.step(ops.MultiplyConstant(0), like)
    for axis, (have, size) in enumerate(zip(like.shape, sizes)):
        if have != size:
            stretched = ops.Expand((*zeros.shape[:axis], size, *zeros.shape[axis + 1 :]))
            zeros = call.step(stretched, call.step(ops.Slice(axis, 0, 1), zeros))
    if "empty" in getattr(
        (constant.made or (None,))[0], "__name__", ""
    ):  # elements that are written before they are read
        return zeros
    if tensor.numel() and not constant.depends_on_parameters and not tensor.is_meta:
        first = tensor.flatten()[0]
        if tensor.is_floating_point() and bool((tensor == first).all()):
            return with_constant(call, "add", zeros, first.item())
    return with_constant(call, "add", zeros, constant)


@rule("stack")
def _stack(call: AtenCall) -> Step:
    parts = call["tensors"]
    if not all(isinstance(part, Step) for part in parts):
        raise UnsupportedCall
    rank = len(parts[0].shape) + 1
    if call["dim"] % (rank + 1):
        return call.step(ops.Stack(call.axis(rank=rank)), *parts)
    return permuted(call, call.step(ops.Stack(0), *parts), [1, 0, *range(2, rank + 1)])


@rule("chunk", "split", "split_with_sizes", "unsafe_split", "unsafe_chunk", "tensor_split")
def _split(call: AtenCall) -> list[Step]:
    if (x := call["self"]).folded:
        dim, parts = call["dim"] % len(x.shape), call.value
        if all(part.shape[dim] == 1 for part in parts):
            return [selected(call, x, dim, i, keep=True) for i in range(len(parts))]
        stops = list(accumulate(part.shape[dim] for part in parts))
        ranges = [{"self": x, "dim": dim, "start": a, "end": b, "step": 1} for a, b in zip([0, *stops], stops)]
        return [with_batch_first(AtenCall("slice", r, v, call.scope), _slice) for r, v in zip(ranges, parts)]
    x, axis = call.first, call.axis()
    sizes = tuple(part.shape[axis + 1] for part in call.value)
    if len(sizes) == 1:
        return [x]
    if axis == 0 and len(x.shape) == 3 and len(sizes) <= MAX_SPLIT:
        return [call.step(ops.ChannelSplit(sizes, i), x) for i in range(len(sizes))]
    starts = [0, *accumulate(sizes)]
    return [call.step(ops.Slice(axis, start, start + size), x) for start, size in zip(starts, sizes)]


@rule("unbind")
def _unbind(call: AtenCall) -> list[Step]:
    if (x := call["self"]).folded:
        return [selected(call, x, call["dim"] % len(x.shape), i) for i in range(x.shape[call["dim"]])]
    x, axis = call.first, call.axis()
    return [_selected(call, x, axis, i) for i in range(x.shape[axis])]


@rule("select")
def _select(call: AtenCall) -> Step:
    if (x := call["self"]).folded:
        dim = call["dim"] % len(x.shape)
        return selected(call, x, dim, call["index"] % x.shape[dim])
    axis = call.axis()
    return _selected(call, call.first, axis, call["index"] % call.first.shape[axis])


def _selected(call: AtenCall, x: Step, axis: int, index: int) -> Step:
    part = call.step(ops.Slice(axis, index, index + 1), x)
    part.strides = x.strides
    return reshaped(call, part, Shape(*x.shape[:axis], *x.shape[axis + 1 :]))


@rule("slice")
def _slice(call: AtenCall) -> Step:
    if (x := call["self"]).folded:
        dim, start = call["dim"] % len(x.shape), call["start"] or 0
        if call.value.shape == x.shape:
            return x
        if call.value.shape[dim] != 1:
            raise UnsupportedCall
        return selected(call, x, dim, start % x.shape[dim], keep=True)
    if call["dim"] % (len(x.shape) + 1) == 0:
        if call.shape != x.shape or not batched(call.value):
            raise UnsupportedCall
        return x
    return sliced(call, x, call.axis(), call["start"] or 0, call["end"], call["step"])


def sliced(call: AtenCall, x: Step, axis: int, start: int, stop: int | None, step: int) -> Step:
    """A slice of one axis; nothing where it takes all of it."""
    start, stop, step = slice(start, stop, step).indices(x.shape[axis])
    if (start, stop, step) == (0, x.shape[axis], 1):
        return x
    if stop <= start:
        raise UnsupportedCall
    return call.step(ops.Slice(axis, start, stop, step), x)


@rule("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d")
def _pad(call: AtenCall) -> Step:
    x = call.first
    sides: Any = call.args.get("pad", call.args.get("padding"))
    mode = call.args.get("mode", "constant")
    mode = {"reflection_pad2d": "reflect", "replication_pad2d": "replicate"}.get(call.name, mode)
    if len(x.shape) != 3:
        if mode != "constant" or call.shape == x.shape or len(sides) > 2 * len(x.shape):
            raise UnsupportedCall
        given = ("$0", tuple(sides), float(call.args.get("value") or 0.0))
        return call.step(ops.TensorFunction("constant_pad_nd.default", call.shape, given), x)
    sides = [*sides, *[0] * (6 - len(sides))]
    if mode != "constant":
        return call.step(ops.Pad(mode, *sides[:4]), x)
    value = call.args.get("value") or 0.0
    for axis, (before, after) in zip((2, 1, 0), zip(sides[::2], sides[1::2])):  # less than nothing cuts off
        if before < 0 or after < 0:
            x = sliced(call, x, axis, max(0, -before), x.shape[axis] - max(0, -after), 1)
    left, right, top, bottom, front, back = (max(0, side) for side in sides)
    if front or back:
        if value:
            raise UnsupportedCall
        x = call.step(ops.ChannelPad(front, back), x)
    if not left + right + top + bottom:
        return x
    op: Op = ops.ConstantPad(value, left, right, top, bottom) if value else ops.ZeroPad(left, right, top, bottom)
    return call.step(op, x)


RESAMPLED = {
    "upsample_nearest2d": "nearest",
    "_upsample_nearest_exact2d": "nearest-exact",
    "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic",
}


@rule(*RESAMPLED)
def _upsample(call: AtenCall) -> Step:
    x, (height, width) = call.first, call.value.shape[-2:]
    factors: Any = call.args.get("scale_factors") or (call.args.get("scales_h"), call.args.get("scales_w"))
    scale = None
    if None not in factors and any(side * f != out for side, f, out in zip(x.shape[1:], factors, (height, width))):
        scale = (float(factors[0]), float(factors[1]))
    mode, corners = RESAMPLED[call.name], bool(call.args.get("align_corners"))
    return call.step(ops.Upsample(height, width, mode, corners, scale), x)


@rule("grid_sampler", "grid_sampler_2d")
def _grid_sampler(call: AtenCall) -> Step:
    """At places that are computed, or stored."""
    if isinstance(call["grid"], Constant):
        call = replace(call, args={**call.args, "grid": alike(call, call.first, call["grid"])})
    return function(call)  # type: ignore[no-any-return]  # one tensor


@rule("pixel_shuffle")
def _pixel_shuffle(call: AtenCall) -> Step:
    return call.step(ops.PixelShuffle(call["upscale_factor"]), call.first)


@rule("pixel_unshuffle")
def _pixel_unshuffle(call: AtenCall) -> Step:
    return call.step(ops.PixelUnshuffle(call["downscale_factor"]), call.first)


@rule("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(call: AtenCall) -> Step:
    return call.step(ops.ChannelShuffle(call["groups"]), call.first)
