"""ATen calls without windows → operators: activations, arithmetic, matrix products.

The contract is in `archs.interop.aten.call`.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from math import prod
from typing import Any

from archs.interop.aten.call import AtenCall, UnsupportedCall, batched, rule
from archs.interop.aten.computed import computed, computed_once, expanded_from, for_all_images
from archs.interop.aten.steps import Computation, Constant, Step, is_parameter, reshaped_constant
from archs.ir import ops
from archs.ir.operator import Op, Shape

# Activations and other functions of each element

PLAIN: dict[str, Op] = {
    "relu": ops.ReLU(),
    "relu6": ops.ReLU6(),
    "sigmoid": ops.Sigmoid(),
    "hardsigmoid": ops.HardSigmoid(),
    "silu": ops.SiLU(),
    "hardswish": ops.HardSwish(),
    "mish": ops.Mish(),
    "tanh": ops.Tanh(),
    "exp": ops.Exp(),
    "sqrt": ops.Power(0.5),
    "rsqrt": ops.Power(-0.5),
    "square": ops.Power(2),
    "reciprocal": ops.Power(-1),
    "neg": ops.MultiplyConstant(-1),
}


@rule(*PLAIN)
def _plain(call: AtenCall) -> Step:
    return call.step(PLAIN[call.name], call.first)


@rule("gelu")
def _gelu(call: AtenCall) -> Step:
    return call.step(ops.GELU() if call["approximate"] == "none" else ops.TanhGELU(), call.first)


@rule("leaky_relu")
def _leaky_relu(call: AtenCall) -> Step:
    return call.step(ops.LeakyReLU(call["negative_slope"]), call.first)


@rule("rrelu")
def _rrelu(call: AtenCall) -> Step:
    """Leaky, with the mean of the slopes that are drawn in training."""
    if call["training"]:
        raise UnsupportedCall
    return call.step(ops.LeakyReLU((call["lower"] + call["upper"]) / 2), call.first)


@rule("elu")
def _elu(call: AtenCall) -> Step:
    if (call["alpha"], call["scale"], call["input_scale"]) != (1, 1, 1):
        raise UnsupportedCall
    return call.step(ops.ELU(), call.first)


@rule("softplus")
def _softplus(call: AtenCall) -> Step:
    if (call["beta"], call["threshold"]) != (1, 20):
        raise UnsupportedCall
    return call.step(ops.Softplus(), call.first)


@rule("prelu")
def _prelu(call: AtenCall) -> Step:
    weight, x = call["weight"], call.first
    if not isinstance(weight, Constant):
        raise UnsupportedCall
    if weight.trained and weight.factor == 1:
        return call.step(ops.PReLU(weight.tensor.numel()), x, weights={"weight": weight})
    slopes = reshaped_constant(weight, (-1, *[1] * (len(x.shape) - 1)))
    below = with_constant(call, "mul", call.step(ops.Clamp(None, 0), x), slopes)
    return call.step(ops.Add(), call.step(ops.ReLU(), x), below)


@rule("hardtanh", "clamp", "clamp_min", "clamp_max")
def _clamp(call: AtenCall) -> Step:
    low = call.args.get("min_val", call.args.get("min"))
    high = call.args.get("max_val", call.args.get("max"))
    if not all(value is None or isinstance(value, (int, float)) for value in (low, high)):
        raise UnsupportedCall
    if low == 0 and high in (6, None):
        return call.step(ops.ReLU6() if high == 6 else ops.ReLU(), call.first)
    return call.step(ops.Clamp(low, high), call.first)


@rule("pow")
def _pow(call: AtenCall) -> Step:
    if not isinstance(call["exponent"], (int, float)):
        raise UnsupportedCall
    return call.step(ops.Power(call["exponent"]), call.first)


@rule("softmax", "_softmax", "log_softmax", "_log_softmax")
def _softmax(call: AtenCall) -> Step:
    return call.step(ops.Softmax(call.axis(), "log" in call.name), call.first)


@rule("abs")
def _abs(call: AtenCall) -> Step:
    x = call.first
    return call.step(ops.Maximum(), x, call.step(ops.MultiplyConstant(-1), x))


@rule("dropout")
def _dropout(call: AtenCall) -> Step:
    if call.args.get("train"):
        raise UnsupportedCall
    # a probability of 0 is how code says that there is none
    return call.step(ops.Dropout(call["p"]), call.first) if 0 < call["p"] < 1 else call.first


@rule("feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def _other_dropout(call: AtenCall) -> Step:
    if call["train"]:
        raise UnsupportedCall
    return call.first


@rule("fill", "full_like", "zeros_like", "ones_like", "zero")
def _filled(call: AtenCall) -> Step:
    """A tensor of one number, of the sizes of another: times 0, and plus the number."""
    value = {"zeros_like": 0.0, "zero": 0.0, "ones_like": 1.0}.get(call.name)
    if value is None:
        value = call.args.get("value", call.args.get("fill_value"))
    if isinstance(value, Constant):
        if value.tensor.numel() != 1:
            raise UnsupportedCall
        value = value.tensor.item()
    if not isinstance(value, (int, float)) or not batched(call.value):
        raise UnsupportedCall
    zeros = call.step(ops.MultiplyConstant(0), call.first)
    return call.step(ops.AddConstant(float(value)), zeros) if value else zeros


@rule("index_put")
def _masked(call: AtenCall) -> Step:
    """One number in the places that a mask of the tensor's own size has."""
    x, (mask, *others), value = call["self"], call["indices"], call["values"]
    if others or not isinstance(mask, Step) or mask.shape != x.shape or mask.floating or call["accumulate"]:
        raise UnsupportedCall
    if not isinstance(value, Constant) or value.tensor.numel() != 1 or value.depends_on_parameters:
        raise UnsupportedCall
    given = ("$0", "$1", value.tensor.item())
    return call.step(ops.TensorFunction("masked_fill.Scalar", tuple(x.shape), given), x, mask)


