"""What a predictor sees of a node: its kind, the work that it does, and where steps in its cost may lie.

A *kind* is a set of operators that share a kernel family and therefore a predictor. The *work* is what a roofline
knows: starts, bytes in, out and of weights, multiply-adds. The *columns* are everything that may bend that line: sizes
and their remainders modulo vector widths, the library path that PyTorch takes, the ages of
`costmodel.latency.cache_ages`, and
what ran just before: a convolution that unfolds or reorders its tensors leaves the caches, and the interpreter in them,
in another state than a matrix product does, and a batch norm behind it takes up to three times as long.

No times and no fitting here. An operator without a kind is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain, count
from math import gcd, log, prod
from operator import itemgetter
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.errors import shorten
from archs.ir import ops
from archs.ir.graph import Graph, Node, Subgraph
from archs.ir.ops import Op, Shape
from costmodel.counting.counts import FREE, weights_read
from costmodel.errors import CostError
from costmodel.latency.cache_ages import ages
from costmodel.latency.liveness import lives
from costmodel.latency.memory_order import turned

WORK = ("starts", "bytes_in", "bytes_out", "bytes_weights", "mult_adds")
STATIC = (
    "variant", "log_bytes_in", "log_bytes_out", "log_bytes_weights", "log_mult_adds", "log_intensity",
    "log_group_in", "log_group_out", "log_pixels", "height", "kernel", "stride", "groups", "bias", "inputs",
    "pixels_mod_16", "pixels_mod_48", "width_mod_16", "out_mod_4", "out_mod_8", "out_mod_16", "out_mod_6",
    "in_mod_4", "in_mod_16", "aligned",
)  # fmt: skip
DYNAMIC = ("log_age_in", "log_age_place", "log_age_kernel", "log_age_shape", "uses", "log_network_weights")
PASSED_ON = ("log_bytes_in", "log_bytes_out", "log_bytes_weights", "log_mult_adds", "kernel")
BEFORE = ("kind_before", *(f"{column}_before" for column in PASSED_ON))
COLUMNS = STATIC + DYNAMIC + BEFORE
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
    ops.MaxPool: ("max_pool", 0),
    ops.AvgPool: ("average_pool", 0),
    ops.AdaptiveAvgPool: ("pool", 2),
    ops.AdaptiveMaxPool: ("pool", 3),
    ops.Add: ("add", 0),
    ops.Subtract: ("add", 1),
    ops.Maximum: ("add", 2),
    ops.Multiply: ("multiply", 0),
    ops.Divide: ("multiply", 2),
    ops.Concat: ("concat", 0),
    ops.Stack: ("concat", 1),
    ops.ChannelShuffle: ("shuffle", 0),
    ops.Linear: ("linear", 0),
    **dict.fromkeys(FREE, ("view", 3)),
    ops.ChannelSplit: ("view", 0),
    ops.Flatten: ("view", 1),
    ops.Dropout: ("view", 2),
    # what only imported networks have
    ops.AddConstant: ("elementwise", 0),
    ops.MultiplyConstant: ("elementwise", 1),
    ops.Clamp: ("elementwise", 2),
    ops.LeakyReLU: ("elementwise", 3),
    ops.Shift: ("elementwise", 4),
    ops.Scale: ("elementwise", 5),
    ops.PReLU: ("elementwise", 6),
    ops.Exp: ("transcendental", 0),
    ops.Tanh: ("transcendental", 1),
    ops.ELU: ("transcendental", 2),
    ops.Softplus: ("transcendental", 3),
    ops.GELU: ("transcendental", 4),
    ops.TanhGELU: ("transcendental", 5),
    ops.Mish: ("transcendental", 6),
    ops.LayerNorm: ("norm", 0),
    ops.GroupNorm: ("norm", 1),
    ops.RMSNorm: ("norm", 2),
    ops.Mean: ("reduction", 0),
    ops.Sum: ("reduction", 1),
    ops.Amax: ("reduction", 2),
    ops.LinearLast: ("matmul", 0),
    ops.MatMul: ("matmul", 1),
    ops.Attention: ("matmul", 2),
    ops.ConvTranspose2d: ("transposed_convolution", 0),
    ops.Conv1d: ("line_convolution", 0),
    ops.Reshape: ("copy", 0),
    ops.PixelShuffle: ("copy", 1),
    ops.PixelUnshuffle: ("copy", 2),
    ops.ZeroPad: ("copy", 3),
    ops.ConstantPad: ("copy", 4),
    ops.ChannelPad: ("copy", 5),
}
"""Kind and variant of every operator but those whose kind or variant depends on its shape or numbers."""

ROWS = frozenset(
    (ops.LinearLast, ops.MatMul, ops.Attention, ops.LayerNorm, ops.RMSNorm, ops.Softmax, ops.Mean, ops.Sum, ops.Amax)
)
"""Operators whose kernels' inner loops run along rows, and not along channels."""

