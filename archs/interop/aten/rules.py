"""ATen calls → our operators: one function per operator of torch, by the name that torch has for it.

A function takes a `Call` and gives a step, a constant, or a list of them where torch gives several tensors. What it
cannot say raises `Unknown`, and the caller makes it an opaque step.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.aten.steps import BATCH, Constant, Scope, Step
from archs.interop.rule_registry import Rulebook
from archs.ir import ops
from archs.ir.operator import Op, Shape

if TYPE_CHECKING:
    import torch


class Unknown(Exception):
    """An operator, or a use of one, that has no counterpart here."""


@dataclass
class Call:
    """One call of an ATen operator: its arguments by name, with steps and constants for tensors."""

    name: str
    args: dict[str, Any]
    value: torch.Tensor
    """What comes out, as a fake tensor."""
    scope: Scope

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    @property
    def shape(self) -> Shape:
        return Shape(*self.value.shape[1:])

    def step(self, op: Op, *inputs: Step, weights: dict[str, Constant | None] | None = None) -> Step:
        """A step of this call. Raises Unknown where the operator does not take these inputs."""
        if any(not isinstance(x, Step) or x.folded for x in inputs):
            raise Unknown
        try:
            shape = op.output(*[x.shape for x in inputs])
        except ArchError:
            raise Unknown from None
        given = {role: c for role, c in (weights or {}).items() if c is not None}
        return Step(op, list(inputs), shape, self.scope, given)

    def axis(self, name: str = "dim", rank: int | None = None) -> int:
        """A dimension as an axis of one image's tensor. Raises Unknown for the batch's."""
        return self.axes_of([self[name]], rank)[0]

    def axes_of(self, dims: list[int], rank: int | None = None) -> list[int]:
        full = (rank if rank is not None else len(self.first.shape)) + 1
        axes = [dim % full - 1 for dim in dims]
        if min(axes) < 0:
            raise Unknown
        return axes

    @property
    def first(self) -> Step:
        x = next(iter(self.args.values()))
        if not isinstance(x, Step) or x.folded:
            raise Unknown
        return x


RULES = Rulebook()
"""By ATen names, without overload and without the trailing _ of those in place."""
rule = RULES.rule


def _pure(constant: Any, what: str = "weight") -> Constant:
    if not isinstance(constant, Constant) or not constant.pure:
        raise Unknown
    return constant


# Convolutions, linear layers, norms


@rule("conv2d")
def _conv2d(call: Call) -> Step:
    x, weight, bias = call.first, call["weight"], call["bias"]
    if not isinstance(weight, Constant) or len(x.shape) != 3 or (bias is not None and not _pure(bias).trained):
        raise Unknown
    channels, kernel = weight.tensor.shape[0], tuple(weight.tensor.shape[2:])
    dilation, padding = tuple(call["dilation"]), call["padding"]
    if isinstance(padding, str):  # torch puts the odd pixel of "same" behind
        total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel)]
        padding = [t // 2 for t in total]
        if any(t % 2 for t in total):
            more = call.step(ops.ZeroPad(0, total[1] % 2, 0, total[0] % 2), x)
            x = more
    numbers = (channels, kernel, tuple(call["stride"]), tuple(padding), dilation, call["groups"], bias is not None)
    if weight.standardized:
        made = weight.standardized
        op: Op = ops.StandardizedConv2d(*numbers, made.gain is not None, made.scale, made.eps)
        return call.step(op, x, weights={"weight": made.weight, "bias": bias, "gain": made.gain})
    if weight.trained:
        return call.step(ops.Conv2d(*numbers), x, weights={"weight": weight, "bias": bias})
    if not weight.pure or bias is not None:
        raise Unknown
    return call.step(ops.FixedConv2d(*numbers), x, weights={"weight": weight})


@rule("conv1d")
def _conv1d(call: Call) -> Step:
    weight, bias, padding = _pure(call["weight"]), call["bias"], call["padding"]
    if call["dilation"] != [1] or not weight.trained:
        raise Unknown
    channels, _, kernel = weight.tensor.shape
    if isinstance(padding, str):
        padding = [(kernel - 1) // 2 if padding == "same" else 0]
    op = ops.Conv1d(channels, kernel, call["stride"][0], padding[0], call["groups"], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("conv_transpose2d")
def _conv_transpose2d(call: Call) -> Step:
    weight, bias = _pure(call["weight"]), call["bias"]
    if not weight.trained:
        raise Unknown
    sizes = [tuple(call[name]) for name in ("stride", "padding", "output_padding", "dilation")]
    channels, kernel = weight.tensor.shape[1] * call["groups"], tuple(weight.tensor.shape[2:])
    op = ops.ConvTranspose2d(channels, kernel, *sizes, call["groups"], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("linear")
def _linear(call: Call) -> Step:
    weight, bias = _pure(call["weight"]), call["bias"]
    if not weight.trained or (bias is not None and not _pure(bias).trained):
        raise Unknown
    kind = ops.Linear if len(call.first.shape) == 1 else ops.LinearLast
    op = kind(weight.tensor.shape[0], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("batch_norm")
def _batch_norm(call: Call) -> Step:
    mean, weight = call["running_mean"], call["weight"]
    if call["training"] or mean is None or (weight is None) != (call["bias"] is None):
        raise Unknown  # statistics of the batch: the output for an image depends on the others
    roles = {role: call[role] for role in ("weight", "bias", "running_mean", "running_var")}
    for constant in roles.values():
        if constant is not None:
            _pure(constant)
    return call.step(ops.BatchNorm(call["eps"], weight is not None), call.first, weights=roles)


@rule("group_norm")
def _group_norm(call: Call) -> Step:
    roles = {"weight": call["weight"], "bias": call["bias"]}
    return call.step(ops.GroupNorm(call["num_groups"], _affine(roles), call["eps"]), call.first, weights=roles)


@rule("instance_norm")
def _instance_norm(call: Call) -> Step:
    if not call["use_input_stats"]:
        raise Unknown
    roles = {"weight": call["weight"], "bias": call["bias"]}
    op = ops.GroupNorm(call.first.shape[0], _affine(roles), call["eps"])  # a group per channel
    return call.step(op, call.first, weights=roles)


@rule("layer_norm")
def _layer_norm(call: Call) -> Step:
    roles = {"weight": call["weight"], "bias": call["bias"]}
    bias = roles["bias"] is not None
    affine = roles["weight"] is not None and _pure(roles["weight"]).trained
    if bias and not affine:
        raise Unknown
    op = ops.LayerNorm(len(call["normalized_shape"]), affine, bias or not affine, call["eps"])
    return call.step(op, call.first, weights=roles)


@rule("rms_norm")
def _rms_norm(call: Call) -> Step:
    weight = call["weight"]
    op = ops.RMSNorm(len(call["normalized_shape"]), weight is not None, call["eps"])
    return call.step(op, call.first, weights={"weight": None if weight is None else _pure(weight)})


def _affine(roles: dict[str, Constant | None]) -> bool:
    given = [constant is not None and _pure(constant).trained for constant in roles.values()]
    if any(given) != all(given):
        raise Unknown
    return all(given)


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
def _plain(call: Call) -> Step:
    return call.step(PLAIN[call.name], call.first)


@rule("gelu")
def _gelu(call: Call) -> Step:
    return call.step(ops.GELU() if call["approximate"] == "none" else ops.TanhGELU(), call.first)


@rule("leaky_relu")
def _leaky_relu(call: Call) -> Step:
    return call.step(ops.LeakyReLU(call["negative_slope"]), call.first)


@rule("elu")
def _elu(call: Call) -> Step:
    if (call["alpha"], call["scale"], call["input_scale"]) != (1, 1, 1):
        raise Unknown
    return call.step(ops.ELU(), call.first)


@rule("softplus")
def _softplus(call: Call) -> Step:
    if (call["beta"], call["threshold"]) != (1, 20):
        raise Unknown
    return call.step(ops.Softplus(), call.first)


@rule("prelu")
def _prelu(call: Call) -> Step:
    weight = _pure(call["weight"])
    return call.step(ops.PReLU(weight.tensor.numel()), call.first, weights={"weight": weight})


@rule("hardtanh", "clamp", "clamp_min", "clamp_max")
def _clamp(call: Call) -> Step:
    low = call.args.get("min_val", call.args.get("min"))
    high = call.args.get("max_val", call.args.get("max"))
    if not all(value is None or isinstance(value, (int, float)) for value in (low, high)):
        raise Unknown
    if low == 0 and high in (6, None):
        return call.step(ops.ReLU6() if high == 6 else ops.ReLU(), call.first)
    return call.step(ops.Clamp(low, high), call.first)


@rule("pow")
def _pow(call: Call) -> Step:
    if not isinstance(call["exponent"], (int, float)):
        raise Unknown
    return call.step(ops.Power(call["exponent"]), call.first)


@rule("softmax", "_softmax")
def _softmax(call: Call) -> Step:
    return call.step(ops.Softmax(call.axis()), call.first)


@rule("dropout")
def _dropout(call: Call) -> Step:
    if call.args.get("train"):
        raise Unknown
    # a probability of 0 is how code says that there is none
    return call.step(ops.Dropout(call["p"]), call.first) if 0 < call["p"] < 1 else call.first


@rule("feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def _other_dropout(call: Call) -> Step:
    if call["train"]:
        raise Unknown
    return call.first


# Two tensors, or a tensor and a number


@rule("add", "sub", "mul", "div", "maximum", "rsub")
def _binary(call: Call) -> Step:
    a, b, alpha = call["self"], call["other"], call.args.get("alpha", 1)
    if call.args.get("rounding_mode") is not None:
        raise Unknown
    name = call.name
    if name == "rsub":
        a, b, name = b, a, "sub"
        if alpha != 1:
            raise Unknown
    if alpha != 1:
        b = b * alpha if isinstance(b, (int, float)) else call.step(ops.MultiplyConstant(alpha), b)
    if isinstance(a, Step) and isinstance(b, Step):
        a, b = _unexpanded(a, b)
        if name in ("add", "mul") and prod(a.shape) < prod(b.shape):
            a, b = b, a  # what stretches stands behind
        kinds = {"add": ops.Add, "sub": ops.Subtract, "mul": ops.Multiply, "div": ops.Divide, "maximum": ops.Maximum}
        return call.step(kinds[name](), a, b)
    if isinstance(a, Step):
        return _with_constant(call, name, a, b)
    if name in ("add", "mul"):
        return _with_constant(call, name, b, a)
    if name == "sub":  # c − x
        return _with_constant(call, "add", call.step(ops.MultiplyConstant(-1), b), a)
    if name == "div":  # c / x
        return _with_constant(call, "mul", call.step(ops.Power(-1), b), a)
    raise Unknown


def _unexpanded(a: Step, b: Step) -> tuple[Step, Step]:
    """Without an `expand_as` in front, where the operator itself stretches."""
    if isinstance(b.op, ops.Expand) and a.shape == b.shape:
        return a, b.inputs[0]
    if isinstance(a.op, ops.Expand) and a.shape == b.shape:
        return a.inputs[0], b
    return a, b


def _with_constant(call: Call, name: str, x: Step, other: Any) -> Step:
    if isinstance(other, Constant) and other.tensor.dim() == 0 and not other.sources:
        raise Unknown
    if isinstance(other, (int, float)):
        if name in ("add", "sub"):
            value = -other if name == "sub" else other
            return call.step(ops.AddConstant(value), x) if value else x
        if name in ("mul", "div"):
            value = 1 / other if name == "div" else other
            return call.step(ops.MultiplyConstant(value), x) if value != 1 else x
        if name == "maximum":
            return call.step(ops.Clamp(other, None), x)
    if not isinstance(other, Constant):
        raise Unknown
    if other.trained and name in ("sub", "div"):
        raise Unknown  # the parameter itself would not be the exported module's
    if other.sources and not other.pure and any(other.sources):
        raise Unknown
    tensor = other.tensor
    if tensor.dim() == len(x.shape) + 1:
        if tensor.shape[0] != 1:
            raise Unknown
        tensor = tensor[0]
    if name == "sub":
        tensor = -tensor
    if name == "div":
        tensor = 1 / tensor
    kind = {"add": ops.Shift, "sub": ops.Shift, "mul": ops.Scale, "div": ops.Scale}.get(name)
    if kind is None or other.factor != 1:
        raise Unknown
    role = "weight" if other.trained else "constant"
    placed = Constant(tensor, other.sources, other.trained, other.pure)
    return call.step(kind(tuple(tensor.shape), other.trained), x, weights={role: placed})


@rule("addcmul")
def _addcmul(call: Call) -> Step:
    shift, a, b = call["self"], call["tensor1"], call["tensor2"]
    if call["value"] != 1 or not isinstance(shift, Constant):
        raise Unknown
    scale, x = (a, b) if isinstance(b, Step) else (b, a)
    if not isinstance(x, Step):
        raise Unknown
    return _with_constant(call, "add", _with_constant(call, "mul", x, scale), shift)


@rule("matmul", "bmm")
def _matmul(call: Call) -> Step:
    a, b = call["self"], call.args.get("other", call.args.get("mat2"))
    if isinstance(b, Constant):
        if not b.trained or b.tensor.dim() != 2:
            raise Unknown
        weight = Constant(b.tensor.t(), b.sources, True, True)
        kind = ops.Linear if len(call.first.shape) == 1 else ops.LinearLast
        return call.step(kind(b.tensor.shape[1], False), a, weights={"weight": weight})
    if not isinstance(a, Step) or not isinstance(b, Step) or len(a.shape) != len(b.shape):
        raise Unknown
    return call.step(ops.MatMul(), a, b)


@rule("scaled_dot_product_attention")
def _attention(call: Call) -> Step:
    if call["attn_mask"] is not None or call["is_causal"] or call["dropout_p"]:
        raise Unknown
    return call.step(ops.Attention(call["scale"]), call["query"], call["key"], call["value"])


# Pooling and reductions


def _windows(call: Call) -> tuple[tuple[int, ...], ...]:
    kernel = tuple(call["kernel_size"])
    kernel = kernel * 2 if len(kernel) == 1 else kernel
    stride, padding = tuple(call["stride"]) or kernel, tuple(call["padding"])
    return kernel, stride * 2 if len(stride) == 1 else stride, padding * 2 if len(padding) == 1 else padding


@rule("max_pool2d")
def _max_pool2d(call: Call) -> Step:
    if set(call["dilation"]) != {1}:
        raise Unknown
    return call.step(ops.MaxPool(*_windows(call), call["ceil_mode"]), call.first)


@rule("avg_pool2d")
def _avg_pool2d(call: Call) -> Step:
    if call["divisor_override"] is not None:
        raise Unknown
    windows, counted = _windows(call), call["count_include_pad"]
    # without padding the question does not arise
    counted = counted or (set(windows[2]) == {0} and not call["ceil_mode"])
    return call.step(ops.AvgPool(*windows, call["ceil_mode"], counted), call.first)


@rule("adaptive_avg_pool2d")
def _adaptive_avg_pool2d(call: Call) -> Step:
    height, width = call.value.shape[-2:]
    op = ops.GlobalAvgPool() if (height, width) == (1, 1) else ops.AdaptiveAvgPool(height, width)
    return call.step(op, call.first)


@rule("adaptive_max_pool2d")
def _adaptive_max_pool2d(call: Call) -> list[Step | None]:
    height, width = call["output_size"]
    return [call.step(ops.AdaptiveMaxPool(height, width), call.first), None]


@rule("mean", "sum", "amax")
def _reduce(call: Call) -> Step:
    x, keep = call.first, call.args.get("keepdim", False)
    if not call.args.get("dim"):
        raise Unknown
    axes = tuple(sorted(call.axes_of(call["dim"])))
    if call.name == "mean" and len(x.shape) == 3 and axes == (1, 2):
        return call.step(ops.GlobalAvgPool(flat=not keep), x)
    return call.step({"mean": ops.Mean, "sum": ops.Sum, "amax": ops.Amax}[call.name](axes, keep), x)


@rule("max")
def _max(call: Call) -> list[Step | None]:
    if "dim" not in call.args:
        raise Unknown
    return [call.step(ops.Amax((call.axis(),), call["keepdim"]), call.first), None]


@rule("var")
def _var(call: Call) -> Step:
    x, axes = call.first, tuple(sorted(call.axes_of(call["dim"])))
    correction = call.args.get("correction", int(call.args.get("unbiased", True)))
    less = call.step(ops.Subtract(), x, call.step(ops.Mean(axes, True), x))
    found = call.step(ops.Mean(axes, call["keepdim"]), call.step(ops.Power(2), less))
    count = prod(x.shape[axis] for axis in axes)
    if not correction:
        return found
    return call.step(ops.MultiplyConstant(count / (count - correction)), found)


@rule("linalg_vector_norm")
def _norm(call: Call) -> Step:
    if call["ord"] != 2 or call["dim"] is None:
        raise Unknown
    axes = tuple(sorted(call.axes_of(call["dim"])))
    squares = call.step(ops.Sum(axes, call["keepdim"]), call.step(ops.Power(2), call.first))
    return call.step(ops.Power(0.5), squares)


@rule("getitem")
def _getitem(call: Call) -> Any:
    return operator.getitem(call["a"], call["b"])


def batched(value: torch.Tensor) -> bool:
    """Whether the first dimension is still the batch."""
    return value.dim() > 0 and value.shape[0] == BATCH