@rule("copy")
def _copied(call: AtenCall) -> Step:
    """One tensor's elements in the place of another's."""
    x, source = call["self"], call["src"]
    if isinstance(source, Constant) and isinstance(x, Step):
        return with_constant(call, "add", call.step(ops.MultiplyConstant(0), x), source)
    if not isinstance(source, Step) or source.folded or not batched(call.value):
        raise UnsupportedCall
    return source if source.shape == call.shape else call.step(ops.Expand(call.shape), source)


# Two tensors, or a tensor and a number


BINARY: dict[str, type[Op]] = {
    "add": ops.Add,
    "sub": ops.Subtract,
    "mul": ops.Multiply,
    "div": ops.Divide,
    "maximum": ops.Maximum,
}


@rule(*BINARY, "rsub", "subtract", "multiply", "divide", "true_divide")
def _binary(call: AtenCall) -> Step:
    a, b, alpha = call["self"], call["other"], call.args.get("alpha", 1)
    if call.args.get("rounding_mode") is not None:
        raise UnsupportedCall
    name = {"subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div"}.get(call.name, call.name)
    if name == "rsub":
        a, b, name = b, a, "sub"
        if alpha != 1:
            raise UnsupportedCall
    if alpha != 1:
        b = b * alpha if isinstance(b, (int, float)) else call.step(ops.MultiplyConstant(alpha), b)
    if isinstance(a, Step) and isinstance(b, Step):
        a, b = _unexpanded(a, b)
        if name in ("add", "mul") and prod(a.shape) < prod(b.shape):
            a, b = b, a  # what stretches stands behind
        return call.step(BINARY[name](), a, b)
    if isinstance(a, Step):
        return with_constant(call, name, a, b)
    if name in ("add", "mul"):
        return with_constant(call, name, b, a)
    if name == "sub":  # c − x
        return with_constant(call, "add", call.step(ops.MultiplyConstant(-1), b), a)
    if name == "div":  # c / x
        return with_constant(call, "mul", call.step(ops.Power(-1), b), a)
    raise UnsupportedCall


def _unexpanded(a: Step, b: Step) -> tuple[Step, Step]:
    """Without an `expand_as` in front, where the operator itself stretches."""
    if isinstance(b.op, ops.Expand) and a.shape == b.shape:
        return a, b.inputs[0]
    if isinstance(a.op, ops.Expand) and a.shape == b.shape:
        return a.inputs[0], b
    return a, b


def with_constant(call: AtenCall, name: str, x: Step, other: Any) -> Step:
    """A tensor and a number, or a tensor and a constant: a parameter, a stored tensor, or one that is computed."""
    if isinstance(other, Constant) and other.tensor.numel() == 1 and not other.depends_on_parameters:
        other = other.tensor.item()
    if isinstance(other, (int, float)):
        return _with_number(call, name, x, other)
    if not isinstance(other, Constant) or not other.tensor.is_floating_point():
        raise UnsupportedCall
    sizes = tuple(other.tensor.shape)
    if len(sizes) == len(x.shape) + 1:
        if sizes[0] != 1:
            other = expanded_from(other) or other
        if other.tensor.shape[0] != 1:
            return call.step(BINARY[name](), x, computed_once(call, other))
        sizes = sizes[1:]
    kind = {"add": ops.Shift, "sub": ops.Shift, "mul": ops.Scale, "div": ops.Scale}.get(name)
    as_it_is = other.trained and other.factor == 1 and name in ("add", "mul")
    as_it_is = as_it_is and not (other.whole and sizes != tuple(other.tensor.shape))
    if kind and (as_it_is or not other.depends_on_parameters) and _stretches(sizes, x.shape):
        tensor = {"sub": -other.tensor, "div": 1 / other.tensor}.get(name, other.tensor).reshape(sizes)
        role = "weight" if other.trained else "constant"
        sources = other.sources if as_it_is or (other.pure and name in ("add", "mul")) else ()
        return call.step(kind(sizes, other.trained), x, weights={role: Constant(tensor, sources, other.trained, True)})
    full = (*[1] * (len(x.shape) - len(sizes)), *sizes)
    return call.step(BINARY[name](), x, computed(call, other, full))


