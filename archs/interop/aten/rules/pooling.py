"""ATen poolings and reductions → operators. The contract is in `archs.interop.aten.call`."""

from __future__ import annotations

from math import prod

from archs.interop.aten.call import AtenCall, UnsupportedCall, rule
from archs.interop.aten.functions import function
from archs.interop.aten.steps import Step
from archs.ir import ops
from archs.ir.operator import Pair


def _windows(call: AtenCall) -> tuple[Pair, Pair, Pair]:
    kernel = tuple(call["kernel_size"])
    kernel = kernel * 2 if len(kernel) == 1 else kernel
    stride, padding = tuple(call["stride"]) or kernel, tuple(call["padding"])
    return kernel, stride * 2 if len(stride) == 1 else stride, padding * 2 if len(padding) == 1 else padding


@rule("max_pool2d")
def _max_pool2d(call: AtenCall) -> Step:
    dilation = tuple(call["dilation"]) * (2 if len(call["dilation"]) == 1 else 1)
    return call.step(ops.MaxPool(*_windows(call), call["ceil_mode"], dilation), call.first)


@rule("max_pool2d_with_indices")
def _max_pool2d_with_indices(call: AtenCall) -> list[Step]:
    return [_max_pool2d(call), function(call)[1]]


@rule("avg_pool2d")
def _avg_pool2d(call: AtenCall) -> Step:
    windows, counted = _windows(call), call["count_include_pad"]
    if (divisor := call["divisor_override"]) is not None:  # the mean with the padding counted, times what differs
        if call["ceil_mode"]:
            raise UnsupportedCall
        mean = call.step(ops.AvgPool(*windows, False, True), call.first)
        return call.step(ops.MultiplyConstant(prod(windows[0]) / divisor), mean)
    # without padding the question does not arise
    counted = counted or (set(windows[2]) == {0} and not call["ceil_mode"])
    return call.step(ops.AvgPool(*windows, call["ceil_mode"], counted), call.first)


@rule("adaptive_avg_pool2d")
def _adaptive_avg_pool2d(call: AtenCall) -> Step:
    height, width = call.value.shape[-2:]
    op = ops.GlobalAvgPool() if (height, width) == (1, 1) else ops.AdaptiveAvgPool(height, width)
    return call.step(op, call.first)


@rule("adaptive_avg_pool1d")
def _adaptive_avg_pool1d(call: AtenCall) -> Step:
    """Along a line as over a map of one row."""
    if len(call.first.shape) != 2:
        raise UnsupportedCall
    channels, length = call.first.shape
    row = call.step(ops.View((channels, 1, length)), call.first)
    (size,) = call["output_size"]
    return call.step(ops.View((channels, size)), call.step(ops.AdaptiveAvgPool(1, size), row))


@rule("adaptive_max_pool2d")
def _adaptive_max_pool2d(call: AtenCall) -> list[Step]:
    height, width = call["output_size"]
    return [call.step(ops.AdaptiveMaxPool(height, width), call.first), function(call)[1]]


@rule("mean", "sum", "amax")
def _reduce(call: AtenCall) -> Step:
    x, keep = call.first, call.args.get("keepdim", False)
    if not call.args.get("dim"):
        raise UnsupportedCall
    axes = tuple(sorted(call.axes_of(call["dim"])))
    if call.name == "mean" and len(x.shape) == 3 and axes == (1, 2):
        return call.step(ops.GlobalAvgPool(flat=not keep), x)
    return call.step({"mean": ops.Mean, "sum": ops.Sum, "amax": ops.Amax}[call.name](axes, keep), x)


@rule("max")
def _max(call: AtenCall) -> list[Step]:
    if "dim" not in call.args:
        raise UnsupportedCall
    return [call.step(ops.Amax((call.axis(),), call["keepdim"]), call.first), function(call)[1]]


@rule("var")
def _var(call: AtenCall) -> Step:
    x, axes = call.first, tuple(sorted(call.axes_of(call["dim"])))
    correction = call.args.get("correction", int(call.args.get("unbiased", True)))
    less = call.step(ops.Subtract(), x, call.step(ops.Mean(axes, True), x))
    found = call.step(ops.Mean(axes, call["keepdim"]), call.step(ops.Power(2), less))
    count = prod(x.shape[axis] for axis in axes)
    if not correction:
        return found
    return call.step(ops.MultiplyConstant(count / (count - correction)), found)


@rule("linalg_vector_norm")
def _norm(call: AtenCall) -> Step:
    if call["ord"] != 2 or call["dim"] is None:
        raise UnsupportedCall
    axes = tuple(sorted(call.axes_of(call["dim"])))
    squares = call.step(ops.Sum(axes, call["keepdim"]), call.step(ops.Power(2), call.first))
    return call.step(ops.Power(0.5), squares)
