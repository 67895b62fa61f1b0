"""Work and columns of the nodes that ONNX Runtime executes for a graph, for fitting and for prediction alike.

Nothing is fitted or priced here. Start at `features`.
"""

from __future__ import annotations

from itertools import accumulate
from math import log2, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.caching import cached
from archs.transforms.onnx_runtime import FusedGraph, FusedNode, Segment, StoredTensor
from costmodel.latency.features import WORK

BYTES = 4  # of a float
COLUMNS = (
    *("channels_in", "channels_out", "pixels_in", "pixels_out", "width_out", "kernel", "stride", "groups", "per_group"),
    *("mult_adds", "bytes_in", "bytes_out", "bytes_weights", "intensity"),
    *("in_mod_8", "in_mod_16", "out_mod_8", "out_mod_16", "pixels_mod_8", "activation", "adds", "inputs", "outputs"),
    *("age", "network_weights", "network_bytes", "blocked_input"),
)
"""Sizes are base-2 logarithms; `age` is of the bytes written since the first input was."""
AGE, NETWORK_WEIGHTS, NETWORK_BYTES = [COLUMNS.index(name) for name in ("age", "network_weights", "network_bytes")]
ACTIVATIONS = ("", "Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "LeakyRelu")
CONVOLUTIONS = ("Conv", "FusedConv", "nchwc Conv")
POOLINGS = ("MaxPool", "AveragePool", "nchwc MaxPool", "nchwc AveragePool")
SHAPES = "shape arithmetic"


class FusedFeatures(NamedTuple):
    """Per node, in execution order."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]
    """nodes × (start, bytes in and unfolded, bytes out, bytes of weights, operations): `WORK`."""
    columns: NDArray[np.float64]
    """nodes × COLUMNS."""


def features(fused: FusedGraph, batch: int = 1) -> FusedFeatures:
    """Work and columns of every node of a fused graph."""
    alone = len(fused.segments) == 1  # a network of no equal parts, of any size
    parts = [(_part if alone else _kept_part)(segment, batch) for segment in fused.segments]
    kinds = [kind for part in parts for kind in part.kinds]
    table = np.concatenate([part.table for part in parts]).take(np.array(fused.order, np.intp), axis=0)
    work, columns = table[:, _WORK], table[:, _COLUMNS]
    written = list(accumulate(table[:, _WRITTEN].tolist(), initial=0.0))
    columns[:, AGE] = [_log(begin - written[read + 1]) for begin, read in zip(written, fused.reads)]
    columns[:, NETWORK_WEIGHTS] = _log(table[:, _WEIGHTS].sum())
    columns[:, NETWORK_BYTES] = _log(written[-1])
    return FusedFeatures(tuple([kinds[number] for number in fused.order]), work, columns)


_WRITTEN, _WEIGHTS = 0, 1  # numbers of elements
_WORK, _COLUMNS = slice(2, 2 + len(WORK)), slice(2 + len(WORK), None)


class _Part(NamedTuple):
    """Per node of a segment."""

    kinds: tuple[str, ...]
    table: NDArray[np.float64]
    """Elements written, elements of weights, work and columns."""


def _part(segment: Segment, batch: int) -> _Part:
    """What does not depend on the network around a segment."""
    nodes = [_by_itself(node, batch) for node in segment.nodes]
    table = np.array([node.row for node in nodes]).reshape(-1, 2 + len(WORK) + len(COLUMNS))
    return _Part(tuple([node.kind for node in nodes]), table)


_kept_part = cached(1 << 10, "networks and their edits have few different segments")(_part)


class _ByItself(NamedTuple):
    kind: str
    row: tuple[float, ...]
    """Of `_Part.table`, zero in the columns of the network."""


@cached(1 << 13, "networks and their edits have few different nodes")
def _by_itself(node: FusedNode, batch: int) -> _ByItself:
    """What does not depend on a node's place in the network."""
    work = _work(node, batch)
    written = sum([prod(sizes) for sizes, _ in node.outputs])
    columns = _columns(node, work)
    return _ByItself(kind_of(node), (written, node.weights, *work, *columns, *(0.0, 0.0, 0.0), _blocked(node)))


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


def operations(node: FusedNode) -> float:
    """Multiply-adds of one image, with those of padded channels; of a pooling, the values that it looks at."""
    if node.operator in POOLINGS:
        return float(node.output.elements * prod(node.kernel))
    if node.operator in CONVOLUTIONS:
        return float(node.output.elements * prod(node.kernel) * max(1, node.inputs[0].sizes[0] // node.groups))
    if node.operator in ("Gemm", "FusedGemm", "MatMul", "FusedMatMul"):
        return float(node.weights)
    return 0.0


def unfolded(node: FusedNode) -> int:
    """Values of one image that a plain convolution copies, so that it is a product of matrices (im2col)."""
    if node.operator not in CONVOLUTIONS or node.blocked or prod(node.kernel) == max(node.stride) == 1:
        return 0
    return node.inputs[0].sizes[0] * prod(node.kernel) * prod(node.output.sizes[1:])


def _work(node: FusedNode, batch: int) -> tuple[float, ...]:
    read = BYTES * batch * (sum([prod(sizes) for sizes, _ in node.inputs if sizes]) + unfolded(node))
    wrote = BYTES * batch * sum([prod(sizes) for sizes, _ in node.outputs if sizes])
    return 1.0, float(read), float(wrote), float(BYTES * node.weights), batch * operations(node)


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
