"""ATen calls with weights → operators: convolutions, linear layers, norms.

The contract is in `archs.interop.aten.call`.
"""

from __future__ import annotations

from archs.interop.aten.call import Call, Unsupported, rule, unmodified
from archs.interop.aten.steps import Constant, Step
from archs.ir import ops
from archs.ir.operator import Op


@rule("conv2d")
def _conv2d(call: Call) -> Step:
    x, weight, bias = call.first, call["weight"], call["bias"]
    if not isinstance(weight, Constant) or len(x.shape) != 3 or (bias is not None and not unmodified(bias).trained):
        raise Unsupported
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
        raise Unsupported
    return call.step(ops.FixedConv2d(*numbers), x, weights={"weight": weight})


@rule("conv1d")
def _conv1d(call: Call) -> Step:
    weight, bias, padding = unmodified(call["weight"]), call["bias"], call["padding"]
    if call["dilation"] != [1] or not weight.trained:
        raise Unsupported
    channels, _, kernel = weight.tensor.shape
    if isinstance(padding, str):
        padding = [(kernel - 1) // 2 if padding == "same" else 0]
    op = ops.Conv1d(channels, kernel, call["stride"][0], padding[0], call["groups"], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("conv_transpose2d")
def _conv_transpose2d(call: Call) -> Step:
    weight, bias = unmodified(call["weight"]), call["bias"]
    if not weight.trained:
        raise Unsupported
    sizes = [tuple(call[name]) for name in ("stride", "padding", "output_padding", "dilation")]
    channels, kernel = weight.tensor.shape[1] * call["groups"], tuple(weight.tensor.shape[2:])
    op = ops.ConvTranspose2d(channels, kernel, *sizes, call["groups"], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("linear")
def _linear(call: Call) -> Step:
    weight, bias = unmodified(call["weight"]), call["bias"]
    if not weight.trained or (bias is not None and not unmodified(bias).trained):
        raise Unsupported
    kind = ops.Linear if len(call.first.shape) == 1 else ops.LinearLast
    op = kind(weight.tensor.shape[0], bias is not None)
    return call.step(op, call.first, weights={"weight": weight, "bias": bias})


@rule("batch_norm")
def _batch_norm(call: Call) -> Step:
    mean, weight = call["running_mean"], call["weight"]
    if call["training"] or mean is None or (weight is None) != (call["bias"] is None):
        raise Unsupported  # statistics of the batch: the output for an image depends on the others
    roles = {role: call[role] for role in ("weight", "bias", "running_mean", "running_var")}
    for constant in roles.values():
        if constant is not None:
            unmodified(constant)
    return call.step(ops.BatchNorm(call["eps"], weight is not None), call.first, weights=roles)


@rule("group_norm")
def _group_norm(call: Call) -> Step:
    roles = {"weight": call["weight"], "bias": call["bias"]}
    return call.step(ops.GroupNorm(call["num_groups"], _affine(roles), call["eps"]), call.first, weights=roles)


@rule("instance_norm")
def _instance_norm(call: Call) -> Step:
    if not call["use_input_stats"]:
        raise Unsupported
    roles = {"weight": call["weight"], "bias": call["bias"]}
    op = ops.GroupNorm(call.first.shape[0], _affine(roles), call["eps"])  # a group per channel
    return call.step(op, call.first, weights=roles)


@rule("layer_norm")
def _layer_norm(call: Call) -> Step:
    roles = {"weight": call["weight"], "bias": call["bias"]}
    bias = roles["bias"] is not None
    affine = roles["weight"] is not None and unmodified(roles["weight"]).trained
    if bias and not affine:
        raise Unsupported
    op = ops.LayerNorm(len(call["normalized_shape"]), affine, bias or not affine, call["eps"])
    return call.step(op, call.first, weights=roles)


@rule("rms_norm")
def _rms_norm(call: Call) -> Step:
    weight = call["weight"]
    op = ops.RMSNorm(len(call["normalized_shape"]), weight is not None, call["eps"])
    return call.step(op, call.first, weights={"weight": None if weight is None else unmodified(weight)})


def _affine(roles: dict[str, Constant | None]) -> bool:
    given = [constant is not None and unmodified(constant).trained for constant in roles.values()]
    if any(given) != all(given):
        raise Unsupported
    return all(given)
