"""Graph → the ONNX operators that `archs.to_onnx` writes for it, by rules for each operator of the graph.

Sizes and the roles of constants only, no weights. An operator without a rule is one node with its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node
from archs.ir.operator import Op
from archs.transforms.onnx_runtime.onnx_graph import IMAGE_VALUE, OnnxGraph, Sizes

Rule = Callable[["Export", Node], None]
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


def exported(graph: Graph) -> OnnxGraph:
    """The ONNX operators of the graph's file, in the file's order."""
    made = Export(graph)
    for node in graph.nodes:
        found = _RULES.get(type(node.op))
        if found is None:
            made.emit(node, f"{UNKNOWN}{type(node.op).__name__}", list(made.inputs(node)))
        else:
            found(made, node)
    made.onnx.output = made.value(graph.nodes[-1].path)
    return made.onnx


class Export:
    """The file so far."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.onnx = OnnxGraph(graph.input)
        self._values = {INPUT: IMAGE_VALUE}
        self._batch: str | None = None
        self._splits: dict[tuple[str, Sizes], list[str]] = {}

    def value(self, path: str) -> str:
        """The value that a node's output is."""
        return self._values[path]

    def inputs(self, node: Node) -> list[str]:
        return [self._values[path] for path in node.inputs]

    def shape(self, node: Node, index: int = 0) -> Sizes:
        return self.graph.shapes[node.inputs[index]]

    def weight(self, node: Node, role: str, sizes: Sizes) -> str:
        """A weight of a node, that of the earlier node where it shares it."""
        return self.onnx.weight(self.graph.owners.get(node.path, node.path), role, sizes)

    def emit(
        self, node: Node, op: str, inputs: list[str], sizes: Sizes | None = None, last: bool = True, **attributes: Any
    ) -> str:
        """One operator of a node; the `last` gives the node's output."""
        value = node.path if last else self._unused(node.path)
        self.onnx.shapes[value] = node.output if sizes is None else sizes
        self.onnx.add(op, inputs, [value], attributes, (node.path,))
        if last:
            self._values[node.path] = value
        return value

    def same(self, node: Node, value: str) -> None:
        """Let the node's output be a value, without an operator."""
        self._values[node.path] = value
        if value == self.inputs(node)[0]:
            self.onnx.removed.append(node.path)

    def number(self, value: float) -> str:
        """A constant without axes."""
        return self.onnx.constant((), (value,))

    def reshape(self, node: Node, value: str, sizes: Sizes, last: bool = True) -> str:
        """A reshape to sizes behind the batch, which is read from the image: its size is not known in the file."""
        batch = self._arithmetic(node, "Reshape", [self._batch_size(), self.onnx.constant((1,), (-1,))])
        parts = [batch, *[self.onnx.constant((1,), (side,)) for side in sizes]]
        target = self._arithmetic(node, "Concat", parts)
        return self.emit(node, "Reshape", [value, target], sizes, last)

    def split(self, node: Node, value: str, sizes: Sizes) -> list[str]:
        """The parts of a value along its channels, from one operator for all of them."""
        key = value, sizes
        if key not in self._splits:
            parts = [f"{value} part {number}" for number in range(len(sizes))]
            rest = self.shape(node)[1:]
            self.onnx.shapes |= {part: (size, *rest) for part, size in zip(parts, sizes)}
            inputs = [value] if len(set(sizes)) == 1 else [value, self.onnx.constant((len(sizes),), sizes)]
            self.onnx.add("Split", inputs, parts, {"axis": 1}, (node.path,))
            self._splits[key] = parts
        else:
            maker = self.onnx.maker[self._splits[key][0]]
            maker.paths = (*maker.paths, node.path)
        return self._splits[key]

    def _batch_size(self) -> str:
        if self._batch is None:
            onnx = self.onnx
            image = onnx.add("Shape", [IMAGE_VALUE], ["images of the batch"], {"start": 0, "end": 1})
            onnx.add("Squeeze", image.outputs, ["batch"])
            onnx.shapes |= {"images of the batch": (), "batch": ()}
            self._batch = "batch"
            self._first(2)
        return self._batch

    def _first(self, count: int) -> None:
        """Number the last nodes as the file has them: before all others."""
        nodes = list(self.onnx.nodes.values())
        for number, node in enumerate(nodes[-count:] + nodes[:-count]):
            node.number = number
        self.onnx.nodes = {node.number: node for node in nodes[-count:] + nodes[:-count]}

    def _arithmetic(self, node: Node, op: str, inputs: list[str]) -> str:
        value = self._unused(node.path)
        self.onnx.shapes[value] = ()
        self.onnx.add(op, inputs, [value], {"axis": 0} if op == "Concat" else {}, (), node.path)
        return value

    def _unused(self, path: str) -> str:
        number = 1
        while f"{path} {number}" in self.onnx.shapes:
            number += 1
        return f"{path} {number}"