OURS = frozenset(
    """batch_norm activation max_pool average_pool global_pool mean add multiply concat shuffle linear view pointwise
    grouped_pointwise depthwise convolution native_convolution grouped_convolution""".split()  # noqa: SIM905 one name per line would fill a page
)
"""The kinds that the catalogue's networks and their edits have."""

_NUMBERS = {kind: number for number, kind in enumerate(sorted(OURS))}  # others' kinds share the next
_passed_on = itemgetter(*(STATIC.index(column) for column in PASSED_ON))

# What is kept of an operator on its shapes: WORK, STATIC, BEFORE of the next node; and for `ages` the bytes of its
# output, and the numbers of its machine code and of these shapes
_WORK = slice(len(WORK))
_STATIC = slice(_WORK.stop, _WORK.stop + len(STATIC))
_BEFORE = slice(_STATIC.stop, _STATIC.stop + len(BEFORE))
_ROW = Struct(f"{_BEFORE.stop + 3}d")  # an array of so few takes longer
_CODES: dict[str, int] = {}
_unused = count()

NEAREST = {
    "max_pool": "average_pool",
    "average_pool": "max_pool",
    "convolution": "native_convolution",
    "native_convolution": "convolution",
    "grouped_convolution": "convolution",
    "grouped_pointwise": "pointwise",
}
"""Kind → whose predictor prices it where a short calibration met none of it."""

UPSAMPLING = {"nearest": 0, "bilinear": 1, "bicubic": 2}
PADDING = {"reflect": 6, "replicate": 7}
SIMPLE_POWERS = (2, 3, 0.5, -0.5, -1, -2)
"""Exponents that PyTorch computes without a power (aten/src/ATen/native/cpu/PowKernel.cpp)."""
STANDARDIZING = 7  # kernels that bring filters to mean 0 and variance 1
TURNED = 16  # added to the variant of an operator that reads a tensor whose axes are turned in memory

CODE = {"global_pool": "mean", "mean": "mean", "pointwise": "gemm", "grouped_pointwise": "gemm"}
"""Kinds that run the same machine code: after one of them, another finds it in the caches."""


class Features(NamedTuple):
    """One row per node, in the graph's order."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]  # nodes × WORK
    columns: NDArray[np.float64]  # nodes × COLUMNS


def features(graph: Graph, batch: int = 1, device: str = "cpu") -> Features:
    """The features of every node. Raises CostError, with the node's path, for an operator without a kind."""
    turns = turned(graph)
    if graph.subgraphs and not turns:
        parts = [_of_block(block, batch) for block in graph.subgraphs]
    else:
        parts = [_of_nodes(graph.nodes, graph.shapes, turns, batch)]
    kinds = tuple(chain.from_iterable([kinds for kinds, _ in parts]))
    table = np.frombuffer(b"".join([rows for _, rows in parts])).reshape(len(kinds), -1)
    work, static, passed_on = table[:, _WORK], table[:, _STATIC], table[:, _BEFORE]
    if device != "cpu":  # there the groups of a convolution are one kernel
        work = np.c_[np.ones(len(kinds)), work[:, 1:]]
    outputs, codes, same = table[:, _BEFORE.stop :].T
    weights = work[:, WORK.index("bytes_weights")]
    size = np.concatenate(([4.0 * batch * prod(graph.input)], outputs))
    touched = ages(lives(graph), size, weights, codes, same)
    columns = np.empty((len(kinds), len(COLUMNS)))
    columns[:, : len(STATIC)] = static
    dynamic = columns[:, len(STATIC) :]
    dynamic[:, :4] = np.log(np.array(touched[:4]) + FLOOR).T
    dynamic[:, 4] = np.minimum(touched.uses, 6)
    dynamic[:, 5] = log(weights.sum() + FLOOR)
    dynamic[:, len(DYNAMIC) :] = _before(passed_on)
    return Features(kinds, work, columns)


