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
    if rank not in (1, 2, 3) or not isinstance(weight, Known):
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
    rank = len(call.shape(1)) - 2
    if rank not in (1, 2):
        raise UnsupportedNode
    more, groups = call.get("output_padding", [0] * rank), call.get("group", 1)
    stride, dilation = call.get("strides", [1] * rank), call.get("dilations", [1] * rank)
    full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(call.shape()[2:], stride, dilation, call.shape(1)[2:])]
    before, after, more = _cut_off(call, full, stride, more)
    both = [min(pair) for pair in zip(before, after)]
    x = call.aten(
        f"conv_transpose{rank}d", x, weight, bias, stride, both, more, groups, dilation, overload=_OVERLOADS[rank]
    )
    for axis in range(rank):
        side = call.emitter.shape(x)[axis + 2]
        start, stop = before[axis] - both[axis], side - (after[axis] - both[axis])
        if (start, stop) != (0, side):
            x = call.aten("slice", x, axis + 2, start, stop, 1, overload="Tensor")
    return x


_OVERLOADS = {1: "default", 2: "input"}


def _cut_off(
    call: OnnxCall, full: list[int], stride: list[int], more: list[int]
) -> tuple[list[int], list[int], list[int]]:
    """What a transposed convolution leaves out before and after each side, and its output padding."""
    rank, word, target = len(full), call.get("auto_pad", "NOTSET"), call.get("output_shape")
    if word == "VALID":
        return [0] * rank, [0] * rank, more
    if target is None and word in ("NOTSET", ""):
        pads = call.get("pads", [0] * 2 * rank)
        return pads[:rank], pads[rank:], more
    if target is None:
        target = [n * s for n, s in zip(call.shape()[2:], stride)]
    total = [side + extra - out for side, extra, out in zip(full, more, target[-rank:])]
    if min(total) < 0:  # more pixels than the windows reach
        raise UnsupportedNode
    less, rest = [t // 2 for t in total], [t - t // 2 for t in total]
    return (less, rest, more) if word == "SAME_UPPER" else (rest, less, more)


@rule("Gemm")
def _gemm(call: OnnxCall) -> Value:
    """Alpha · A · B + beta · C, a linear layer where both are 1 and C has a number for each output."""
    x, weight, bias = call[0], call[1], call[2]
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    if call.get("transA", 0) or isinstance(x, Known):
        raise UnsupportedNode
    turned = not call.get("transB", 0)
    if not isinstance(weight, Known):
        product = call.aten("matmul", x, weight if turned else call.aten("t", weight))
        outputs = call.emitter.shape(product)[1]
    else:
        weight = call.emitter.matrix(call.aten("t", weight) if turned else weight, turned)
        outputs = call.emitter.shape(weight)[0]
        if isinstance(bias, Known) and alpha == beta == 1 and call.shape(2) in ((outputs,), (1, outputs)):
            flat = bias if len(call.shape(2)) == 1 else call.aten("reshape", bias, [outputs])
            return call.aten("linear", x, call.emitter.weight(weight), call.emitter.weight(flat))
        product = call.aten("linear", x, call.emitter.weight(weight))
    if alpha != 1:
        product = call.aten("mul", product, alpha, overload="Tensor")
    if bias is None or not beta:
        return product
    if isinstance(bias, Known) and len(call.shape(2)) == 2 and call.shape(2)[0] != 1:
        raise UnsupportedNode  # a number for each image
    return call.as_operator("Add", product, bias if beta == 1 else call.aten("mul", bias, beta, overload="Tensor"))


@rule("MatMul")
def _matmul(call: OnnxCall) -> Value:
    a, b = call[0], call[1]
    if isinstance(b, Known) and len(call.shape(1)) == 2 and not isinstance(a, Known):
        return call.aten("linear", a, call.emitter.weight(call.emitter.matrix(call.aten("t", b), True)))
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
    weight, bias = call.emitter.weight(call[1]), call.emitter.weight(call[2])
    (n, c, *sides), groups, eps = call.shape(), call.get("num_groups"), call.get("epsilon", 1e-5)
    if call.shape(1)[0] == c:
        return call.aten("group_norm", call[0], groups, weight, bias, eps, False)
    x = call.aten("reshape", call[0], [n, groups, c // groups, prod(sides)])  # until version 21 one scale per group
    x = call.aten("instance_norm", x, weight, bias, None, None, True, 0.1, eps, False)
    return call.aten("reshape", x, [n, c, *sides])


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


@rule("LRN")
def _local_response_norm(call: OnnxCall) -> Value:
    x, (n, c, *sides), size = call[0], call.shape(), call.get("size")
    squares = call.aten("reshape", call.aten("mul", x, x, overload="Tensor"), [n, 1, c, *sides])
    if len(sides) != 2:
        raise UnsupportedNode
    padded_squares = call.aten("constant_pad_nd", squares, [0, 0, 0, 0, (size - 1) // 2, size // 2], 0.0)
    mean = call.aten("avg_pool3d", padded_squares, [size, 1, 1], [1, 1, 1])
    scaled = call.aten("mul", call.aten("reshape", mean, [n, c, *sides]), call.get("alpha", 1e-4), overload="Tensor")
    below = call.aten("add", scaled, call.get("bias", 1.0), overload="Tensor")
    below = call.aten("pow", below, call.get("beta", 0.75), overload="Tensor_Scalar")
    return call.aten("div", x, below, overload="Tensor")
