"""ONNX operators that move elements → ATen calls: shapes, parts, padding, resampling.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from archs.interop.onnx.call import OnnxCall, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

# Shapes


@rule("Reshape")
def _reshape(call: OnnxCall) -> Value:
    sizes, target = call.shape(), call.ints(1) if len(call.inputs) > 1 else call.get("shape")
    if target is None:
        raise UnsupportedNode
    if not call.get("allowzero", 0):
        target = [sizes[i] if side == 0 and i < len(sizes) else side for i, side in enumerate(target)]
    if not isinstance(call[0], Known):
        target = call.emitter.for_batch(sizes, target)
    return call.aten("reshape", call[0], target)


@rule("Flatten")
def _flatten(call: OnnxCall) -> Value:
    sizes, axis = call.shape(), call.get("axis", 1)
    axis = axis % len(sizes) if axis != len(sizes) else axis
    if axis == 1 and not isinstance(call[0], Known):
        return call.aten("flatten", call[0], 1, overload="using_ints")
    return call.aten("reshape", call[0], [prod(sizes[:axis]), prod(sizes[axis:])])


@rule("Squeeze")
def _squeeze(call: OnnxCall) -> Value:
    sizes = call.shape()
    axes = call.get("axes") or call.ints(1) or [i for i, side in enumerate(sizes) if side == 1]
    removed = {axis % len(sizes) for axis in axes}
    if any(sizes[axis] != 1 for axis in removed):
        raise UnsupportedNode
    return call.aten("reshape", call[0], [side for i, side in enumerate(sizes) if i not in removed])


@rule("Unsqueeze")
def _unsqueeze(call: OnnxCall) -> Value:
    axes = call.get("axes") or call.ints(1) or []
    rank = len(call.shape()) + len(axes)
    new, old = {axis % rank for axis in axes}, iter(call.shape())
    return call.aten("reshape", call[0], [1 if i in new else next(old) for i in range(rank)])


@rule("Transpose")
def _transpose(call: OnnxCall) -> Value:
    return call.aten("permute", call[0], call.get("perm") or list(range(len(call.shape())))[::-1])


@rule("Expand")
def _expand(call: OnnxCall) -> Value:
    sizes, target = call.shape(), call.ints(1) or []
    full = [1] * (len(target) - len(sizes)) + list(sizes)
    target = [1] * (len(full) - len(target)) + target
    found = [max(a, b) for a, b in zip(full, target)]
    if prod(found) >= 2**40:
        raise UnsupportedNode
    return call.aten("expand", call[0], found)


# Parts


@rule("Concat")
def _concat(call: OnnxCall) -> Value:
    parts, axis = list(call.inputs), call.get("axis", 1)
    if not all(isinstance(part, Known) for part in parts):
        for i, part in enumerate(parts):  # a token that is the same for all images
            if isinstance(part, Known) and call.shape(i)[0] == (call.emitter.batch or 1):
                parts[i] = call.aten("expand", call.emitter.weight(part), [call.emitter.images, *call.shape(i)[1:]])
    return call.aten("cat", parts, axis)


@rule("Split")
def _split(call: OnnxCall) -> list[Value]:
    sizes, axis, count = call.shape(), call.get("axis", 0), len(call.proto.output)
    side = sizes[axis]
    parts = call.get("split") or call.ints(1)
    if parts is None:
        each = -(-side // (call.get("num_outputs") or count))
        parts = [min(each, side - start) for start in range(0, side, each)]
    if len(parts) != count or sum(parts) != side or min(parts) < 1:
        raise UnsupportedNode
    value = call.aten("split_with_sizes", call[0], parts, axis)
    return [call.item(value, i) for i in range(count)]


def _selected(call: OnnxCall, x: Known, axis: int, places: Iterable[int]) -> Known:
    import torch

    chosen = tuple(places)
    made = Known(x.tensor.index_select(axis, torch.tensor(chosen, dtype=torch.int64)))
    return call.emitter.part(x, (axis, chosen), made)


@rule("SplitToSequence")
def _split_to_sequence(call: OnnxCall) -> list[Value]:
    """A sequence is a list of tensors in one value; read by `SequenceAt` alone."""
    sizes, axis, parts = call.shape(), call.get("axis", 0), call.known(1)
    each = int(parts) if parts.numel() == 1 else 0
    if not call.get("keepdims", 1) or len(sizes) <= axis or (parts.dim() == 0 and each < 1):
        raise UnsupportedNode
    found = parts.tolist() if parts.dim() else [min(each, sizes[axis] - i) for i in range(0, sizes[axis], each)]
    value = call.aten("split_with_sizes", call[0], found, axis)
    return [[call.item(value, i) for i in range(len(found))]]


@rule("SequenceAt")
def _sequence_at(call: OnnxCall) -> Value:
    if not isinstance(call[0], list):
        raise UnsupportedNode
    return call[0][int(call.known(1))]


@rule("Slice")
def _slice(call: OnnxCall) -> Value:
    if call.opset < 10:
        starts, stops, axes, steps = call.get("starts"), call.get("ends"), call.get("axes"), None
    else:
        starts, stops, axes, steps = (call.ints(i) for i in (1, 2, 3, 4))
    x, rank = call[0], len(call.shape())
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    for start, stop, axis, step in zip(starts, stops, axes, steps):
        side = call.emitter.shape(x)[axis]
        start, stop, step = slice(start, stop, step).indices(side)
        if isinstance(x, Known) and list(range(start, stop, step)) == list(range(side - 1, -1, -1)):
            x = call.aten("flip", x, [axis % rank])
            continue
        if isinstance(x, Known):
            x = _selected(call, x, axis, range(start, stop, step))
            continue
        if step < 0:  # from the end
            x = call.aten("flip", x, [axis % rank])
            start, stop, step = side - 1 - start, side - 1 - stop, -step
        if (start, stop, step) != (0, side, 1):
            x = call.aten("slice", x, axis % rank, start, max(start, stop), step, overload="Tensor")
    return x


@rule("Gather")
def _gather(call: OnnxCall) -> Value:
    axis, index = call.get("axis", 0), call.known(1)
    if index.dim() == 0:
        return call.aten("select", call[0], axis, int(index), overload="int")
    if isinstance(call[0], Known):
        if index.dim() != 1 or index.numel() > 2**16:
            raise UnsupportedNode
        side = call.shape()[axis]
        return _selected(call, call[0], axis, [int(i) % side for i in index.tolist()])
    sizes = call.shape()
    places = [int(i) % sizes[axis] for i in index.reshape(-1).tolist()]
    if not places:
        raise UnsupportedNode
    if places == list(range(places[0], places[0] + len(places))):
        found = call.aten("slice", call[0], axis, places[0], places[-1] + 1, 1, overload="Tensor")
    else:
        found = call.aten("index_select", call[0], axis, Known(index.new_tensor(places)))
    if index.dim() == 1:
        return found
    axis = axis % len(sizes)
    return call.aten("reshape", found, [*sizes[:axis], *index.shape, *sizes[axis + 1 :]])


@rule("Pad")
def _pad(call: OnnxCall) -> Value:
    mode, rank = call.get("mode", "constant"), len(call.shape())
    # Any: the pads are required, which `ints` cannot say
    sides: Any = (call.get("pads") or call.get("paddings")) if call.opset < 11 else call.ints(1)
    value = call.get("value", 0.0) if call.opset < 11 else call.number(2)
    if axes := call.ints(3):
        found = [0] * 2 * rank
        for i, axis in enumerate(axes):
            found[axis % rank], found[axis % rank + rank] = sides[i], sides[i + len(axes)]
        sides = found
    pairs = list(zip(sides[:rank], sides[rank:]))
    if pairs[0] != (0, 0):
        raise UnsupportedNode
    flat = [side for pair in reversed(pairs[1:]) for side in pair]
    if mode == "constant":
        return call.aten("constant_pad_nd", call[0], flat, value or 0.0)
    if mode == "wrap" and rank == 4:
        return call.aten("pad", call[0], flat[:4], "circular")
    names = {"reflect": "reflection_pad2d", "edge": "replication_pad2d"}
    if mode not in names or rank != 4 or any(flat[4:]):
        raise UnsupportedNode
    return call.aten(names[mode], call[0], flat[:4])


@rule("Tile")
def _tile(call: OnnxCall) -> Value:
    return call.aten("repeat", call[0], call.ints(1) or [])


@rule("Einsum")
def _einsum(call: OnnxCall) -> Value:
    given = [call.emitter.weight(v, len(call.emitter.shape(v)) > 1) for v in call.inputs]
    return call.aten("einsum", call.get("equation"), given)


@rule("GatherElements")
def _gather_elements(call: OnnxCall) -> Value:
    return call.aten("gather", call[0], call.get("axis", 0), call[1])


@rule("TopK")
def _top_k(call: OnnxCall) -> list[Value]:
    sizes = call.ints(1)
    if not sizes:
        raise UnsupportedNode
    options = sizes[0], call.get("axis", -1), bool(call.get("largest", 1)), bool(call.get("sorted", 1))
    value = call.aten("topk", call[0], *options)
    return [call.item(value, 0), call.item(value, 1)]


@rule("DepthToSpace")
def _depth_to_space(call: OnnxCall) -> Value:
    n, c, h, w = call.shape()
    r = call.get("blocksize")
    if call.get("mode", "DCR") == "CRD":
        return call.aten("pixel_shuffle", call[0], r)
    parts = call.aten("reshape", call[0], [n, r, r, c // r**2, h, w])
    return call.aten("reshape", call.aten("permute", parts, [0, 3, 4, 1, 5, 2]), [n, c // r**2, h * r, w * r])


@rule("SpaceToDepth")
def _space_to_depth(call: OnnxCall) -> Value:
    n, c, h, w = call.shape()
    r = call.get("blocksize")
    parts = call.aten("reshape", call[0], [n, c, h // r, r, w // r, r])
    return call.aten("reshape", call.aten("permute", parts, [0, 3, 5, 1, 2, 4]), [n, c * r * r, h // r, w // r])