@lru_cache(2048)
def _of_block(block: Subgraph, batch: int) -> tuple[tuple[str, ...], bytes]:
    return _of_nodes(block.nodes, block.shapes, frozenset(), batch)


def _of_nodes(
    nodes: Sequence[Node], shapes: Mapping[str, Shape], turns: Set[str], batch: int
) -> tuple[tuple[str, ...], bytes]:
    """The kind of each node, and their `_ROW`s one behind the other. `turns`: the paths that are turned in memory."""
    rows = []
    for path, op, inputs, output in nodes:
        try:
            turn = not turns.isdisjoint(inputs)
            rows.append(_static(op, batch, turn, output, *[shapes[source] for source in inputs]))
        except CostError as error:
            raise CostError(f"{path}: {error}") from None
    kinds, numbers = zip(*rows)
    return kinds, b"".join(numbers)


def _before(passed_on: NDArray[np.float64]) -> NDArray[np.float64]:
    """What ran before each node, views aside, which run nothing: nodes × BEFORE; the first node has none."""
    nothing = np.zeros((1, len(BEFORE)))
    nothing[0, 0] = -1
    ran = np.arange(len(passed_on))
    ran[1:][passed_on[:-1, 0] == _NUMBERS["view"]] = 0
    return np.concatenate((nothing, passed_on))[np.maximum.accumulate(ran)]


@lru_cache(65536)
def _static(op: Op, batch: int, turn: bool, output: Shape, *inputs: Shape):
    """(kind, a `_ROW`) of one operator on these shapes."""
    kind, variant = _kind(op, inputs, batch)
    view = kind == "view"
    variant += TURNED * (turn and not view)
    bytes_in = 0 if view else 4 * batch * sum(map(prod, inputs))
    bytes_out = 0 if view else 4 * batch * prod(output)
    bytes_weights = 4 * weights_read(op, inputs)
    mult_adds = batch * op.mult_adds(*inputs)
    if kind in ("max_pool", "average_pool"):
        mult_adds = batch * output.elements * prod(op.kernel)  # what it compares or adds
    kernel, stride, groups = _window(op, inputs[0], output)
    width_in, width_out, pixels = _widths(op, inputs[0], output)
    parts = 1 if kind == "depthwise" else groups  # a depthwise kernel's vectors run across its groups
    group_in, group_out = max(1, width_in // parts), max(1, width_out // parts)
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
        group_out % 4,
        group_out % 8,
        group_out % 16,
        group_out % 6,
        group_in % 4,
        group_in % 16,
        gcd(group_in, group_out, 16),  # oneDNN reorders tensors for kernels that take both in blocks of 8 or 16
    )
    work = (_starts(op, kind, groups), bytes_in, bytes_out, bytes_weights, mult_adds)
    before = (_NUMBERS.get(kind, len(_NUMBERS)), *_passed_on(columns))
    code = _CODES.setdefault(CODE.get(kind) or f"{kind} {variant}", next(_unused))
    return kind, _ROW.pack(*work, *columns, *before, 4 * batch * prod(output), code, next(_unused))


