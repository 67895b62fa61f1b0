"""ONNX Resize, Upsample and GridSample → ATen calls, where torch reads the same places with the same weights.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from math import floor
from typing import Any

from archs.interop.onnx.call import OnnxCall, rule, shortest
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

TORCH_CUBIC = -0.75
"""The coefficient of torch's bicubic kernel (Keys 1981), which is also the default of ONNX."""


@rule("Resize", "Upsample")
def _resize(call: OnnxCall) -> Value:
    sides = call.shape()
    kept = call.get("keep_aspect_ratio_policy", "stretch") != "stretch"
    if len(sides) != 4 or call.get("antialias", 0) or call.get("axes") or kept:
        raise UnsupportedNode
    first = 1 if call.op == "Upsample" or call.opset < 11 else 2
    scales = call.get("scales") or (call.known(first).tolist() if call[first] is not None else [])
    target = call.ints(3) if first == 2 else None
    if target is None:
        if len(scales) != 4:
            raise UnsupportedNode
        scales = [shortest(scale) for scale in scales]
        target = [floor(side * scale) for side, scale in zip(sides, scales)]
    if target[1] != sides[1]:
        raise UnsupportedNode
    given = (scales[2], scales[3]) if scales else (None, None)
    mode, where = call.get("mode", "nearest"), call.get("coordinate_transformation_mode", "half_pixel")
    if call.opset < 11:  # there is no such attribute, and the corners of both images are one
        where = "asymmetric"
    if mode == "nearest":
        return _nearest(call, sides[2:], target[2:], given, where)
    name, corners = _torch_name(call, mode, where, sides[2:], target[2:], given)
    return call.aten(name, call[0], target[2:], corners, *(() if corners else given))


def _nearest(call: OnnxCall, sides: tuple[int, ...], target: list[int], given: tuple[Any, Any], where: str) -> Value:
    """The operator of torch that reads the same pixels, else rows and then columns by their numbers."""
    import torch

    way = call.get("nearest_mode", "simple" if call.opset < 11 else "round_prefer_floor")
    axes = list(zip(sides, target, given))
    places = [_places(side, out, scale or out / side, where, way) for side, out, scale in axes]
    for name in ("upsample_nearest", "_upsample_nearest_exact"):
        read = getattr(torch.ops.aten, f"{name}1d").default
        theirs = [read(torch.arange(side).float().reshape(1, 1, -1), [out], scale) for side, out, scale in axes]
        if all(mine == their.flatten().tolist() for mine, their in zip(places, theirs)):
            return call.aten(f"{name}2d", call[0], target, *given)
    x = call[0]
    for axis, (side, found) in enumerate(zip(sides, places), 2):
        if found != list(range(side)):
            x = call.aten("index_select", x, axis, Known(torch.tensor(found)))
    return x


def _places(side: int, out: int, factor: float, where: str, way: str) -> list[int]:
    """The pixel that each pixel of the output is read from, in 32 bits as ONNX Runtime computes it."""
    import numpy

    at, scale, half = numpy.arange(out, dtype=numpy.float32), numpy.float32(factor), numpy.float32(0.5)
    if scale == 1:
        return list(range(out))
    if where == "half_pixel" or (where == "pytorch_half_pixel" and out > 1):
        at = (at + half) / scale - half
    elif where == "asymmetric":
        at = at / scale
    elif where == "tf_half_pixel_for_nn":
        at = (at + half) / scale
    elif where == "align_corners" and out > 1:
        at = at * numpy.float32(side - 1) / numpy.float32(out - 1)
    elif where in ("align_corners", "pytorch_half_pixel"):
        at = at * 0
    else:
        raise UnsupportedNode
    if way == "simple":  # before version 11: up where the image shrinks
        way = "ceil" if scale < 1 else "floor"
    rounded: dict[str, Any] = {
        "floor": numpy.floor,
        "ceil": numpy.ceil,
        "round_prefer_floor": lambda x: numpy.ceil(x - half),
        "round_prefer_ceil": lambda x: numpy.floor(x + half),
    }
    if way not in rounded:
        raise UnsupportedNode
    return [int(place) for place in numpy.clip(rounded[way](at), 0, side - 1)]


def _torch_name(
    call: OnnxCall, mode: str, where: str, sides: tuple[int, ...], target: list[int], given: tuple[Any, Any]
) -> tuple[str, bool]:
    """The ATen operator and its `align_corners`."""
    if mode == "cubic" and (
        call.get("exclude_outside", 0) or shortest(call.get("cubic_coeff_a", TORCH_CUBIC)) != TORCH_CUBIC
    ):
        raise UnsupportedNode
    names = {"linear": "upsample_bilinear2d", "cubic": "upsample_bicubic2d"}
    if mode not in names:
        raise UnsupportedNode
    same = list(sides) == target and not any(given)
    one = where == "pytorch_half_pixel" and 1 in target  # of one pixel it reads the first one, torch the middle
    if where not in ("half_pixel", "pytorch_half_pixel", "align_corners") or (one and not same):
        raise UnsupportedNode
    return names[mode], where == "align_corners"


GRID_MODES = {"bilinear": 0, "linear": 0, "nearest": 1, "bicubic": 2, "cubic": 2}
GRID_PADDING = {"zeros": 0, "border": 1, "reflection": 2}


@rule("GridSample")
def _grid_sample(call: OnnxCall) -> Value:
    mode, around = call.get("mode", "bilinear"), call.get("padding_mode", "zeros")
    if len(call.shape()) != 4 or mode not in GRID_MODES or around not in GRID_PADDING or isinstance(call[1], Known):
        raise UnsupportedNode
    corners = bool(call.get("align_corners", 0))
    return call.aten("grid_sampler", call[0], call[1], GRID_MODES[mode], GRID_PADDING[around], corners)
