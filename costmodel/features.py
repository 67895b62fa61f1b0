"""What a predictor sees of a node: its kind, the work that it does, and where steps in its cost may lie.

A *kind* is a set of operators that share a kernel family and therefore a predictor. The *work* is what a roofline
knows: starts, bytes in, out and of weights, multiply-adds. The *columns* are everything that may bend that line: sizes
and their remainders modulo vector widths, the library path that PyTorch takes, and the ages of `costmodel.placement`.

No times and no fitting here. An operator without a kind is an error.
"""

from __future__ import annotations

from functools import lru_cache
from math import log, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs import ops
from archs.graph import Graph
from archs.ops import Op, Shape
from costmodel.counts import FREE
from costmodel.errors import CostError
from costmodel.placement import ages

WORK = ("starts", "bytes_in", "bytes_out", "bytes_weights", "mult_adds")
STATIC = (
    "variant", "log_bytes_in", "log_bytes_out", "log_bytes_weights", "log_mult_adds", "log_intensity",
    "log_group_in", "log_group_out", "log_pixels", "height", "kernel", "stride", "groups", "bias", "inputs",
    "pixels_mod_16", "pixels_mod_48", "width_mod_16", "out_mod_8", "out_mod_16", "out_mod_6", "in_mod_16",
)  # fmt: skip
DYNAMIC = ("log_age_in", "log_age_out", "log_age_kernel", "log_age_shape", "uses", "log_network_weights")
COLUMNS = STATIC + DYNAMIC
FLOOR = 20_000.0  # bytes: below it everything is in the first-level cache

# PyTorch's `use_mkldnn` (aten/src/ATen/native/Convolution.cpp): below this many input elements an ungrouped
# convolution of kernel ≤ 3 takes the native path at batch 1.
MKLDNN_ELEMENTS = 20480

VARIANTS: dict[type[Op], tuple[str, int]] = {
    ops.BatchNorm: ("batch_norm", 0),
    ops.ReLU: ("activation", 0),
    ops.ReLU6: ("activation", 1),
    ops.HardSwish: ("activation", 2),
    ops.HardSigmoid: ("activation", 3),
    ops.Sigmoid: ("activation", 4),
    ops.SiLU: ("activation", 5),
    ops.MaxPool: ("pool", 0),
    ops.AvgPool: ("pool", 1),
    ops.GlobalAvgPool: ("global_pool", 0),
    ops.Add: ("add", 0),
    ops.Multiply: ("multiply", 0),
    ops.Concat: ("concat", 0),
    ops.ChannelShuffle: ("shuffle", 0),
    ops.Linear: ("linear", 0),
    **dict.fromkeys(FREE, ("view", 3)),
    ops.ChannelSplit: ("view", 0),
    ops.Flatten: ("view", 1),
    ops.Dropout: ("view", 2),
}
"""Kind and variant of every operator but the convolution, whose kind depends on its shape."""

CODE = {"global_pool": "mean", "mean": "mean", "pointwise": "gemm", "grouped_pointwise": "gemm"}
"""Kinds that run the same machine code: after one of them, another finds it in the caches."""


class Features(NamedTuple):
    """One row per node, in the graph's order."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]  # nodes × WORK
    columns: NDArray[np.float64]  # nodes × COLUMNS


def features(graph: Graph, batch: int = 1) -> Features:
    """The features of every node. Raises CostError, with the node's path, for an operator without a kind."""
    shapes = graph.shapes
    rows = []
    for node in graph.nodes:
        try:
            rows.append(_static(node.op, tuple([shapes[path] for path in node.inputs]), node.output, batch))
        except CostError as error:
            raise CostError(f"{node.path}: {error}") from None
    weights = [row[3][3] for row in rows]
    kernels = [row[1] for row in rows]
    same = [id(row) for row in rows]  # rows are cached: one object per operator and shape
    distinct = dict(zip(same, rows))
    place = {key: position for position, key in enumerate(distinct)}
    index = [place[key] for key in same]
    columns = np.empty((len(rows), len(COLUMNS)))
    columns[:, : len(STATIC)] = np.array([row[2] for row in distinct.values()])[index]
    touched = np.array(ages(graph, weights, kernels, same, batch), dtype=float)
    columns[:, len(STATIC) : -2] = np.log(touched[:, :4] + FLOOR)
    columns[:, -2] = np.minimum(touched[:, 4], 6)
    columns[:, -1] = log(sum(weights) + FLOOR)
    work = np.array([row[3] for row in distinct.values()], dtype=float)[index]
    return Features(tuple([row[0] for row in rows]), work, columns)