def _kind(op: Op, inputs: tuple[Shape, ...], batch: int) -> tuple[str, int]:
    if type(op) in VARIANTS:  # first, as isinstance takes long where a class is abstract
        kind, variant = VARIANTS[type(op)]
        if kind == "multiply":
            return kind, variant + (inputs[1] != inputs[0])  # a gate of C×1×1 is broadcast
        if kind == "add":
            return kind, variant + 3 * (inputs[1] != inputs[0])
        if kind == "reduction":
            return kind, variant + 3 * (len(inputs[0]) - 1 not in op.axes)
        return kind, variant
    if isinstance(op, ops.Conv2d):
        kind, variant = _convolution(op, inputs[0], batch)
        if type(op) is ops.StandardizedConv2d:
            return "standardized_convolution", ("pointwise", "depthwise", "convolution").index(kind.split("_")[-1])
        return kind, variant
    if isinstance(op, ops.GlobalAvgPool):
        return ("mean" if op.flat else "global_pool"), 0
    if isinstance(op, ops.Power):
        return ("elementwise", 7) if op.exponent in SIMPLE_POWERS else ("transcendental", 7)
    if isinstance(op, ops.Softmax):
        return "softmax", int(op.axis != len(inputs[0]) - 1)
    if isinstance(op, ops.Upsample):
        return "upsample", UPSAMPLING[op.mode]
    if isinstance(op, ops.Pad):
        return "copy", PADDING[op.mode]
    if isinstance(op, ops.Opaque):
        raise CostError(f"{shorten(op.target)} is an operator that the importer does not know; it has no predictor")
    known = ", ".join(cls.__name__ for cls in VARIANTS)
    raise CostError(f"operator {type(op).__name__} has no latency predictor; known: Conv2d, {known}")


def _convolution(op: ops.Conv2d, x: Shape, batch: int) -> tuple[str, int]:
    if op.kernel == (1, 1) and op.stride == (1, 1):
        return ("grouped_pointwise" if op.groups > 1 else "pointwise"), 0
    dilated = op.dilation != (1, 1)
    if op.depthwise(x):
        return "depthwise", int(dilated)
    if op.groups > 1:
        return "grouped_convolution", int(dilated)
    library = min(op.kernel) > 3 or batch > 1 or x.elements > MKLDNN_ELEMENTS
    return ("convolution" if library else "native_convolution"), int(dilated)


def _starts(op: Op, kind: str, groups: int) -> int:
    """Kernels that an operator starts on a CPU."""
    if kind == "standardized_convolution":
        return 1 + STANDARDIZING + op.gain
    return groups if kind == "grouped_pointwise" else 1


def _window(op: Op, x: Shape, output: Shape) -> tuple[int, int, int]:
    """(kernel, stride, groups), 1 where an operator has none; a shuffle's groups are its own."""
    kernel = getattr(op, "kernel", None)
    if isinstance(kernel, tuple):
        return max(kernel), max(op.stride), getattr(op, "groups", 1)
    if kernel:
        return kernel, op.stride, op.groups
    if type(op) in (ops.AdaptiveAvgPool, ops.AdaptiveMaxPool):
        return -(-x.height // output.height), max(1, x.height // output.height), 1
    return 1, 1, getattr(op, "groups", 1)


def _widths(op: Op, x: Shape, output: Shape) -> tuple[int, int, int]:
    """What a kernel's inner loop runs along, in and out, and how often: channels and pixels, or a row and the rows."""
    if type(op) not in ROWS:
        return x[0], output[0], prod(output[1:])
    if type(op) in (ops.LayerNorm, ops.RMSNorm):
        row = prod(x[-op.axes :])
        return row, row, x.elements // row
    if type(op) is ops.Softmax:
        return x[op.axis], x[op.axis], x.elements // x[op.axis]
    if type(op) in (ops.Mean, ops.Sum, ops.Amax):
        return x.elements // output.elements, 1, output.elements
    return x[-1], output[-1], prod(output[:-1])
