"""Graph → ONNX file with random weights, in milliseconds, for calibration: the operators that torch's exporter writes.

torch's exporter takes some ten seconds per network, as long as a calibration has for ten. Which operators it writes is
predicted by `archs.transforms.onnx_runtime.exported`. Start at `quick_onnx`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from archs.ir.graph import Graph
from archs.transforms.onnx_runtime.exported import exported
from archs.transforms.onnx_runtime.onnx_graph import IMAGE_VALUE, LEFT_OUT, FixedTensor
from costmodel.errors import CostError

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

BATCH = "images"
OPSET, IR_VERSION = 20, 10
POOL = 1 << 16
"""Random numbers that all weights are taken from: drawing each one would take longer than a session needs."""
OPERATORS = {
    *("Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Gemm", "HardSigmoid", "HardSwish"),
    *("MaxPool", "Mul", "ReduceMean", "Relu", "Reshape", "Shape", "Sigmoid", "Split", "Squeeze", "Transpose"),
}
"""The operators of tables. Those that only imports have need attributes that are not predicted."""
ATTRIBUTES = {
    "axes": "perm",
    "ceil": "ceil_mode",
    "count_padding": "count_include_pad",
    "dilation": "dilations",
    "groups": "group",
    "keep": "keepdims",
    "kernel": "kernel_shape",
    "stride": "strides",
}
"""Attribute of a predicted operator → its name in a file, where that is another."""
CONSTANT_ATTRIBUTES: dict[str, dict[str, Any]] = {"Gemm": {"transB": 1}, "HardSigmoid": {"alpha": 1 / 6, "beta": 0.5}}
"""Attributes that are the same in every file."""
FILLED = {"weight": 1.0, "bias": 0.01, "running_mean": 0.0, "running_var": 1.0}
"""Role of a weight with one axis → its value."""


def quick_onnx(graph: Graph) -> bytes:
    """The network as an ONNX file: input `input`, any number of images.

    Raises CostError for an operator that random tables do not have.
    """
    from onnx import TensorProto, helper, numpy_helper

    made = exported(graph)
    nodes = []
    for node in made.by_number():
        if node.op not in OPERATORS:
            raise CostError(f"{node.place}: {node.op} is not timed with ONNX Runtime")
        attributes = {ATTRIBUTES.get(name, name): value for name, value in node.attributes.items()}
        attributes |= CONSTANT_ATTRIBUTES.get(node.op, {})
        nodes.append(helper.make_node(node.op, node.inputs, node.outputs, f"n{node.number}", **attributes))
    numbers = np.random.default_rng(0).standard_normal(POOL, dtype=np.float32)
    tensors = [
        numpy_helper.from_array(_values(name, constant, numbers, position), name)
        for position, (name, constant) in enumerate(made.constants.items())
        if name != LEFT_OUT
    ]

    def info(value: str) -> onnx.ValueInfoProto:
        sizes: Sequence[str | int] = [BATCH, *made.shapes[value]]
        return helper.make_tensor_value_info(value, TensorProto.FLOAT, sizes)

    # As the exporter states them: the runtime fuses a sum only where it knows that its maps agree.
    known = [info(value) for value, node in made.maker.items() if node.paths and value != made.output]
    content = helper.make_graph(nodes, "network", [info(IMAGE_VALUE)], [info(made.output)], tensors, value_info=known)
    model = helper.make_model(content, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return model.SerializeToString()


def _values(name: str, constant: FixedTensor, numbers: NDArray[np.float32], position: int) -> NDArray:
    """A tensor's values, random numbers at a scale that keeps that of activations.

    They differ with the tensor's position, because the runtime merges operators whose constants are equal.
    """
    sizes = constant.sizes
    if constant.value is not None:
        whole = all(isinstance(value, int) for value in constant.value)
        return np.array(constant.value, np.int64 if whole else np.float32).reshape(sizes)
    if len(sizes) == 1:
        return np.full(sizes, FILLED[name.rpartition(".")[2]] + position / POOL, np.float32)
    values = np.resize(numbers[position:], constant.elements) * np.float32(sqrt(2 / prod(sizes[1:])))
    return values.reshape(sizes)
