"""ONNX poolings and reductions → ATen calls.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from typing import Any

from archs.interop.onnx.call import OnnxCall, padded, pads_of, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value


@rule("GlobalAveragePool")
def _global_average_pool(call: OnnxCall) -> Value:
    return call.aten("adaptive_avg_pool2d", call[0], [1, 1])


@rule("GlobalMaxPool")
def _global_max_pool(call: OnnxCall) -> Value:
    return call.item(call.aten("adaptive_max_pool2d", call[0], [1, 1]), 0)


def _window(call: OnnxCall) -> tuple[list[int], list[int]]:
    kernel = call.get("kernel_shape")
    if len(kernel) != 2 or set(call.get("dilations", [1])) != {1}:
        raise UnsupportedNode
    return kernel, call.get("strides", [1, 1])


@rule("MaxPool")
def _max_pool(call: OnnxCall) -> list[Value]:
    if len(call.proto.output) > 1:
        raise UnsupportedNode
    kernel, stride = _window(call)
    before, after = pads_of(call, 2, call.shape()[2:], kernel)
    ceil = bool(call.get("ceil_mode", 0))
    if ceil and before != after:
        after, ceil = _ends(call, kernel, stride, before, after), False
    x, padding = padded(call, call[0], before, after, -float("inf"))
    return [call.aten("max_pool2d", x, kernel, stride, padding, [1, 1], ceil)]


def _ends(call: OnnxCall, kernel: list[int], stride: list[int], before: list[int], after: list[int]) -> list[int]:
    """Padding after each side with which rounding down gives as many windows as ONNX's rounding up.

    A window must start before the padding at the end. torch's rule is the same where both ends are padded alike.
    """
    found = []
    for side, k, s, less, more in zip(call.shape()[2:], kernel, stride, before, after):
        count = -(-(side + less + more - k) // s) + 1
        count -= (count - 1) * s >= side + less
        found.append(max(0, (count - 1) * s + k - side - less))
    return found


@rule("AveragePool")
def _average_pool(call: OnnxCall) -> Value:
    kernel, stride = _window(call)
    before, after = pads_of(call, 2, call.shape()[2:], kernel)
    counted = bool(call.get("count_include_pad", 0))
    if before != after and (not counted or call.get("ceil_mode", 0)):
        raise UnsupportedNode
    x, padding = padded(call, call[0], before, after)
    return call.aten("avg_pool2d", x, kernel, stride, padding, bool(call.get("ceil_mode", 0)), counted)


REDUCED = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceMin": "amin"}


@rule(*REDUCED)
def _reduce(call: OnnxCall) -> Value:
    axes, keep = _axes(call), bool(call.get("keepdims", 1))
    if axes is None:
        if call.get("noop_with_empty_axes", 0):
            return call[0]
        axes = list(range(len(call.shape())))
    if call.op in ("ReduceMean", "ReduceSum"):
        return call.aten(
            REDUCED[call.op], call[0], axes, keep, overload="dim" if call.op == "ReduceMean" else "dim_IntList"
        )
    return call.aten(REDUCED[call.op], call[0], axes, keep)


def _axes(call: OnnxCall) -> list[int] | None:
    found = call.get("axes")
    return found if found is not None else call.ints(1)


@rule("ReduceL2")
def _reduce_l2(call: OnnxCall) -> Value:
    axes = _axes(call)
    if axes is None:
        raise UnsupportedNode
    return call.aten("linalg_vector_norm", call[0], 2, axes, bool(call.get("keepdims", 1)))


@rule("ReduceProd")
def _reduce_prod(call: OnnxCall) -> Value:
    """Of sizes, which exporters multiply to flatten."""
    numbers: Any = call.known(0)
    return Known(numbers.prod().reshape([1] if call.get("keepdims", 1) else []))