def _stretches(sizes: tuple[int, ...], over: Shape) -> bool:
    return len(sizes) <= len(over) and all(a in (1, b) for a, b in zip(sizes[::-1], over[::-1]))


def _with_number(call: AtenCall, name: str, x: Step, number: float) -> Step:
    if name in ("add", "sub"):
        value = -number if name == "sub" else number
        return call.step(ops.AddConstant(value), x) if value or not x.floating else x
    if name in ("mul", "div"):
        value = 1 / number if name == "div" else number
        return call.step(ops.MultiplyConstant(value), x) if value != 1 or not x.floating else x
    if name in ("maximum", "minimum"):
        return call.step(ops.Clamp(number, None) if name == "maximum" else ops.Clamp(None, number), x)
    raise UnsupportedCall


@rule("addcmul")
def _addcmul(call: AtenCall) -> Step:
    shift, a, b = call["self"], call["tensor1"], call["tensor2"]
    if call["value"] != 1 or not isinstance(shift, Constant):
        raise UnsupportedCall
    scale, x = (a, b) if isinstance(b, Step) else (b, a)
    if not isinstance(x, Step):
        raise UnsupportedCall
    return with_constant(call, "add", with_constant(call, "mul", x, scale), shift)


@rule("matmul", "bmm", "mm")
def _matmul(call: AtenCall) -> Step:
    a, b = call["self"], call.args.get("other", call.args.get("mat2"))
    if isinstance(b, Constant):
        if b.tensor.dim() > 2 and b.tensor.numel() == prod(b.tensor.shape[-2:]):
            b = reshaped_constant(b, tuple(b.tensor.shape[-2:]))  # one matrix for all
        if not isinstance(a, Step) or b.tensor.dim() != 2:
            raise UnsupportedCall
        if call.name == "mm" and (weight := _transposed(b)) is not None:  # torch's parts of a linear layer
            kind = ops.Linear if len(call.first.shape) == 1 else ops.LinearLast
            return call.step(kind(b.tensor.shape[1], False), a, weights={"weight": weight})
        if len(a.shape) == 1 and not (is_parameter(b) and not b.whole):
            turned = Constant(b.tensor.t(), b.sources, depends_on_parameters=b.depends_on_parameters, made=_turn(b))
            return call.step(ops.LinearWith(b.tensor.shape[1]), a, computed(call, turned))
        if not is_parameter(b) or b.whole:
            return call.step(ops.MatMul(), a, computed(call, b, (*[1] * (len(a.shape) - 2), *b.tensor.shape)))
        weight = Constant(b.tensor.t(), b.sources, True, True)
        kind = ops.Linear if len(call.first.shape) == 1 else ops.LinearLast
        return call.step(kind(b.tensor.shape[1], False), a, weights={"weight": weight})
    if not isinstance(a, Step) or not isinstance(b, Step) or len(a.shape) != len(b.shape):
        raise UnsupportedCall
    return call.step(ops.MatMul(), a, b)


def _turn(matrix: Constant) -> Computation:
    """How a matrix is transposed."""
    import torch

    return torch.ops.aten.t.default, (matrix,), {}


def _transposed(constant: Constant) -> Constant | None:
    """The parameter that a matrix is the transpose of; None for any other matrix."""
    target, args, _ = constant.made or (None, (), {})
    source = args[0] if args else None
    called = getattr(target, "__name__", "")
    swapped = called == "t.default" or (called == "permute.default" and list(args[1]) == [1, 0])  # in core ATen
    if not swapped or not isinstance(source, Constant):
        return None
    return source if source.trained and source.factor == 1 else None


@rule("addmm")
def _addmm(call: AtenCall) -> Step:
    """A matrix product plus a bias, as torch makes it of a linear layer."""
    if (call["beta"], call["alpha"]) != (1, 1):
        raise UnsupportedCall
    product = _matmul(replace(call, name="mm", args={"self": call["mat1"], "mat2": call["mat2"]}))
    bias = call["self"]
    if isinstance(product.op, ops.Linear) and isinstance(bias, Constant) and bias.trained and bias.tensor.dim() == 1:
        product.op, product.weights["bias"] = replace(product.op, bias=True), bias
        return product
    return with_constant(call, "add", product, bias)


@rule("scaled_dot_product_attention")
def _attention(call: AtenCall) -> Step:
    mask, causal = call["attn_mask"], bool(call["is_causal"])
    if call["dropout_p"] or call.args.get("enable_gqa"):
        raise UnsupportedCall
    given = [call["query"], call["key"], call["value"]]
    if mask is None:
        return call.step(ops.Attention(call["scale"], causal), *given)
    if isinstance(mask, Constant):
        mask = for_all_images(call, mask, 1 + len(call.first.shape))
    return call.step(ops.Attention(call["scale"], causal, True), *given, mask)


@rule("getitem")
def _getitem(call: AtenCall) -> Any:
    return operator.getitem(call["a"], call["b"])
