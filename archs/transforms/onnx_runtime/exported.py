"""Graph → the ONNX operators that `archs.to_onnx` writes for it, by a rule for each operator of the graph.

Sizes and the roles of constants only, no weights. An operator without a rule is one node with its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archs.ir import ops
from archs.ir.graph import Graph, Node
from archs.ir.operator import Op
from archs.transforms.onnx_runtime.export import Export, Placement
from archs.transforms.onnx_runtime.onnx_graph import LEFT_OUT, READER, OnnxGraph, Sizes

Rule = Callable[[Export, Node], None]
_RULES: dict[type[Op], Rule] = {}

UNKNOWN = "unknown "
"""Before the name of an operator of the graph that has no rule here."""


def rule(*kinds: type[Op]) -> Callable[[Rule], Rule]:
    """Registers how an operator is exported."""

    def register(function: Rule) -> Rule:
        for kind in kinds:
            _RULES[kind] = function
        return function

    return register


def exported(graph: Graph, part: Placement | None = None) -> OnnxGraph:
    """The ONNX operators of the graph's file, in the file's order; of a part between those that stand for the rest."""
    made = Export(graph, part)
    for node in graph.nodes:
        found = _RULES.get(type(node.op), unknown)
        found(made, node)
    made.onnx.output = made.value(graph.nodes[-1].path)
    if part and not part.last:
        made.onnx.add(READER, [made.onnx.output], [READER])
        made.onnx.output = READER
    return made.onnx


def unknown(made: Export, node: Node) -> None:
    """One node with the operator's own name, which no rewrite applies to."""
    made.emit(node, f"{UNKNOWN}{type(node.op).__name__}", made.inputs(node))


# Operators with weights


def _with_weights(made: Export, node: Node, sizes: Sizes, channels: int) -> list[str]:
    """The inputs of an operator with a weight and, where it has one, a bias."""
    op: Any = node.op
    weight = made.weight(node, "weight", sizes)
    return [*made.inputs(node), weight, *([made.weight(node, "bias", (channels,))] if op.bias else [])]


