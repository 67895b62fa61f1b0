"""ONNX operators that compute → ATen calls: convolutions, norms, activations, pooling, arithmetic.

By the ONNX operator schemas (github.com/onnx/onnx, docs/Operators.md), whose attributes and inputs change with the
version of the operator set: what was an attribute became an input.
"""

from __future__ import annotations

from math import isclose, prod
from typing import Any

from archs.interop.onnx.tracing import Call, Known, Unknown, Value, rule, shortest

LOWEST = -3.4e38
"""A bound below this is none: exporters write the smallest float for an open side."""


def _sides(call: Call, rank: int, x: tuple[int, ...], kernel: list[int]) -> tuple[list[int], list[int]]:
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


def _padded(call: Call, x: Value, before: list[int], after: list[int], value: float = 0.0) -> tuple[Value, list[int]]:
    """The input and the padding that is left to the operator: what differs between the ends is put on first."""
    if before == after:
        return x, before
    sides = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
    return call.aten("constant_pad_nd", x, sides, value), [0] * len(before)


@rule("Conv")
def _conv(call: Call) -> Value:
    x, weight, bias = call[0], call.trace.weight(call[1]), call.trace.weight(_no_zeros(call[2]))
    rank = len(call.shape(1)) - 2
    if rank not in (1, 2) or not isinstance(weight, Known):
        raise Unknown
    x, padding = _padded(call, x, *_sides(call, rank, call.shape()[2:], list(call.shape(1)[2:])))
    stride, dilation = call.get("strides", [1] * rank), call.get("dilations", [1] * rank)
    return call.aten(f"conv{rank}d", x, weight, bias, stride, padding, dilation, call.get("group", 1))


def _no_zeros(bias: Value) -> Value:
    """Nothing for zeros that were computed: the bias of a convolution that has none, before an exporter optimises."""
    computed = isinstance(bias, Known) and not bias.name and not bias.tensor.is_meta
    return None if computed and not bool(bias.tensor.any()) else bias


@rule("ConvTranspose")
def _conv_transpose(call: Call) -> Value:
    x, weight, bias = call[0], call.trace.weight(call[1]), call.trace.weight(call[2])
    if len(call.shape(1)) != 4 or call.get("auto_pad", "NOTSET") != "NOTSET" or call.get("output_shape"):
        raise Unknown
    pads = call.get("pads", [0] * 4)
    if pads[:2] != pads[2:]:
        raise Unknown
    more, groups = call.get("output_padding", [0, 0]), call.get("group", 1)
    stride, dilation = call.get("strides", [1, 1]), call.get("dilations", [1, 1])
    return call.aten("conv_transpose2d", x, weight, bias, stride, pads[:2], more, groups, dilation, overload="input")


@rule("Gemm")
def _gemm(call: Call) -> Value:
    x, weight, bias = call[0], call[1], call[2]
    if call.get("alpha", 1.0) != 1 or call.get("beta", 1.0) != 1 or call.get("transA", 0):
        raise Unknown
    if not isinstance(weight, Known) or (bias is not None and len(call.shape(2)) != 1):
        raise Unknown
    weight = weight if call.get("transB", 0) else call.aten("t", weight)
    return call.aten("linear", x, call.trace.weight(weight), call.trace.weight(bias))


@rule("MatMul")
def _matmul(call: Call) -> Value:
    a, b = call[0], call[1]
    if isinstance(b, Known) and len(call.shape(1)) == 2 and not isinstance(a, Known):
        return call.aten("linear", a, call.trace.weight(call.aten("t", b)))
    if isinstance(a, Known) and isinstance(b, Known):
        raise Unknown  # a product of constants takes more than their sizes say
    return call.aten("matmul", a, b)


@rule("BatchNormalization")
def _batch_norm(call: Call) -> Value:
    training = bool(call.get("training_mode", 0))
    if (training and not isinstance(call[0], Known)) or not call.get("spatial", 1):
        raise Unknown  # filters brought to mean 0 and variance 1 are constants
    x, weight, bias, mean, var = (call[i] for i in range(5))
    weight, bias = call.trace.weight(weight), call.trace.weight(bias)
    if training:
        mean = var = None
    return call.aten("batch_norm", x, weight, bias, mean, var, training, 0.1, call.get("epsilon", 1e-5), False)


@rule("InstanceNormalization")
def _instance_norm(call: Call) -> Value:
    weight, bias = _affine(call)
    return call.aten("instance_norm", call[0], weight, bias, None, None, True, 0.1, call.get("epsilon", 1e-5), False)


