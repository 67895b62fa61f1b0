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
    if len(sides) != 4 or call.get("antialias", 0) or call.get("axes") or call.get("keep_aspect_ratio_policy"):
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
    name, corners = _torch_name(call, mode, where, sides[2:], target[2:], given)
    if corners is None:
        return call.aten(name, call[0], target[2:], *given)
    return call.aten(name, call[0], target[2:], corners, *(() if corners else given))


def _same_pixels(target: list[int], given: tuple[Any, Any]) -> bool:
    """Whether dividing by a scale and multiplying with its inverse, in 32 bits, round down to the same pixels."""
    import numpy

    places = [(numpy.arange(n, dtype=numpy.float32), numpy.float32(scale)) for n, scale in zip(target, given) if scale]
    return all(
        (numpy.floor(at / scale) == numpy.floor(at * numpy.float32(1 / float(scale)))).all() for at, scale in places
    )


def _torch_name(
    call: OnnxCall, mode: str, where: str, sides: tuple[int, ...], target: list[int], given: tuple[Any, Any]
) -> tuple[str, bool | None]:
    """The ATen operator and its `align_corners`, which the nearest pixel has not."""
    if mode == "nearest":
        way = call.get("nearest_mode", "floor" if call.opset < 11 else "round_prefer_floor")
        shrinks = any(scale is not None and scale < 1 for scale in given)  # before version 11 it then rounds up
        if (
            (where, way) == ("asymmetric", "floor")
            and not (shrinks and call.opset < 11)
            and _same_pixels(target, given)
        ):
            return "upsample_nearest2d", None
        if (where, way) == ("half_pixel", "round_prefer_ceil"):
            return "_upsample_nearest_exact2d", None
        raise UnsupportedNode
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
