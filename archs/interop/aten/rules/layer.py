"""ATen calls with weights → operators: convolutions, linear layers, norms.

The contract is in `archs.interop.aten.call`.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from archs.interop.aten.call import RULES, AtenCall, UnsupportedCall, rule, unmodified
from archs.interop.aten.computed import computed
from archs.interop.aten.permutation import permuted, viewed
from archs.interop.aten.rules.elementwise import with_constant
from archs.interop.aten.steps import BATCH, Constant, Step, is_parameter, reshaped_constant
from archs.ir import ops
from archs.ir.operator import Pair, Shape


@rule("conv2d")
def _conv2d(call: AtenCall) -> Step:
    x, weight = call["input"], call["weight"]
    if isinstance(weight, Step):
        return _conv2d_per_image(call, x, weight)
    x = call.first
    if not isinstance(weight, Constant) or len(x.shape) != 3:
        raise UnsupportedCall
    channels, kernel = weight.tensor.shape[0], _pair(weight.tensor.shape[2:])
    x, padding = _same(call, x, kernel)
    sizes = {"stride": _pair(call["stride"]), "padding": padding, "dilation": _pair(call["dilation"])}
    groups, bias, shift = call["groups"], *_bias(call)
    roles = {"weight": weight, "bias": bias}
    if weight.standardized and shift is None:
        made = weight.standardized
        op: ops.Conv2d = ops.StandardizedConv2d(
            channels, kernel, **sizes, groups=groups, bias=bias is not None,
            gain=made.gain is not None, scale=made.scale, eps=made.eps,
        )  # fmt: skip
        return call.step(op, x, weights={"weight": made.weight, "bias": bias, "gain": made.gain})
    if weight.trained and weight.factor == 1:
        op = ops.Conv2d(channels, kernel, **sizes, groups=groups, bias=bias is not None)
        return _shifted(call, call.step(op, x, weights=roles), shift, 3)
    shift = shift if bias is None else bias
    if not weight.depends_on_parameters:
        made_of = Constant(weight.tensor, weight.sources, False, True)
        op = ops.FixedConv2d(channels, kernel, **sizes, groups=groups)
        return _shifted(call, call.step(op, x, weights={"weight": made_of}), shift, 3)
    op = ops.Conv2dWith(channels, kernel, **sizes, groups=groups)
    return _shifted(call, call.step(op, x, computed(call, weight)), shift, 3)


def _pair(values: Any) -> Pair:
    found = tuple(values)
    return (found[0], found[0]) if len(found) == 1 else (found[0], found[1])


def _same(call: AtenCall, x: Step, kernel: tuple[int, ...]) -> tuple[Step, Any]:
    """The input and the padding, where "same" is worked out: torch puts the odd pixel behind."""
    padding, dilation = call["padding"], tuple(call["dilation"]) * (len(kernel) if len(call["dilation"]) == 1 else 1)
    if not isinstance(padding, str):
        return x, _pair(padding)
    total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel)]
    if any(t % 2 for t in total):
        x = call.step(ops.ZeroPad(0, total[1] % 2, 0, total[0] % 2), x)
    return x, _pair([t // 2 for t in total])


def _bias(call: AtenCall) -> tuple[Constant | None, Constant | None]:
    """The bias as the layer's own parameter, or as what is added behind it."""
    bias = call["bias"]
    if bias is None:
        return None, None
    if not isinstance(bias, Constant):
        raise UnsupportedCall
    return (bias, None) if bias.trained and bias.factor == 1 and bias.tensor.dim() == 1 else (None, bias)


def _shifted(call: AtenCall, x: Step, shift: Constant | None, rank: int) -> Step:
    """A layer's output plus a bias that is not its own, along the first axis of three, or the last of one."""
    if shift is None:
        return x
    return with_constant(call, "add", x, reshaped_constant(shift, (-1, *[1] * (rank - 1))))


def _conv2d_per_image(call: AtenCall, x: Any, weight: Step) -> Step:
    """A convolution of a batch folded into the channels, with a weight per image (Chen et al. 2020)."""
    if not isinstance(x, Step) or call["bias"] is not None or call["groups"] % BATCH:
        raise UnsupportedCall
    n, sides, total = call.value.shape[0], tuple(x.shape[-2:]), call.value.shape[1]
    if n != 1 or total % BATCH:
        raise UnsupportedCall
    channels, kernel = total // BATCH, tuple(weight.shape[-2:])
    inner = x.shape[-3] if not x.folded else x.shape[1] // BATCH
    image = viewed(call, x, (BATCH, inner, *sides))
    filters = viewed(call, weight, (BATCH, channels, weight.shape[-3] if weight.folded else weight.shape[0], *kernel))
    if isinstance(call["padding"], str):
        raise UnsupportedCall
    stride, padding, dilation = (_pair(call[name]) for name in ("stride", "padding", "dilation"))
    groups = call["groups"] // BATCH
    op = ops.Conv2dWith(channels, _pair(kernel), stride, padding, dilation, groups, per_image=True)
    found = call.step(op, image, filters)
    return viewed(call, found, tuple(call.value.shape))