@rule("GroupNormalization")
def _group_norm(call: Call) -> Value:
    weight, bias = call[1], call[2]
    groups = call.get("num_groups")
    if call.shape(1)[0] != call.shape()[1]:  # until version 21 one scale per group
        raise Unknown
    return call.aten(
        "group_norm",
        call[0],
        groups,
        call.trace.weight(weight),
        call.trace.weight(bias),
        call.get("epsilon", 1e-5),
        False,
    )


def _affine(call: Call) -> tuple[Value, Value]:
    """Scale and shift, or neither where they change nothing, as exporters write them who must write some."""
    weight, bias = call.known(1), call.known(2)
    if bool((weight == 1).all()) and bool((bias == 0).all()):
        return None, None
    return call.trace.weight(call[1]), call.trace.weight(call[2])


@rule("LayerNormalization")
def _layer_norm(call: Call) -> Value:
    sizes, axis = call.shape(), call.get("axis", -1)
    axis = axis % len(sizes)
    if axis == 0 or tuple(call.shape(1)) != sizes[axis:]:
        raise Unknown
    weight, bias = call.trace.weight(call[1]), call.trace.weight(call[2])
    return call.aten("layer_norm", call[0], list(sizes[axis:]), weight, bias, call.get("epsilon", 1e-5), False)


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
    **{name: name.lower() for name in ("Erf", "Abs", "Sign", "Floor", "Ceil", "Round", "Log", "Sin", "Cos", "Selu")},
}


@rule(*PLAIN)
def _plain(call: Call) -> Value:
    return call.aten(PLAIN[call.op], call[0])


@rule("Identity")
def _identity(call: Call) -> Value:
    return call[0]


@rule("Dropout")
def _dropout(call: Call) -> list[Value]:
    if call[2] is not None and bool(call.known(2)):
        raise Unknown
    p = call.number(1) if call.opset >= 12 else call.get("ratio", 0.5)
    p = 0.5 if p is None else p
    return [call.aten("dropout", call[0], p, False), None] if 0 < p < 1 else [call[0], None]


@rule("HardSigmoid")
def _hard_sigmoid(call: Call) -> Value:
    alpha, beta = call.get("alpha", 0.2), call.get("beta", 0.5)
    if isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return call.aten("hardsigmoid", call[0])
    x = call.aten("add", call.aten("mul", call[0], alpha, overload="Tensor"), beta, overload="Tensor")
    return call.aten("clamp", x, 0, 1)


@rule("Gelu")
def _gelu(call: Call) -> Value:
    return call.aten("gelu", call[0], approximate=call.get("approximate", "none"))


@rule("Swish")
def _swish(call: Call) -> Value:
    if call.get("alpha", 1.0) != 1:
        raise Unknown
    return call.aten("silu", call[0])


@rule("LeakyRelu")
def _leaky_relu(call: Call) -> Value:
    return call.aten("leaky_relu", call[0], call.get("alpha", 0.01))


@rule("Elu")
def _elu(call: Call) -> Value:
    return call.aten("elu", call[0], call.get("alpha", 1.0))


@rule("PRelu")
def _prelu(call: Call) -> Value:
    if not isinstance(call[1], Known) or prod(call.shape(1)) not in (1, call.shape()[1]):
        raise Unknown
    slope = call.aten("reshape", call[1], [-1])
    return call.aten("prelu", call[0], call.trace.weight(slope))


@rule("Clip")
def _clip(call: Call) -> Value:
    low, high = (call.get("min"), call.get("max")) if call.opset < 11 else (call.number(1), call.number(2))
    low, high = None if low is None or low < LOWEST else low, None if high is None or high > -LOWEST else high
    if low is None and high is None:
        return call[0]
    if low == 0 and high is None:
        return call.aten("relu", call[0])
    return call.aten("relu6", call[0]) if (low, high) == (0, 6) else call.aten("clamp", call[0], low, high)


@rule("Softmax")
def _softmax(call: Call) -> Value:
    sizes = call.shape()
    axis = call.get("axis", -1 if call.opset >= 13 else 1) % len(sizes)
    if call.opset < 13 and prod(sizes[axis + 1 :]) != 1:  # all axes from this one on as one
        raise Unknown
    return call.aten("softmax", call[0], axis, overload="int")


@rule("LogSoftmax")
def _log_softmax(call: Call) -> Value:
    return call.aten("log_softmax", call[0], call.get("axis", -1), overload="int")


@rule("CumSum")
def _cumsum(call: Call) -> Value:
    return call.aten("cumsum", call[0], int(call.known(1)))


# Two tensors, or a tensor and a number


