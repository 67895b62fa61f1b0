"""ONNX operators with weights → ATen calls: convolutions, linear layers, norms.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from math import prod

from archs.interop.onnx.call import OnnxCall, padded, pads_of, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value


@rule("Conv")
def _conv(call: OnnxCall) -> Value:
    x, weight, bias = call[0], call.emitter.weight(call[1]), call.emitter.weight(_no_zeros(call[2]))
    rank = len(call.shape(1)) - 2
    if rank not in (1, 2) or not isinstance(weight, Known):
        raise UnsupportedNode
    x, padding = padded(call, x, *pads_of(call, rank, call.shape()[2:], list(call.shape(1)[2:])))
    stride, dilation = call.get("strides", [1] * rank), call.get("dilations", [1] * rank)
    return call.aten(f"conv{rank}d", x, weight, bias, stride, padding, dilation, call.get("group", 1))


def _no_zeros(bias: Value) -> Value:
    """Nothing for zeros that were computed: the bias of a convolution that has none, before an exporter optimises."""
    computed = isinstance(bias, Known) and not bias.name and not bias.tensor.is_meta
    return None if computed and not bool(bias.tensor.any()) else bias


@rule("ConvTranspose")
def _conv_transpose(call: OnnxCall) -> Value:
    x, weight, bias = call[0], call.emitter.weight(call[1]), call.emitter.weight(call[2])
    if len(call.shape(1)) != 4 or call.get("auto_pad", "NOTSET") != "NOTSET" or call.get("output_shape"):
        raise UnsupportedNode
    pads = call.get("pads", [0] * 4)
    if pads[:2] != pads[2:]:
        raise UnsupportedNode
    more, groups = call.get("output_padding", [0, 0]), call.get("group", 1)
    stride, dilation = call.get("strides", [1, 1]), call.get("dilations", [1, 1])
    return call.aten("conv_transpose2d", x, weight, bias, stride, pads[:2], more, groups, dilation, overload="input")


@rule("Gemm")
def _gemm(call: OnnxCall) -> Value:
    x, weight, bias = call[0], call[1], call[2]
    if call.get("alpha", 1.0) != 1 or call.get("beta", 1.0) != 1 or call.get("transA", 0):
        raise UnsupportedNode
    if not isinstance(weight, Known) or (bias is not None and len(call.shape(2)) != 1):
        raise UnsupportedNode
    weight = weight if call.get("transB", 0) else call.aten("t", weight)
    return call.aten("linear", x, call.emitter.weight(weight), call.emitter.weight(bias))


@rule("MatMul")
def _matmul(call: OnnxCall) -> Value:
    a, b = call[0], call[1]
    if isinstance(b, Known) and len(call.shape(1)) == 2 and not isinstance(a, Known):
        return call.aten("linear", a, call.emitter.weight(call.aten("t", b)))
    if isinstance(a, Known) and isinstance(b, Known):
        raise UnsupportedNode  # a product of constants takes more than their sizes say
    return call.aten("matmul", a, b)


@rule("BatchNormalization")
def _batch_norm(call: OnnxCall) -> Value:
    training = bool(call.get("training_mode", 0))
    if (training and not isinstance(call[0], Known)) or not call.get("spatial", 1):
        raise UnsupportedNode  # filters brought to mean 0 and variance 1 are constants
    x, weight, bias, mean, var = (call[i] for i in range(5))
    weight, bias = call.emitter.weight(weight), call.emitter.weight(bias)
    if training:
        mean = var = None
    return call.aten("batch_norm", x, weight, bias, mean, var, training, 0.1, call.get("epsilon", 1e-5), False)


@rule("InstanceNormalization")
def _instance_norm(call: OnnxCall) -> Value:
    if prod(call.shape()[2:]) == 1:  # torch refuses one number per channel, of which nothing is left
        raise UnsupportedNode
    weight, bias = _affine(call)
    return call.aten("instance_norm", call[0], weight, bias, None, None, True, 0.1, call.get("epsilon", 1e-5), False)


@rule("GroupNormalization")
def _group_norm(call: OnnxCall) -> Value:
    weight, bias = call[1], call[2]
    groups = call.get("num_groups")
    if call.shape(1)[0] != call.shape()[1]:  # until version 21 one scale per group
        raise UnsupportedNode
    return call.aten(
        "group_norm",
        call[0],
        groups,
        call.emitter.weight(weight),
        call.emitter.weight(bias),
        call.get("epsilon", 1e-5),
        False,
    )


def _affine(call: OnnxCall) -> tuple[Value, Value]:
    """Scale and shift, or neither where they change nothing, as exporters write them who must write some."""
    weight, bias = call.known(1), call.known(2)
    if bool((weight == 1).all()) and bool((bias == 0).all()):
        return None, None
    return call.emitter.weight(call[1]), call.emitter.weight(call[2])


@rule("LayerNormalization")
def _layer_norm(call: OnnxCall) -> Value:
    sizes, axis = call.shape(), call.get("axis", -1)
    axis = axis % len(sizes)
    if axis == 0 or tuple(call.shape(1)) != sizes[axis:]:
        raise UnsupportedNode
    weight, bias = call.emitter.weight(call[1]), call.emitter.weight(call[2])
    return call.aten("layer_norm", call[0], list(sizes[axis:]), weight, bias, call.get("epsilon", 1e-5), False)
