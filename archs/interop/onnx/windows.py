"""Padding of convolutions and poolings, as ONNX writes it."""

from __future__ import annotations

from archs.interop.onnx.call import Call
from archs.interop.onnx.emitter import Value


def pads_of(call: Call, rank: int, x: tuple[int, ...], kernel: list[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each side, `auto_pad` worked out."""
    stride, dilation = call.get("strides", [1] * rank), call.get("dilations", [1] * rank)
    word = call.get("auto_pad", "NOTSET")
    if word in ("NOTSET", ""):
        pads = call.get("pads", [0] * 2 * rank)
        return pads[:rank], pads[rank:]
    if word == "VALID":
        return [0] * rank, [0] * rank
    total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, s, d, k in zip(x, stride, dilation, kernel)]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    return (less, more) if word == "SAME_UPPER" else (more, less)


def padded(call: Call, x: Value, before: list[int], after: list[int], value: float = 0.0) -> tuple[Value, list[int]]:
    """The input and the padding that is left to the operator: what differs between the ends is put on first."""
    if before == after:
        return x, before
    sides = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
    return call.aten("constant_pad_nd", x, sides, value), [0] * len(before)
