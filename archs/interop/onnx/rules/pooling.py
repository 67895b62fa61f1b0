"""ONNX poolings and reductions → ATen calls.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from typing import Any

from archs.interop.onnx.call import OnnxCall, both_ends, padded, pads_of, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value


@rule("GlobalAveragePool")
def _global_average_pool(call: OnnxCall) -> Value:
    rank = len(call.shape())
    if rank != 4:
        return call.aten("mean", call[0], list(range(2, rank)), True, overload="dim")
    return call.aten("adaptive_avg_pool2d", call[0], [1, 1])


@rule("GlobalMaxPool")
def _global_max_pool(call: OnnxCall) -> Value:
    rank = len(call.shape())
    if rank != 4:
        return call.aten("amax", call[0], list(range(2, rank)), True)
    return call.item(call.aten("adaptive_max_pool2d", call[0], [1, 1]), 0)


def _window(call: OnnxCall) -> tuple[list[int], list[int], list[int]]:
    """Kernel, stride and dilation of one to three sides."""
    kernel = call.get("kernel_shape")
    if len(kernel) not in (1, 2, 3):
        raise UnsupportedNode
    return kernel, call.get("strides", [1] * len(kernel)), call.get("dilations", [1] * len(kernel))


@rule("MaxPool")
def _max_pool(call: OnnxCall) -> list[Value]:
    if len(call.proto.output) > 1:
        raise UnsupportedNode
    kernel, stride, dilation = _window(call)
    before, after = pads_of(call, len(kernel), call.shape()[2:], kernel)
    ceil = bool(call.get("ceil_mode", 0))
    if ceil and before != after:
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
        after, ceil = _ends(call, reach, stride, before, after), False
    x, padding = padded(call, call[0], before, after, -float("inf"))
    return [call.aten(f"max_pool{len(kernel)}d", x, kernel, stride, padding, dilation, ceil)]


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
    kernel, stride, dilation = _window(call)
    before, after = pads_of(call, len(kernel), call.shape()[2:], kernel)
    counted, ceil = bool(call.get("count_include_pad", 0)), bool(call.get("ceil_mode", 0))
    if set(dilation) != {1} or (before != after and ceil):
        raise UnsupportedNode
    x, padding = padded(call, call[0], before, after)
    name = f"avg_pool{len(kernel)}d"
    if before == after or counted:
        return call.aten(name, x, kernel, stride, padding, ceil, counted)
    import torch

    ones = call.aten("constant_pad_nd", Known(torch.ones(1, 1, *call.shape()[2:])), both_ends(before, after), 0.0)
    share = call.aten(name, ones, kernel, stride, [0] * len(kernel), False, True)  # of the window within the image
    return call.aten("div", call.aten(name, x, kernel, stride, padding, False, True), share, overload="Tensor")


REDUCED = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceMin": "amin"}


@rule(*REDUCED)
def _reduce(call: OnnxCall) -> Value:
    axes, keep = _axes(call), bool(call.get("keepdims", 1))
    if not axes:
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
    if not axes:
        raise UnsupportedNode
    return call.aten("linalg_vector_norm", call[0], 2, axes, bool(call.get("keepdims", 1)))


@rule("ReduceProd")
def _reduce_prod(call: OnnxCall) -> Value:
    """Of sizes, which exporters multiply to flatten."""
    numbers: Any = call.known(0)
    if numbers.dim() > 1:
        raise UnsupportedNode
    return Known(numbers.prod().reshape([1] if call.get("keepdims", 1) else []))


@rule("ReduceL1", "ReduceSumSquare", "ReduceLogSumExp")
def _reduce_of(call: OnnxCall) -> Value:
    axes, keep = _axes(call), bool(call.get("keepdims", 1))
    if not axes:
        raise UnsupportedNode
    if call.op == "ReduceLogSumExp":
        return call.aten("logsumexp", call[0], axes, keep)
    x = call.aten("abs", call[0]) if call.op == "ReduceL1" else call.aten("mul", call[0], call[0], overload="Tensor")
    return call.aten("sum", x, axes, keep, overload="dim_IntList")


@rule("ArgMax", "ArgMin")
def _place_of_extreme(call: OnnxCall) -> Value:
    if call.get("select_last_index", 0):
        raise UnsupportedNode
    return call.aten(call.op.lower(), call[0], call.get("axis", 0), bool(call.get("keepdims", 1)))
