"""Quantised ONNX operators → those of the float network that they stand for: QDQ, QOperator and dynamic forms.

Weights are dequantised; activations stay floats, without the rounding and the limits of their integers.
The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from typing import Any

from archs.interop.onnx.call import OnnxCall, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own quantised operators; their rules have it in front of their names."""


def is_quantized(op_type: str) -> bool:
    """Whether an operator computes with integers for floats."""
    return op_type.startswith(("QLinear", "QGemm", "Dequantize", "DynamicQuantize")) or op_type.endswith("Integer")


def _float(call: OnnxCall, index: int, axis: int = 0) -> Value:
    """An input with its scale and zero point behind it; a constant becomes the floats that it stands for."""
    value = call[index]
    if not isinstance(value, Known):
        return value
    return _dequantized(value, call[index + 1], call[index + 2], axis)


def _dequantized(value: Known, scale: Value, zero: Value, axis: int) -> Known:
    tensor = value.tensor
    if tensor.is_meta:
        return Known(tensor.float() if not tensor.is_floating_point() else tensor, value.name)
    place = axis % max(1, tensor.dim())

    def along(constant: Value) -> Any:
        count = constant.tensor.numel() if isinstance(constant, Known) else 0
        if count == 1:
            return constant.tensor.double().reshape(())
        if not tensor.dim() or count != tensor.shape[place]:
            raise UnsupportedNode
        return constant.tensor.double().reshape([-1 if i == place else 1 for i in range(tensor.dim())])

    found = tensor.double() if zero is None else tensor.double() - along(zero)
    return Known((found * along(scale)).float() if scale is not None else found.float(), value.name)


SIGNED = ("conv1d", "conv2d", "conv_transpose2d", "linear", "matmul", "add", "sub", "mul", "batch_norm")
"""ATen operators whose outputs may be negative: a ReLU behind them may be left to the limits of the integers."""


def _limited(call: OnnxCall, value: Value, zero: int) -> Value:
    """A ReLU where the integers of an output begin at 0, as quantisers drop one that they make superfluous."""
    point = call[zero]
    if isinstance(point, Known) and not isinstance(value, Known) and not point.tensor.is_meta:
        lowest = 0 if point.tensor.dtype.is_signed is False else -(2 ** (8 * point.tensor.element_size() - 1))
        produced = getattr(getattr(value.target, "overloadpacket", None), "__name__", "")
        if produced in SIGNED and bool((point.tensor == lowest).all()):
            return call.aten("relu", value)
    return value


@rule("QuantizeLinear")
def _quantize(call: OnnxCall) -> Value:
    if isinstance(call[0], Known):
        raise UnsupportedNode
    return _limited(call, call[0], 2)


@rule("DequantizeLinear")
def _dequantize(call: OnnxCall) -> Value:
    return _float(call, 0, call.get("axis", 1))


@rule("DynamicQuantizeLinear")
def _dynamic(call: OnnxCall) -> list[Value]:
    import torch

    return [call[0], Known(torch.ones(())), Known(torch.zeros(()))]


@rule("ConvInteger")
def _conv_integer(call: OnnxCall) -> Value:
    return call.as_operator("Conv", call[0], _weight(call, 0), None)


@rule("MatMulInteger")
def _matmul_integer(call: OnnxCall) -> Value:
    return call.as_operator("MatMul", call[0], _weight(call, 1))


def _weight(call: OnnxCall, axis: int) -> Value:
    """The integers of a weight without their zero point; the scale follows as an operator of its own."""
    return _dequantized(call[1], None, call[3], axis) if isinstance(call[1], Known) else call[1]


def _bias(call: OnnxCall, index: int, x_scale: int, w_scale: int) -> Value:
    """A bias in integers, whose scale is the product of the scales of image and weight."""
    value = call[index]
    if not isinstance(value, Known) or value.tensor.is_meta:
        return value
    scale = call.known(x_scale).double() * call.known(w_scale).double()
    return Known((value.tensor.double() * scale).float(), value.name)


@rule("QLinearConv")
def _qlinear_conv(call: OnnxCall) -> Value:
    return _limited(call, call.as_operator("Conv", call[0], _float(call, 3), _bias(call, 8, 1, 4)), 7)


@rule("QLinearMatMul")
def _qlinear_matmul(call: OnnxCall) -> Value:
    return _limited(call, call.as_operator("MatMul", _float(call, 0), _float(call, 3, 1)), 7)


@rule(f"{MICROSOFT}.QGemm")
def _qgemm(call: OnnxCall) -> Value:
    axis = 0 if call.get("transB", 0) else 1
    return _limited(call, call.as_operator("Gemm", call[0], _float(call, 3, axis), _bias(call, 6, 1, 4)), 8)


@rule(f"{MICROSOFT}.QLinearAdd", f"{MICROSOFT}.QLinearMul")
def _qlinear_binary(call: OnnxCall) -> Value:
    return _limited(call, call.as_operator(call.op.removeprefix("QLinear"), _float(call, 0), _float(call, 3)), 7)


@rule(
    *[
        f"{MICROSOFT}.QLinear{name}"
        for name in ("GlobalAveragePool", "AveragePool", "Sigmoid", "LeakyRelu", "Softmax", "ReduceMean")
    ]
)
def _qlinear_unary(call: OnnxCall) -> Value:
    if call.get("channels_last", 0):
        raise UnsupportedNode
    attributes = {"axis": call.get("axis", -1)} if call.op == "QLinearSoftmax" else {}
    return call.as_operator(call.op.removeprefix("QLinear"), _float(call, 0), **attributes)


@rule(f"{MICROSOFT}.QLinearConcat")
def _qlinear_concat(call: OnnxCall) -> Value:
    return call.as_operator("Concat", *[_float(call, i) for i in range(2, len(call.inputs), 3)])