@rule(ops.Conv2d, ops.FixedConv2d)
def _conv(made: Export, node: Node) -> None:
    op: Any = node.op
    inputs = _with_weights(made, node, (op.channels, made.shape(node)[0] // op.groups, *op.kernel), op.channels)
    attributes = {"kernel": op.kernel, "stride": op.stride, "pads": (*op.padding, *op.padding)}
    made.emit(node, "Conv", inputs, **attributes, dilation=op.dilation, groups=op.groups)


@rule(ops.Conv1d)
def _conv1d(made: Export, node: Node) -> None:
    op: Any = node.op
    inputs = _with_weights(made, node, (op.channels, made.shape(node)[0] // op.groups, op.kernel), op.channels)
    attributes: dict[str, Any] = {"kernel": (op.kernel,), "stride": (op.stride,), "pads": (op.padding, op.padding)}
    made.emit(node, "Conv", inputs, **attributes, dilation=(op.dilation,), groups=op.groups)


@rule(ops.ConvTranspose2d)
def _conv_transpose(made: Export, node: Node) -> None:
    op: Any = node.op
    inputs = _with_weights(made, node, (made.shape(node)[0], op.channels // op.groups, *op.kernel), op.channels)
    attributes = {"kernel": op.kernel, "stride": op.stride, "pads": (*op.padding, *op.padding)}
    made.emit(node, "ConvTranspose", inputs, **attributes, dilation=op.dilation, groups=op.groups)


@rule(ops.Linear)
def _linear(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "Gemm", _with_weights(made, node, (op.features, made.shape(node)[0]), op.features))


@rule(ops.BatchNorm)
def _batch_norm(made: Export, node: Node) -> None:
    sizes = (made.shape(node)[0],)
    roles = ("weight", "bias", "running_mean", "running_var")
    made.emit(node, "BatchNormalization", [*made.inputs(node), *[made.weight(node, role, sizes) for role in roles]])


@rule(ops.LinearLast)
def _linear_last(made: Export, node: Node) -> None:
    op: Any = node.op
    weight = made.weight(node, "weight", (made.shape(node)[-1], op.features))
    product = made.emit(node, "MatMul", [*made.inputs(node), weight], last=not op.bias)
    if op.bias:
        made.emit(node, "Add", [product, made.weight(node, "bias", (op.features,))])


@rule(ops.LayerNorm)
def _layer_norm(made: Export, node: Node) -> None:
    op: Any = node.op
    if not op.affine or not op.bias:
        return unknown(made, node)
    sizes = tuple(made.shape(node)[-op.axes :])
    weights = [made.weight(node, role, sizes) for role in ("weight", "bias")]
    made.emit(node, "LayerNormalization", [*made.inputs(node), *weights])


# Activations

_PLAIN: dict[type[Op], str] = {
    ops.ReLU: "Relu",
    ops.Sigmoid: "Sigmoid",
    ops.HardSigmoid: "HardSigmoid",
    ops.HardSwish: "HardSwish",
    ops.Tanh: "Tanh",
    ops.GELU: "Gelu",
    ops.TanhGELU: "Gelu",
    ops.Mish: "Mish",
    ops.LeakyReLU: "LeakyRelu",
    ops.Add: "Add",
    ops.Multiply: "Mul",
    ops.Subtract: "Sub",
    ops.Divide: "Div",
    ops.Maximum: "Max",
    ops.Exp: "Exp",
    ops.MatMul: "MatMul",
}


@rule(*_PLAIN)
def _plain(made: Export, node: Node) -> None:
    made.emit(node, _PLAIN[type(node.op)], made.inputs(node))


@rule(ops.ReLU6)
def _relu6(made: Export, node: Node) -> None:
    made.emit(node, "Clip", [*made.inputs(node), made.number(0.0), made.number(6.0)])


@rule(ops.Clamp)
def _clamp(made: Export, node: Node) -> None:
    op: Any = node.op
    (x,) = made.inputs(node)
    if isinstance(op.low, int) and isinstance(op.high, int):  # as the exporter writes whole numbers
        lower = made.emit(node, "Max", [x, made.number(op.low)], last=False)
        made.emit(node, "Min", [lower, made.number(op.high)])
    else:
        low = LEFT_OUT if op.low is None else made.number(op.low)
        made.emit(node, "Clip", [x, low, *([] if op.high is None else [made.number(op.high)])])


@rule(ops.ELU)
def _elu(made: Export, node: Node) -> None:
    (x,) = made.inputs(node)
    one = made.number(1.0)
    inner = made.emit(node, "Elu", [made.emit(node, "Mul", [x, one], last=False)], last=False)
    made.emit(node, "Mul", [inner, one])


@rule(ops.Softplus)
def _softplus(made: Export, node: Node) -> None:
    """X · beta, its softplus over beta, and x itself above a threshold, with beta 1 and the threshold 20."""
    (x,) = made.inputs(node)
    beta, threshold = made.number(1.0), made.number(20.0)
    scaled = made.emit(node, "Mul", [x, beta], last=False)
    soft = made.emit(node, "Softplus", [scaled], last=False)
    divisor = made.emit(node, "CastLike", [beta, soft], (), last=False)
    soft = made.emit(node, "Div", [soft, divisor], last=False)
    limit = made.emit(node, "CastLike", [threshold, scaled], (), last=False)
    above = made.emit(node, "Greater", [scaled, limit], last=False)
    made.emit(node, "Where", [above, x, soft])


@rule(ops.Softmax)
def _softmax(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "LogSoftmax" if op.log else "Softmax", made.inputs(node), axis=op.axis + 1)


@rule(ops.SiLU)
def _silu(made: Export, node: Node) -> None:
    (x,) = made.inputs(node)
    made.emit(node, "Mul", [x, made.emit(node, "Sigmoid", [x], last=False)])


@rule(ops.PReLU)
def _prelu(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "PRelu", [*made.inputs(node), made.weight(node, "weight", (op.slopes, 1, 1))])


@rule(ops.Dropout)
def _dropout(made: Export, node: Node) -> None:
    made.same(node, made.inputs(node)[0])


# Arithmetic


@rule(ops.MultiplyConstant, ops.AddConstant)
def _with_constant(made: Export, node: Node) -> None:
    op: Any = node.op
    name = "Mul" if isinstance(op, ops.MultiplyConstant) else "Add"
    made.emit(node, name, [*made.inputs(node), made.number(op.value)])


@rule(ops.Power)
def _power(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "Pow", [*made.inputs(node), made.number(op.exponent)])


@rule(ops.Scale, ops.Shift)
def _with_learned(made: Export, node: Node) -> None:
    op: Any = node.op
    name = "Mul" if isinstance(op, ops.Scale) else "Add"
    made.emit(node, name, [*made.inputs(node), made.weight(node, "weight", op.sizes)])


_REDUCTIONS: dict[type[Op], str] = {ops.Mean: "ReduceMean", ops.Sum: "ReduceSum", ops.Amax: "ReduceMax"}


@rule(*_REDUCTIONS)
def _reduction(made: Export, node: Node) -> None:
    op: Any = node.op
    axes = tuple(axis % len(made.shape(node)) + 1 for axis in op.axes)
    made.emit(
        node, _REDUCTIONS[type(op)], [*made.inputs(node), made.onnx.constant((len(axes),), axes)], keep=int(op.keep)
    )


# Pooling


@rule(ops.MaxPool, ops.AvgPool)
def _pool(made: Export, node: Node) -> None:
    op: Any = node.op
    attributes = {"kernel": op.kernel, "stride": op.stride, "pads": (*op.padding, *op.padding)}
    attributes |= {"dilation": op.dilation, "ceil": int(op.ceil)}
    if isinstance(op, ops.MaxPool):
        made.emit(node, "MaxPool", made.inputs(node), **attributes)
    else:
        made.emit(node, "AveragePool", made.inputs(node), **attributes, count_padding=int(op.count_padding))


@rule(ops.GlobalAvgPool)
def _global_pool(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "ReduceMean", [*made.inputs(node), made.onnx.constant((2,), (2, 3))], keep=int(not op.flat))


@rule(ops.AdaptiveMaxPool)
def _adaptive_max_pool(made: Export, node: Node) -> None:
    if tuple(node.output[1:]) != (1, 1):
        return unknown(made, node)
    made.emit(node, "ReduceMax", [*made.inputs(node), made.onnx.constant((2,), (-2, -1))], keep=1)


@rule(ops.AdaptiveAvgPool)
def _adaptive_average_pool(made: Export, node: Node) -> None:
    sides = tuple(side // out for side, out in zip(made.shape(node)[1:], node.output[1:]))
    made.emit(node, "AveragePool", made.inputs(node), kernel=sides, stride=sides, pads=(0, 0, 0, 0))


# Data movement


@rule(ops.View)
def _view(made: Export, node: Node) -> None:
    sizes = (-1, *node.output)
    made.emit(node, "Reshape", [*made.inputs(node), made.onnx.constant((len(sizes),), sizes)])


@rule(ops.Reshape, ops.Flatten)
def _reshape(made: Export, node: Node) -> None:
    made.reshape(node, made.inputs(node)[0], node.output)


@rule(ops.Upsample)
def _upsample(made: Export, node: Node) -> None:
    (x,) = made.inputs(node)
    sizes = made.emit(node, "Shape", [x], (), last=False, start=0, end=2)
    sides = made.onnx.constant((2,), tuple(node.output[1:]))
    target = made.emit(node, "Concat", [sizes, sides], (), last=False, axis=0)
    made.emit(node, "Resize", [x, target])


@rule(ops.ZeroPad)
def _zero_pad(made: Export, node: Node) -> None:
    op: Any = node.op
    pads = (0, 0, op.top, op.left, 0, 0, op.bottom, op.right)
    made.emit(node, "Pad", [*made.inputs(node), made.onnx.constant((8,), pads), made.number(0.0)], mode="constant")


@rule(ops.ChannelShuffle)
def _shuffle(made: Export, node: Node) -> None:
    op: Any = node.op
    channels, *sides = made.shape(node)
    groups, each = op.groups, channels // op.groups
    parts = made.reshape(node, made.inputs(node)[0], (groups, each, *sides), last=False)
    transposed = made.emit(node, "Transpose", [parts], (each, groups, *sides), last=False, axes=(0, 2, 1, 3, 4))
    made.reshape(node, transposed, node.output)


@rule(ops.ChannelSplit)
def _split(made: Export, node: Node) -> None:
    op: Any = node.op
    parts = made.split(node, made.inputs(node)[0], op.sizes)
    made.same(node, parts[op.part])


@rule(ops.Concat)
def _concat(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "Concat", made.inputs(node), axis=op.axis + 1)


@rule(ops.Permute)
def _permute(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "Transpose", made.inputs(node), axes=(0, *[axis + 1 for axis in op.axes]))