@rule("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")
def _binary(call: Call) -> Value:
    if len(call.inputs) != 2:
        raise Unknown
    a, b = call[0], call[1]
    if isinstance(a, Known) and isinstance(b, Known):
        return _of_constants(call, a, b)
    name = {"Max": "maximum", "Min": "minimum"}.get(call.op, call.op.lower())
    rank = max(len(call.shape(0)), len(call.shape(1)))
    if isinstance(a, Known) and a.tensor.numel() == 1 and rank == len(call.shape(1)) and call.op in ("Add", "Mul"):
        a, b = b, a
    if isinstance(b, Known) and b.tensor.numel() == 1 and not b.tensor.is_meta and rank == len(call.trace.shape(a)):
        return _with_number(call, a, _short(b))
    if isinstance(a, Known) and a.tensor.numel() == 1 and not a.tensor.is_meta and call.op in ("Sub", "Div"):
        if call.op == "Sub":
            return call.aten("rsub", b, _short(a), overload="Scalar")
        return call.aten("mul", call.aten("reciprocal", b), _short(a), overload="Tensor")
    if call.op == "Pow":
        raise Unknown
    trained = call.op in ("Add", "Mul")  # what is subtracted or divided by is a constant: a mean, a deviation
    a, b = (call.trace.weight(v, trained) for v in (a, b))
    return call.aten(name, a, b, overload="default" if name in ("maximum", "minimum") else "Tensor")


def _short(value: Known) -> float:
    return shortest(float(value.tensor.item()))


def _with_number(call: Call, x: Value, number: float) -> Value:
    if call.op == "Pow":
        return call.aten("pow", x, number, overload="Tensor_Scalar")
    if call.op == "Max":
        return call.aten("clamp", x, number)
    if call.op == "Min":
        return call.aten("clamp", x, None, number)
    return call.aten(call.op.lower(), x, number, overload="Tensor")


def _of_constants(call: Call, a: Known, b: Known) -> Value:
    """Arithmetic on constants; on whole numbers a division rounds towards zero."""
    if call.op == "Div" and not a.tensor.is_floating_point():
        import torch

        return Known(torch.div(a.tensor, b.tensor, rounding_mode="trunc"))
    name = {"Max": "maximum", "Min": "minimum"}.get(call.op, call.op.lower())
    overload = {"Pow": "Tensor_Tensor", "Max": "default", "Min": "default"}.get(call.op, "Tensor")
    return call.aten(name, a, b, overload=overload)


# Pooling and reductions


@rule("GlobalAveragePool")
def _global_average_pool(call: Call) -> Value:
    return call.aten("adaptive_avg_pool2d", call[0], [1, 1])


@rule("GlobalMaxPool")
def _global_max_pool(call: Call) -> Value:
    return call.item(call.aten("adaptive_max_pool2d", call[0], [1, 1]), 0)


def _window(call: Call) -> tuple[list[int], list[int]]:
    kernel = call.get("kernel_shape")
    if len(kernel) != 2 or set(call.get("dilations", [1])) != {1}:
        raise Unknown
    return kernel, call.get("strides", [1, 1])


@rule("MaxPool")
def _max_pool(call: Call) -> list[Value]:
    if len(call.proto.output) > 1:
        raise Unknown
    kernel, stride = _window(call)
    before, after = _sides(call, 2, call.shape()[2:], kernel)
    x, padding = _padded(call, call[0], before, after, -float("inf"))
    return [call.aten("max_pool2d", x, kernel, stride, padding, [1, 1], bool(call.get("ceil_mode", 0)))]


@rule("AveragePool")
def _average_pool(call: Call) -> Value:
    kernel, stride = _window(call)
    before, after = _sides(call, 2, call.shape()[2:], kernel)
    counted = bool(call.get("count_include_pad", 0))
    if before != after and not counted:
        raise Unknown
    x, padding = _padded(call, call[0], before, after)
    return call.aten("avg_pool2d", x, kernel, stride, padding, bool(call.get("ceil_mode", 0)), counted)


REDUCED = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceMin": "amin"}


@rule(*REDUCED)
def _reduce(call: Call) -> Value:
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


def _axes(call: Call) -> list[int] | None:
    found = call.get("axes")
    return found if found is not None else call.ints(1)


@rule("ReduceL2")
def _reduce_l2(call: Call) -> Value:
    axes = _axes(call)
    if axes is None:
        raise Unknown
    return call.aten("linalg_vector_norm", call[0], 2, axes, bool(call.get("keepdims", 1)))


@rule("ReduceProd")
def _reduce_prod(call: Call) -> Value:
    """Of sizes, which exporters multiply to flatten."""
    numbers: Any = call.known(0)
    return Known(numbers.prod().reshape([1] if call.get("keepdims", 1) else []))
