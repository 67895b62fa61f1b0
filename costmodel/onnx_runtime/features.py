"""Work and columns of the nodes that ONNX Runtime executes for a graph, for fitting and for prediction alike.

Nothing is fitted or priced here. Start at `features`.
"""

from __future__ import annotations

from math import log2, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.transforms.onnx_runtime import IMAGE, FusedGraph, FusedNode, StoredTensor

BYTES = 4  # of a float
COLUMNS = (
    *("channels_in", "channels_out", "pixels_in", "pixels_out", "width_out", "kernel", "stride", "groups", "per_group"),
    *("mult_adds", "bytes_in", "bytes_out", "bytes_weights", "intensity"),
    *("in_mod_8", "in_mod_16", "out_mod_8", "out_mod_16", "pixels_mod_8", "activation", "adds", "inputs", "outputs"),
    *("age", "network_weights", "network_bytes", "blocked_input"),
)
"""Sizes are base-2 logarithms; `age` is of the bytes written since the first input was."""
ACTIVATIONS = ("", "Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "LeakyRelu")
CONVOLUTIONS = ("Conv", "FusedConv", "nchwc Conv")
SHAPES = "shape arithmetic"


class FusedFeatures(NamedTuple):
    """Per node, in execution order."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]
    """nodes × (start, bytes in, bytes out, bytes of weights, multiply-adds): `costmodel.latency.features.WORK`."""
    columns: NDArray[np.float64]
    """nodes × COLUMNS."""


def features(fused: FusedGraph, batch: int = 1) -> FusedFeatures:
    """Work and columns of every node of a fused graph."""
    written = np.cumsum([0, *[sum(tensor.elements for tensor in node.outputs) for node in fused.nodes]])
    weights = float(sum(node.weights for node in fused.nodes))
    work, columns = [], []
    for position, node in enumerate(fused.nodes):
        row = _work(node, batch)
        first = node.reads[0] if node.reads else IMAGE
        age = written[position] - written[first + 1]
        work.append(row)
        network = (_log(float(age)), _log(weights), _log(float(written[-1])))
        columns.append([*_columns(node, row), *network, _blocked(node)])
    return FusedFeatures(tuple([kind_of(node) for node in fused.nodes]), np.array(work), np.array(columns))


def kind_of(node: FusedNode) -> str:
    """The kind of a node: convolutions that run the same code are of one kind."""
    if not node.output.sizes:
        return SHAPES
    if node.operator not in CONVOLUTIONS:
        return node.operator
    layout = "blocked" if node.blocked else "plain"
    channels = node.inputs[0].sizes[0]
    if node.blocked and not node.inputs[0].blocked:
        return f"{layout} convolution of an image"
    if node.groups > 1:
        return f"{layout} {'depthwise' if node.groups >= channels else 'grouped'} convolution"
    return f"{layout} {'pointwise' if prod(node.kernel) == 1 else 'dense'} convolution"


def mult_adds(node: FusedNode) -> float:
    """Multiply-adds of one image, with those of padded channels."""
    if node.operator in CONVOLUTIONS:
        return float(node.output.elements * prod(node.kernel) * max(1, node.inputs[0].sizes[0] // node.groups))
    if node.operator in ("Gemm", "FusedGemm", "MatMul", "FusedMatMul"):
        return float(node.weights)
    return 0.0


def _work(node: FusedNode, batch: int) -> tuple[float, ...]:
    read = BYTES * batch * sum(tensor.elements for tensor in node.inputs if tensor.sizes)
    wrote = BYTES * batch * sum(tensor.elements for tensor in node.outputs if tensor.sizes)
    return 1.0, float(read), float(wrote), float(BYTES * node.weights), batch * mult_adds(node)


def _columns(node: FusedNode, work: tuple[float, ...]) -> list[float]:
    first = node.inputs[0] if node.inputs else node.output
    seen, made = _channels(first), _channels(node.output)
    pixels = prod(node.output.sizes[1:])
    _, read, wrote, weights, operations = work
    return [
        *(_log(seen), _log(made), _log(prod(first.sizes[1:])), _log(pixels)),
        _log(node.output.sizes[-1] if len(node.output.sizes) > 1 else 0),
        *(float(prod(node.kernel)), float(max(node.stride)), _log(node.groups), _log(seen / node.groups)),
        *(_log(operations), _log(read), _log(wrote), _log(weights), _log(operations) - _log(read + wrote + weights)),
        *(seen % 8, seen % 16, made % 8, made % 16, pixels % 8),
        float(ACTIVATIONS.index(node.activation)) if node.activation in ACTIVATIONS else -1.0,
        *(float(node.adds), float(len(node.inputs)), float(len(node.outputs))),
    ]


def _blocked(node: FusedNode) -> float:
    return float(bool(node.inputs) and node.inputs[0].blocked)


def _channels(tensor: StoredTensor) -> int:
    return tensor.sizes[0] if tensor.sizes else 0


def _log(value: float) -> float:
    return log2(1 + value)