# Operators with weights


@rule(ops.Conv2d, ops.FixedConv2d)
def _conv(made: Export, node: Node) -> None:
    op: Any = node.op
    sizes = (op.channels, made.shape(node)[0] // op.groups, *op.kernel)
    inputs = [*made.inputs(node), made.weight(node, "weight", sizes)]
    if op.bias:
        inputs.append(made.weight(node, "bias", (op.channels,)))
    attributes = {"kernel": op.kernel, "stride": op.stride, "pads": (*op.padding, *op.padding)}
    made.emit(node, "Conv", inputs, **attributes, dilation=op.dilation, groups=op.groups)


@rule(ops.BatchNorm)
def _batch_norm(made: Export, node: Node) -> None:
    sizes = (made.shape(node)[0],)
    roles = ("weight", "bias", "running_mean", "running_var")
    made.emit(node, "BatchNormalization", [*made.inputs(node), *[made.weight(node, role, sizes) for role in roles]])


@rule(ops.Linear)
def _linear(made: Export, node: Node) -> None:
    op: Any = node.op
    inputs = [*made.inputs(node), made.weight(node, "weight", (op.features, made.shape(node)[0]))]
    if op.bias:
        inputs.append(made.weight(node, "bias", (op.features,)))
    made.emit(node, "Gemm", inputs)


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
    if op.low is not None and op.high is not None and not isinstance(op.low, int):
        lower = made.emit(node, "Max", [x, made.number(op.low)], last=False)
        made.emit(node, "Min", [lower, made.number(op.high)])
    else:
        made.emit(node, "Clip", [x, *[made.number(bound) for bound in (op.low, op.high) if bound is not None]])


@rule(ops.SiLU)
def _silu(made: Export, node: Node) -> None:
    (x,) = made.inputs(node)
    made.emit(node, "Mul", [x, made.emit(node, "Sigmoid", [x], last=False)])


@rule(ops.PReLU)
def _prelu(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "PRelu", [*made.inputs(node), made.weight(node, "weight", (op.slopes,))])


@rule(ops.Dropout)
def _dropout(made: Export, node: Node) -> None:
    made.same(node, made.inputs(node)[0])


# Pooling


@rule(ops.MaxPool, ops.AvgPool)
def _pool(made: Export, node: Node) -> None:
    op: Any = node.op
    name = "MaxPool" if isinstance(op, ops.MaxPool) else "AveragePool"
    attributes = {"kernel": op.kernel, "stride": op.stride, "pads": (*op.padding, *op.padding)}
    made.emit(node, name, made.inputs(node), **attributes, dilation=op.dilation)


@rule(ops.GlobalAvgPool)
def _global_pool(made: Export, node: Node) -> None:
    op: Any = node.op
    made.emit(node, "ReduceMean", [*made.inputs(node), made.onnx.constant((2,), (2, 3))], keep=not op.flat)


# Data movement


@rule(ops.Flatten)
def _flatten(made: Export, node: Node) -> None:
    made.reshape(node, made.inputs(node)[0], node.output)


@rule(ops.ChannelShuffle)
def _shuffle(made: Export, node: Node) -> None:
    op: Any = node.op
    channels, *sides = made.shape(node)
    groups, each = op.groups, channels // op.groups
    parts = made.reshape(node, made.inputs(node)[0], (groups, each, *sides), last=False)
    turned = made.emit(node, "Transpose", [parts], (each, groups, *sides), last=False, axes=(0, 2, 1, 3, 4))
    made.reshape(node, turned, node.output)


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
