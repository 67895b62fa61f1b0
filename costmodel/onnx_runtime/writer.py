"""Graph → ONNX file with random weights, in milliseconds, for calibration: the operators that torch's exporter writes.

torch's exporter takes some ten seconds per network, as long as a calibration has for ten. Operators of tables only; the
tests compare what ONNX Runtime makes of both files. Start at `quick_onnx`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node
from archs.ir.ops import Op
from costmodel.errors import CostError

if TYPE_CHECKING:
    import onnx

IMAGE, OUTPUT, BATCH = "image", "output", "images"
OPSET, IR_VERSION = 20, 10
POOL = 1 << 16
"""Random numbers that all weights are taken from: drawing each one would take longer than a session needs."""


def quick_onnx(graph: Graph) -> bytes:
    """The network as an ONNX file: input `image`, output `output`, any number of images.

    Raises CostError for an operator that random tables do not have.
    """
    from onnx import TensorProto, helper

    writer = _Writer(graph)
    for node in graph.nodes:
        rule = RULES.get(type(node.op))
        if rule is None:
            raise CostError(f"{node.path}: {node.op.describe()} is not timed with ONNX Runtime")
        value = rule(writer, node, node.op, [writer.values[path] for path in node.inputs])
        writer.values[node.path] = value
        writer.sizes[value] = node.output
    writer.add("Identity", [writer.values[graph.nodes[-1].path]], output=OUTPUT)

    def info(name: str, sizes: Sequence[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *sizes])

    image, output = info(IMAGE, graph.input), info(OUTPUT, graph.output)
    known = [info(name, sizes) for name, sizes in writer.sizes.items()]
    made = helper.make_graph(writer.nodes, "network", [image], [output], writer.tensors, value_info=known)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return model.SerializeToString()


class _Writer:
    """The file so far."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.values = {INPUT: IMAGE}
        self.sizes: dict[str, Sequence[int]] = {}
        """Of values, as the exporter states them: the runtime fuses a sum only where it knows that its maps agree."""
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.splits: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        self._numbers = np.random.default_rng(0).standard_normal(POOL, dtype=np.float32)
        self._constants: dict[tuple[int, ...], str] = {}
        self._batch = ""

    def add(self, kind: str, inputs: Sequence[str], output: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add an operator; returns its output, of several the first: `name`, `name.1`, …"""
        from onnx import helper

        name = output or f"v{len(self.nodes)}"
        names = [name, *[f"{name}.{part}" for part in range(1, outputs)]]
        self.nodes.append(helper.make_node(kind, list(inputs), names, f"n{len(self.nodes)}", **attributes))
        return name

    def weight(self, path: str, role: str, sizes: Sequence[int], inputs: int) -> str:
        """A tensor of random numbers whose scale keeps that of activations."""
        values = np.resize(self._numbers, int(np.prod(sizes))) * np.float32(sqrt(2 / inputs))
        return self._tensor(f"{path}.{role}", values.reshape(sizes))

    def filled(self, path: str, role: str, channels: int, value: float) -> str:
        return self._tensor(f"{path}.{role}", np.full(channels, value, np.float32))

    def number(self, path: str, role: str, value: float) -> str:
        return self._tensor(f"{path}.{role}", np.array(value, np.float32))

    def _tensor(self, name: str, values: Any) -> str:
        from onnx import numpy_helper

        self.tensors.append(numpy_helper.from_array(values, name))
        return name

    def constant(self, values: Sequence[int]) -> str:
        key = tuple(values)
        if key not in self._constants:
            self._constants[key] = self._tensor(f"constant{len(self._constants)}", np.array(key, np.int64))
        return self._constants[key]

    def reshape(self, value: str, sizes: Sequence[int]) -> str:
        """To these sizes for each image, whose number the exporter reads from the image."""
        if not self._batch:
            shape = self.add("Shape", [IMAGE], start=0, end=1)
            self._batch = self.add("Squeeze", [shape])
        batch = self.add("Reshape", [self._batch, self.constant([-1])], allowzero=0)
        wanted = self.add("Concat", [batch, *[self.constant([size]) for size in sizes]], axis=0)
        made = self.add("Reshape", [value, wanted], allowzero=1)
        self.sizes[made] = sizes
        return made

    def shape(self, node: Node) -> ops.Shape:
        return self.graph.input_shapes(node)[0]


Rule = Callable[[_Writer, Node, Any, list[str]], str]


def _conv(w: _Writer, node: Node, op: ops.Conv2d, inputs: list[str]) -> str:
    channels = w.shape(node)[0] // op.groups
    seen = channels * op.kernel[0] * op.kernel[1]
    tensors = [w.weight(node.path, "weight", (op.channels, channels, *op.kernel), seen)]
    if op.bias:
        tensors.append(w.filled(node.path, "bias", op.channels, 0.01))
    pads = [*op.padding, *op.padding]
    given: dict[str, Any] = {
        "kernel_shape": op.kernel,
        "strides": op.stride,
        "dilations": op.dilation,
        "group": op.groups,
    }
    return w.add("Conv", [*inputs, *tensors], pads=pads, auto_pad="NOTSET", **given)


def _batch_norm(w: _Writer, node: Node, op: ops.BatchNorm, inputs: list[str]) -> str:
    roles = {"weight": 1.0, "bias": 0.01, "running_mean": 0.0, "running_var": 1.0}
    tensors = [w.filled(node.path, role, w.shape(node)[0], value) for role, value in roles.items()]
    return w.add("BatchNormalization", [*inputs, *tensors], epsilon=op.eps)


def _linear(w: _Writer, node: Node, op: ops.Linear, inputs: list[str]) -> str:
    (seen,) = w.shape(node)
    tensors = [w.weight(node.path, "weight", (op.features, seen), seen)]
    if op.bias:
        tensors.append(w.filled(node.path, "bias", op.features, 0.01))
    return w.add("Gemm", [*inputs, *tensors], alpha=1.0, beta=1.0, transA=0, transB=1)


def _clip(w: _Writer, node: Node, op: Op, inputs: list[str]) -> str:
    return w.add("Clip", [*inputs, w.number(node.path, "low", 0), w.number(node.path, "high", 6)])


def _silu(w: _Writer, node: Node, op: Op, inputs: list[str]) -> str:
    gate = w.add("Sigmoid", inputs)
    w.sizes[gate] = node.output
    return w.add("Mul", [*inputs, gate])


def _pool(kind: str) -> Rule:
    def rule(w: _Writer, node: Node, op: ops.MaxPool | ops.AvgPool, inputs: list[str]) -> str:
        own: dict[str, Any] = {"count_include_pad": int(op.count_padding)} if isinstance(op, ops.AvgPool) else {}
        own |= {"pads": [*op.padding, *op.padding], "ceil_mode": int(op.ceil), "auto_pad": "NOTSET"}
        return w.add(kind, inputs, kernel_shape=op.kernel, strides=op.stride, dilations=op.dilation, **own)

    return rule


def _global_pool(w: _Writer, node: Node, op: ops.GlobalAvgPool, inputs: list[str]) -> str:
    axes = w.constant([2, 3] if op.flat else [-1, -2])
    return w.add("ReduceMean", [*inputs, axes], keepdims=int(not op.flat), noop_with_empty_axes=0)


def _split(w: _Writer, node: Node, op: ops.ChannelSplit, inputs: list[str]) -> str:
    key = inputs[0], op.sizes
    if key not in w.splits:
        first = w.add("Split", [*inputs, w.constant(op.sizes)], outputs=len(op.sizes), axis=1)
        w.splits[key] = [first, *[f"{first}.{part}" for part in range(1, len(op.sizes))]]
    return w.splits[key][op.part]


def _shuffle(w: _Writer, node: Node, op: ops.ChannelShuffle, inputs: list[str]) -> str:
    channels, height, width = w.shape(node)
    apart = w.reshape(inputs[0], (op.groups, channels // op.groups, height, width))
    mixed = w.add("Transpose", [apart], perm=[0, 2, 1, 3, 4])
    w.sizes[mixed] = (channels // op.groups, op.groups, height, width)
    return w.reshape(mixed, (channels, height, width))


def _plain(kind: str, **attributes: Any) -> Rule:
    return lambda w, node, op, inputs: w.add(kind, inputs, **attributes)


RULES: dict[type[Op], Rule] = {
    ops.Conv2d: _conv,
    ops.BatchNorm: _batch_norm,
    ops.Linear: _linear,
    ops.ReLU: _plain("Relu"),
    ops.ReLU6: _clip,
    ops.Sigmoid: _plain("Sigmoid"),
    ops.HardSigmoid: _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    ops.HardSwish: _plain("HardSwish"),
    ops.SiLU: _silu,
    ops.Add: _plain("Add"),
    ops.Multiply: _plain("Mul"),
    ops.Concat: lambda w, node, op, inputs: w.add("Concat", inputs, axis=op.axis + 1),
    ops.ChannelSplit: _split,
    ops.ChannelShuffle: _shuffle,
    ops.MaxPool: _pool("MaxPool"),
    ops.AvgPool: _pool("AveragePool"),
    ops.GlobalAvgPool: _global_pool,
    ops.Flatten: lambda w, node, op, inputs: w.reshape(inputs[0], node.output),
    ops.Dropout: lambda w, node, op, inputs: inputs[0],
}