@lru_cache(65536)
def _static(op: Op, inputs: tuple[Shape, ...], output: Shape, batch: int):
    """(kind, machine code, static columns, work) of one operator on these shapes."""
    kind, variant = _kind(op, inputs, batch)
    view = kind == "view"
    bytes_in = 0 if view else 4 * batch * sum(x.elements for x in inputs)
    bytes_out = 0 if view else 4 * batch * output.elements
    bytes_weights = 4 * op.params(*inputs)
    mult_adds = batch * op.mult_adds(*inputs)
    pixels = prod(output[1:])
    kernel, stride, groups = _window(op)
    parts = 1 if kind == "depthwise" else groups  # a depthwise kernel's vectors run across its groups
    group_in, group_out = max(1, inputs[0][0] // parts), max(1, output[0] // parts)
    columns = (
        variant,
        log(bytes_in + 1),
        log(bytes_out + 1),
        log(bytes_weights + 1),
        log(mult_adds + 1),
        log((mult_adds + 1) / (bytes_in + bytes_out + bytes_weights + 1)),
        log(group_in),
        log(group_out),
        log(pixels),
        output[1] if len(output) == 3 else 1,
        kernel,
        stride,
        groups,
        float(getattr(op, "bias", False)),
        len(inputs),
        pixels % 16,
        pixels % 48,
        (output[2] if len(output) == 3 else 1) % 16,
        group_out % 8,
        group_out % 16,
        group_out % 6,
        group_in % 16,
    )
    work = (groups if kind == "grouped_pointwise" else 1, bytes_in, bytes_out, bytes_weights, mult_adds)
    return kind, CODE.get(kind, (kind, variant)), columns, work


def _kind(op: Op, inputs: tuple[Shape, ...], batch: int) -> tuple[str, int]:
    if isinstance(op, ops.Conv2d):
        if op.kernel == (1, 1) and op.stride == (1, 1):
            return ("grouped_pointwise" if op.groups > 1 else "pointwise"), 0
        if op.depthwise(inputs[0]):
            return "depthwise", 0
        library = op.groups > 1 or min(op.kernel) > 3 or batch > 1 or inputs[0].elements > MKLDNN_ELEMENTS
        return "convolution", 2 * (op.groups > 1) + library
    if isinstance(op, ops.Multiply):
        return "multiply", int(inputs[1] != inputs[0])  # a gate of C×1×1 is broadcast
    if isinstance(op, ops.GlobalAvgPool):
        return ("mean" if op.flat else "global_pool"), 0
    if type(op) not in VARIANTS:
        known = ", ".join(cls.__name__ for cls in VARIANTS)
        raise CostError(f"operator {type(op).__name__} has no latency predictor; known: Conv2d, {known}")
    return VARIANTS[type(op)]


def _window(op: Op) -> tuple[int, int, int]:
    """(kernel, stride, groups), 1 where an operator has none; a shuffle's groups are its own."""
    if isinstance(op, (ops.Conv2d, ops.MaxPool, ops.AvgPool)):
        return max(op.kernel), max(op.stride), getattr(op, "groups", 1)
    return 1, 1, getattr(op, "groups", 1)
