"""ONNX operators without windows → ATen calls: activations, arithmetic.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from math import isclose, prod

from archs.interop.onnx.call import OnnxCall, rule, shortest
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

LOWEST = -3.4e38
"""A bound below this is none: exporters write the smallest float for an open side."""


SELU = (1.6732632423543772, 1.0507009873554805)
"""Alpha and gamma (Klambauer et al. 2017)."""

# Activations and other functions of each element

PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "HardSwish": "hardswish",
    "Mish": "mish",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Exp": "exp",
    "Sqrt": "sqrt",
    "Neg": "neg",
    "Reciprocal": "reciprocal",
    # without an operator of ours; torch knows their shapes
    **{name: name.lower() for name in ("Erf", "Abs", "Sign", "Floor", "Ceil", "Round", "Log", "Sin", "Cos")},
    **{name: name.lower() for name in ("Tan", "Sinh", "Cosh", "Asin", "Acos", "Atan", "Asinh", "Acosh", "Atanh")},
}


@rule(*PLAIN)
def _plain(call: OnnxCall) -> Value:
    return call.aten(PLAIN[call.op], call[0])


@rule("Identity")
def _identity(call: OnnxCall) -> Value:
    return call[0]


@rule("Dropout")
def _dropout(call: OnnxCall) -> list[Value]:
    if call[2] is not None and bool(call.known(2)):
        raise UnsupportedNode
    p = call.number(1) if call.opset >= 12 else call.get("ratio", 0.5)
    p = 0.5 if p is None else p
    return [call.aten("dropout", call[0], p, False), None] if 0 < p < 1 else [call[0], None]


@rule("HardSigmoid")
def _hard_sigmoid(call: OnnxCall) -> Value:
    alpha, beta = call.get("alpha", 0.2), call.get("beta", 0.5)
    if isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return call.aten("hardsigmoid", call[0])
    x = call.aten("add", call.aten("mul", call[0], alpha, overload="Tensor"), beta, overload="Tensor")
    return call.aten("clamp", x, 0, 1)


@rule("Gelu")
def _gelu(call: OnnxCall) -> Value:
    return call.aten("gelu", call[0], approximate=call.get("approximate", "none"))


@rule("Swish")
def _swish(call: OnnxCall) -> Value:
    if call.get("alpha", 1.0) != 1:
        raise UnsupportedNode
    return call.aten("silu", call[0])


@rule("LeakyRelu")
def _leaky_relu(call: OnnxCall) -> Value:
    return call.aten("leaky_relu", call[0], call.get("alpha", 0.01))


@rule("Selu")
def _selu(call: OnnxCall) -> Value:
    """Torch's constants where they are the file's, else the parts below and above 0."""
    alpha, gamma = call.get("alpha", SELU[0]), call.get("gamma", SELU[1])
    if isclose(alpha, SELU[0], rel_tol=1e-5) and isclose(gamma, SELU[1], rel_tol=1e-5):
        return call.aten("selu", call[0])
    return call.aten("mul", call.aten("elu", call[0], alpha), gamma, overload="Tensor")


@rule("Celu")
def _celu(call: OnnxCall) -> Value:
    return call.aten("celu", call[0], call.get("alpha", 1.0))


@rule("ThresholdedRelu")
def _thresholded_relu(call: OnnxCall) -> Value:
    return call.aten("threshold", call[0], call.get("alpha", 1.0), 0.0)


@rule("Softsign")
def _softsign(call: OnnxCall) -> Value:
    below = call.aten("add", call.aten("abs", call[0]), 1.0, overload="Tensor")
    return call.aten("div", call[0], below, overload="Tensor")


@rule("Shrink")
def _shrink(call: OnnxCall) -> Value:
    limit, bias = call.get("lambd", 0.5), call.get("bias", 0.0)
    if bias not in (0.0, limit):
        raise UnsupportedNode
    return call.aten("softshrink" if bias else "hardshrink", call[0], limit)


@rule("Elu")
def _elu(call: OnnxCall) -> Value:
    return call.aten("elu", call[0], call.get("alpha", 1.0))


@rule("PRelu")
def _prelu(call: OnnxCall) -> Value:
    if not isinstance(call[1], Known):
        raise UnsupportedNode
    sides = [1] * (len(call.shape()) - len(call.shape(1))) + list(call.shape(1))
    if any(side != 1 and axis != 1 for axis, side in enumerate(sides)):  # slopes of places, columns or rows
        below = call.as_operator("Mul", call.aten("clamp", call[0], None, 0), call[1])
        return call.aten("add", call.aten("relu", call[0]), below, overload="Tensor")
    slope = call.aten("reshape", call[1], [-1])
    return call.aten("prelu", call[0], call.emitter.weight(slope))


@rule("Clip")
def _clip(call: OnnxCall) -> Value:
    low, high = (call.get("min"), call.get("max")) if call.opset < 11 else (call.number(1), call.number(2))
    low, high = None if low is None or low < LOWEST else low, None if high is None or high > -LOWEST else high
    if low is None and high is None:
        return call[0]
    if low == 0 and high is None:
        return call.aten("relu", call[0])
    return call.aten("relu6", call[0]) if (low, high) == (0, 6) else call.aten("clamp", call[0], low, high)


@rule("Softmax", "LogSoftmax")
def _softmax(call: OnnxCall) -> Value:
    sizes = call.shape()
    axis = call.get("axis", -1 if call.opset >= 13 else 1) % len(sizes)
    name = "softmax" if call.op == "Softmax" else "log_softmax"
    if call.opset >= 13 or prod(sizes[axis + 1 :]) == 1:
        return call.aten(name, call[0], axis, overload="int")
    flat = call.aten("reshape", call[0], [*sizes[:axis], prod(sizes[axis:])])  # all axes from this one on as one
    return call.aten("reshape", call.aten(name, flat, axis, overload="int"), list(sizes))


@rule("CumSum")
def _cumsum(call: OnnxCall) -> Value:
    return call.aten("cumsum", call[0], int(call.known(1)))


# Two tensors, or a tensor and a number


@rule("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")
def _binary(call: OnnxCall) -> Value:
    if len(call.inputs) != 2:
        if call.op not in ("Max", "Min"):
            raise UnsupportedNode
        return _one_after_another(call, call.op)
    a, b = call[0], call[1]
    if isinstance(a, Known) and isinstance(b, Known):
        return _of_constants(call, a, b)
    name = {"Max": "maximum", "Min": "minimum"}.get(call.op, call.op.lower())
    rank = max(len(call.shape(0)), len(call.shape(1)))
    if isinstance(a, Known) and a.tensor.numel() == 1 and rank == len(call.shape(1)) and call.op in ("Add", "Mul"):
        a, b = b, a
    if isinstance(b, Known) and b.tensor.numel() == 1 and not b.tensor.is_meta and rank == len(call.emitter.shape(a)):
        return _with_number(call, a, _short(b))
    if isinstance(a, Known) and a.tensor.numel() == 1 and not a.tensor.is_meta and call.op in ("Sub", "Div", "Pow"):
        if call.op == "Pow":
            return call.aten("pow", _short(a), b, overload="Scalar")
        if call.op == "Sub":
            return call.aten("rsub", b, _short(a), overload="Scalar")
        return call.aten("mul", call.aten("reciprocal", b), _short(a), overload="Tensor")
    if call.op == "Pow":
        raise UnsupportedNode
    trained = call.op in ("Add", "Mul")  # what is subtracted or divided by is a constant: a mean, a deviation
    a, b = (call.emitter.weight(v, trained) for v in (a, b))
    return call.aten(name, a, b, overload="default" if name in ("maximum", "minimum") else "Tensor")


def _short(value: Known) -> float:
    return shortest(float(value.tensor.item()))


def _with_number(call: OnnxCall, x: Value, number: float) -> Value:
    if call.op == "Pow":
        return call.aten("pow", x, number, overload="Tensor_Scalar")
    if call.op == "Max":
        return call.aten("clamp", x, number)
    if call.op == "Min":
        return call.aten("clamp", x, None, number)
    return call.aten(call.op.lower(), x, number, overload="Tensor")


def _of_constants(call: OnnxCall, a: Known, b: Known) -> Value:
    """Arithmetic on constants; on whole numbers a division rounds towards zero."""
    if call.op == "Div" and not a.tensor.is_floating_point():
        import torch

        return Known(torch.div(a.tensor, b.tensor, rounding_mode="trunc"))
    name = {"Max": "maximum", "Min": "minimum"}.get(call.op, call.op.lower())
    overload = {"Pow": "Tensor_Tensor", "Max": "default", "Min": "default"}.get(call.op, "Tensor")
    return call.aten(name, a, b, overload=overload)


@rule("Mod")
def _mod(call: OnnxCall) -> Value:
    """Of constants, as sizes are computed, or by a number."""
    name, by = "fmod" if call.get("fmod", 0) else "remainder", call[1]
    if isinstance(call[0], Known) and isinstance(by, Known):
        return call.aten(name, call[0], by, overload="Tensor")
    if not isinstance(by, Known) or by.tensor.numel() != 1 or by.tensor.is_meta:
        raise UnsupportedNode
    return call.aten(name, call[0], _short(by), overload="Scalar")


def _one_after_another(call: OnnxCall, op: str) -> Value:
    """An operator of any number of tensors as operators of two."""
    total, *others = call.inputs
    for other in others:
        total = call.as_operator(op, total, other)
    return total


@rule("Sum", "Mean")
def _sum(call: OnnxCall) -> Value:
    total = _one_after_another(call, "Add")
    if call.op == "Sum":
        return total
    return call.aten("mul", total, 1 / len(call.inputs), overload="Tensor")


COMPARED = {"Equal": "eq", "Greater": "gt", "Less": "lt", "GreaterOrEqual": "ge", "LessOrEqual": "le"}


@rule(*COMPARED)
def _compare(call: OnnxCall) -> Value:
    a, b = call[0], call[1]
    if isinstance(a, Known) and isinstance(b, Known):
        call.known(0), call.known(1)
    if isinstance(b, Known) and b.tensor.numel() == 1 and not b.tensor.is_meta and not isinstance(a, Known):
        return call.aten(COMPARED[call.op], a, _short(b), overload="Scalar")
    return call.aten(COMPARED[call.op], a, b, overload="Tensor")


LOGICAL = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "Not": "logical_not"}


@rule(*LOGICAL)
def _logical(call: OnnxCall) -> Value:
    return call.aten(LOGICAL[call.op], *call.inputs)