@rule("conv1d")
def _conv1d(call: AtenCall) -> Step:
    weight, x = call["weight"], call.first
    if not isinstance(weight, Constant) or len(x.shape) != 2:
        raise UnsupportedCall
    channels, _, kernel = weight.tensor.shape
    (dilation,), padding = call["dilation"], call["padding"]
    if isinstance(padding, str):
        total = dilation * (kernel - 1) if padding == "same" else 0
        if total % 2:  # torch puts the odd place behind
            zeros = call.step(ops.MultiplyConstant(0), call.step(ops.Slice(1, 0, 1), x))
            x = call.step(ops.Concat(1), x, zeros)
        padding = [total // 2]
    if not weight.trained or weight.factor != 1:  # over a map of one row
        lines = {"stride": (1, *call["stride"]), "padding": (0, padding[0]), "dilation": (1, dilation)}
        row = call.step(ops.View((x.shape[0], 1, x.shape[1])), x)
        filters = reshaped_constant(weight, (*weight.tensor.shape[:2], 1, kernel))
        found = _conv2d(replace(call, args={**call.args, **lines, "input": row, "weight": filters}))
        return call.step(ops.View((found.shape[0], found.shape[2])), found)
    bias, shift = _bias(call)
    op = ops.Conv1d(channels, kernel, call["stride"][0], padding[0], call["groups"], bias is not None, dilation)
    return _shifted(call, call.step(op, x, weights={"weight": weight, "bias": bias}), shift, 2)


@rule("conv3d")
def _conv3d(call: AtenCall) -> Step:
    weight, x = unmodified(call["weight"]), call.first
    bias, shift = _bias(call)
    if not weight.trained or weight.factor != 1 or len(x.shape) != 4:
        raise UnsupportedCall
    channels, kernel, dilation = weight.tensor.shape[0], tuple(weight.tensor.shape[2:]), _triple(call["dilation"])
    padding: Any = call["padding"]
    if isinstance(padding, str):
        total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel)]
        if any(t % 2 for t in total):  # torch puts the odd place behind
            sides = tuple(side for t in reversed(total) for side in (0, t % 2))
            padded = Shape(x.shape[0], *[side + t % 2 for side, t in zip(x.shape[1:], total)])
            x = call.step(ops.TensorFunction("constant_pad_nd.default", padded, ("$0", sides, 0.0)), x)
        padding = [t // 2 for t in total]
    sizes = {"stride": _triple(call["stride"]), "padding": _triple(padding), "dilation": dilation}
    op = ops.Conv3d(channels, _triple(kernel), **sizes, groups=call["groups"], bias=bias is not None)
    return _shifted(call, call.step(op, x, weights={"weight": weight, "bias": bias}), shift, 4)


def _triple(values: Any) -> tuple[int, int, int]:
    first, *rest = values
    return (first, *rest) if rest else (first, first, first)  # type: ignore[return-value]


@rule("conv_transpose1d", "conv_transpose2d")
def _conv_transpose(call: AtenCall) -> Step:
    """Along a line as over a map of one row."""
    weight, x = call["weight"], call.first
    if not isinstance(weight, Constant):
        raise UnsupportedCall
    bias, shift = _bias(call)
    shape, line = weight.tensor.shape, call.name == "conv_transpose1d"
    numbers = {name: tuple(call[name]) for name in ("stride", "padding", "output_padding", "dilation")}
    if line:
        weight = reshaped_constant(weight, (*shape[:2], 1, shape[2]))
        x = call.step(ops.View((x.shape[0], 1, x.shape[1])), x)
        numbers = {name: (int("padding" not in name), *value) for name, value in numbers.items()}
    sizes: dict[str, Any] = {name: _pair(value) for name, value in numbers.items()}
    sizes |= {"kernel": _pair(weight.tensor.shape[2:]), "groups": call["groups"]}
    channels = shape[1] * call["groups"]
    if is_parameter(weight):
        op = ops.ConvTranspose2d(channels, **sizes, bias=bias is not None)
        made = _shifted(call, call.step(op, x, weights={"weight": weight, "bias": bias}), shift, 3)
    else:
        given = ops.ConvTranspose2dWith(channels, **sizes)
        made = _shifted(call, call.step(given, x, computed(call, weight)), shift if bias is None else bias, 3)
    return call.step(ops.View((made.shape[0], made.shape[2])), made) if line else made


@rule("convolution", "_convolution")
def _any_convolution(call: AtenCall) -> Step:
    """A convolution of any kind, as torch.jit.trace keeps it."""
    weight = call["weight"]
    rank = (weight.tensor if isinstance(weight, Constant) else call.value).dim() - 2
    name = f"conv_transpose{rank}d" if call["transposed"] else f"conv{rank}d"
    return RULES[name](replace(call, name=name))


@rule("linear")
def _linear(call: AtenCall) -> Step:
    weight, x = call["weight"], call.first
    if not isinstance(weight, Constant):
        raise UnsupportedCall
    features = weight.tensor.shape[0]
    bias, shift = _bias(call)
    if weight.trained and weight.factor == 1:
        kind = ops.Linear if len(x.shape) == 1 else ops.LinearLast
        step = call.step(kind(features, bias is not None), x, weights={"weight": weight, "bias": bias})
        return _shifted(call, step, shift, 1)
    step = call.step(ops.LinearWith(features), x, computed(call, weight))
    return _shifted(call, step, shift if bias is None else bias, 1)


@rule("batch_norm")
def _batch_norm(call: AtenCall) -> Step:
    if call["training"] or call["running_mean"] is None:
        raise UnsupportedCall  # statistics of the batch: the output for an image depends on the others
    statistics = {role: call[role] for role in ("running_mean", "running_var")}
    if any(not isinstance(c, Constant) or c.depends_on_parameters for c in statistics.values()):
        raise UnsupportedCall
    if isinstance(folded := call["input"], Step) and folded.folded:
        return _batch_norm_of_each(call, folded)
    affine, behind = _affine(call)
    op, x = ops.BatchNorm(call["eps"], bool(affine)), call.first
    if len(x.shape) < 4:
        return _rescaled(call, call.step(op, x, weights=affine | statistics), behind, 0)
    flat = call.step(ops.View((*x.shape[:2], prod(x.shape[2:]))), x)  # of volumes as of a map
    found = _rescaled(call, call.step(op, flat, weights=affine | statistics), behind, 0)
    return call.step(ops.View(tuple(x.shape)), found)


@rule("_native_batch_norm_legit_no_training")
def _decomposed_batch_norm(call: AtenCall) -> list[Step | None]:
    """As core ATen has it, with the statistics of the batch behind it, which are empty."""
    return [_batch_norm(replace(call, args={**call.args, "training": False}, value=call.value[0])), None, None]


def _batch_norm_of_each(call: AtenCall, x: Step) -> Step:
    """Of places in the dimension of the batch, each of which has all channels: with the places behind the channels."""
    images, channels, *sides = x.shape
    if images % BATCH:
        raise UnsupportedCall
    order = [0, 2, 1, *range(3, 3 + len(sides))]
    each = permuted(call, viewed(call, x, (BATCH, images // BATCH, channels, *sides)), order)
    value = call.value.new_empty((BATCH, channels, images // BATCH * prod(sides)), device="meta")
    row = viewed(call, each, tuple(value.shape))
    found = _batch_norm(replace(call, args={**call.args, "input": row}, value=value))
    back = permuted(call, viewed(call, found, (BATCH, channels, images // BATCH, *sides)), order)
    return viewed(call, back, tuple(x.shape))


@rule("group_norm")
def _group_norm(call: AtenCall) -> Step:
    affine, behind = _affine(call)
    op = ops.GroupNorm(call["num_groups"], bool(affine), call["eps"])
    return _rescaled(call, call.step(op, call.first, weights=affine), behind, 0)


@rule("instance_norm")
def _instance_norm(call: AtenCall) -> Step:
    if not call["use_input_stats"]:  # those of all images, as a batch norm has them
        return _batch_norm(replace(call, args={**call.args, "training": False}))
    affine, behind = _affine(call)
    op = ops.GroupNorm(call.first.shape[0], bool(affine), call["eps"])  # a group per channel
    return _rescaled(call, call.step(op, call.first, weights=affine), behind, 0)


@rule("layer_norm")
def _layer_norm(call: AtenCall) -> Step:
    axes = len(call["normalized_shape"])
    weight, bias = call["weight"], call["bias"]
    if is_parameter(weight) and (bias is None or is_parameter(bias)):
        op = ops.LayerNorm(axes, True, bias is not None, call["eps"])
        return call.step(op, call.first, weights={"weight": weight, "bias": bias})
    x = call.step(ops.LayerNorm(axes, False, True, call["eps"]), call.first)
    return _rescaled(call, x, (weight, bias), -axes)


@rule("rms_norm")
def _rms_norm(call: AtenCall) -> Step:
    axes, weight = len(call["normalized_shape"]), call["weight"]
    if is_parameter(weight):
        return call.step(ops.RMSNorm(axes, True, call["eps"]), call.first, weights={"weight": weight})
    return _rescaled(call, call.step(ops.RMSNorm(axes, False, call["eps"]), call.first), (weight, None), -axes)


def _affine(call: AtenCall) -> tuple[dict[str, Constant], tuple[Any, Any]]:
    """Scale and shift as a norm's own parameters, or as what is done to its output."""
    weight, bias = call["weight"], call["bias"]
    if is_parameter(weight) and is_parameter(bias) and weight.tensor.dim() == bias.tensor.dim() == 1:
        return {"weight": weight, "bias": bias}, (None, None)
    return {}, (weight, bias)


def _rescaled(call: AtenCall, x: Step, behind: tuple[Any, Any], axis: int) -> Step:
    """Times and plus constants along the first axis, or along the last ones, counted from behind."""
    for name, constant in zip(("mul", "add"), behind):
        if constant is not None:
            sizes = (-1, *[1] * (len(x.shape) - 1)) if axis == 0 else tuple(x.shape[axis:])
            x = with_constant(call, name, x, reshaped_constant(constant, sizes))
    return x
