"""Features of a node: its kind (one predictor each), its work (the roofline's terms) and its columns.

No times and no fitting here. An operator without a kind is an error. Start at `features`; `operator_kinds` assigns the
kinds, and `costmodel/latency/README.md` describes the columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain
from math import gcd, log, prod
from operator import itemgetter
from struct import Struct
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from archs.caching import cached
from archs.ir import ops
from archs.ir.graph import Graph, Node, Subgraph
from archs.ir.ops import Op, Shape
from costmodel.counting.counts import weights_read
from costmodel.errors import CostError
from costmodel.latency.cache_ages import Ages, ages
from costmodel.latency.liveness import lives
from costmodel.latency.memory_order import NOTHING, MemoryOrder, memory_order
from costmodel.latency.operator_kinds import CATALOGUE_KINDS, CODE, VARIANTS, kind_of, starts_of

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
FLOOR = 20_000.0  # bytes that fit into the first-level cache

ROWS = frozenset(
    (
        *(ops.LinearLast, ops.MatMul, ops.Attention, ops.Recurrent, ops.LayerNorm, ops.RMSNorm, ops.Softmax),
        *(ops.Mean, ops.Sum, ops.Amax),
    )
)
"""Operators whose kernels' inner loops run along rows, and not along channels."""

_NUMBERS = {kind: number for number, kind in enumerate(sorted(CATALOGUE_KINDS))}  # other kinds share the next number
_passed_on = itemgetter(*(STATIC.index(column) for column in PASSED_ON))

# Layout of the row that is cached per operator and shapes: WORK, STATIC, BEFORE of the next node, bytes of the output
WORK_PART = slice(len(WORK))
STATIC_PART = slice(WORK_PART.stop, WORK_PART.stop + len(STATIC))
BEFORE_PART = slice(STATIC_PART.stop, STATIC_PART.stop + len(BEFORE))
_ROW = Struct(f"{BEFORE_PART.stop + 1}d")  # packing takes less time than a numpy array of this size

PERMUTED = 16  # added to the variant of an operator that reads a tensor with a permuted layout


FIRST = np.array([-1.0] + [0.0] * len(PASSED_ON))
"""BEFORE of a network's first node."""


class Features(NamedTuple):
    """One row per node, in the graph's order."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]  # nodes × WORK
    columns: NDArray[np.float64]  # nodes × COLUMNS


class Nodes(NamedTuple):
    """Cached features of consecutive nodes. They hold no numbers whose meaning depends on other nodes."""

    kinds: tuple[str, ...]
    rows: bytes  # their `_ROW`s
    codes: tuple[str, ...]  # equal for nodes that run the same machine code
    shapes: tuple[_OnShapes, ...]  # equal for nodes that run it on the same shapes


class _OnShapes:
    """An operator on its shapes, with its hash computed once."""

    __slots__ = ("_hash", "_key")

    def __init__(self, *key: Hashable):
        self._key, self._hash = key, hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OnShapes) and self._key == other._key


def features(graph: Graph, batch: int = 1, device: str = "cpu") -> Features:
    """The features of every node. Raises CostError, with the node's path, for an operator without a kind.

    `batch`: images per call; `device`: a torch device type, because kernel starts are counted differently on a GPU.
    """
    order = memory_order(graph, batch)
    if graph.subgraphs and order == NOTHING:
        parts = [of_block(block, batch) for block in graph.subgraphs]
    else:
        parts = [_of_nodes(graph.nodes, graph.shapes, order, batch)]
    kinds = tuple(chain.from_iterable([part.kinds for part in parts]))
    table = np.frombuffer(b"".join([part.rows for part in parts])).reshape(len(kinds), -1)
    work, static, passed_on = table[:, WORK_PART], table[:, STATIC_PART], table[:, BEFORE_PART]
    if device != "cpu":  # there the groups of a convolution are one kernel
        work = np.c_[np.ones(len(kinds)), work[:, 1:]]
    codes = _numbered(chain.from_iterable([part.codes for part in parts]))
    same = _numbered(chain.from_iterable([part.shapes for part in parts]))
    weights = work[:, WORK.index("bytes_weights")]
    size = np.concatenate(([4.0 * batch * prod(graph.input)], table[:, -1]))
    touched = ages(lives(graph), size, weights, codes, same)
    columns = np.empty((len(kinds), len(COLUMNS)))
    columns[:, : len(STATIC)] = static
    columns[:, len(STATIC) : len(STATIC) + len(DYNAMIC)] = dynamic_columns(touched, weights.sum()).T
    columns[:, len(STATIC) + len(DYNAMIC) :] = columns_before(passed_on, FIRST)
    return Features(kinds, work, columns)


def dynamic_columns(touched: Ages, network_weights: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """DYNAMIC × nodes; `network_weights`: bytes of weights of the network of each node."""
    rows = np.empty((len(DYNAMIC), len(touched.uses)))
    rows[:4] = np.log(np.array(touched[:4]) + FLOOR)
    rows[4] = np.minimum(touched.uses, 6)
    rows[5] = np.log(network_weights + FLOOR)
    return rows


def _numbered(keys: Iterable[Hashable]) -> NDArray[np.int64]:
    """A number per key, equal for equal keys."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


@cached(2048, "an edit leaves most blocks as they were")
def of_block(block: Subgraph, batch: int) -> Nodes:
    """The features of a block's nodes by themselves."""
    return _of_nodes(block.nodes, block.shapes, NOTHING, batch)


def _of_nodes(nodes: Sequence[Node], shapes: Mapping[str, Shape], order: MemoryOrder, batch: int) -> Nodes:
    found = []
    for path, op, inputs, output in nodes:
        try:
            permuted, view = not order.permuted.isdisjoint(inputs), path in order.views
            found.append(_static(op, batch, permuted, view, output, *[shapes[source] for source in inputs]))
        except CostError as error:
            raise CostError(f"{path}: {error}") from None
    kinds, rows, codes, on_shapes = zip(*found)
    return Nodes(kinds, b"".join(rows), codes, on_shapes)


def columns_before(passed_on: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """BEFORE of each node: the last node that was not a view, which runs nothing; `first` for the first one."""
    ran = np.arange(len(passed_on))
    ran[1:][passed_on[:-1, 0] == _NUMBERS["view"]] = 0
    return np.concatenate((first[None], passed_on))[np.maximum.accumulate(ran)]


@cached(1 << 13, "networks repeat operators on the same shapes")
def _static(
    op: Op, batch: int, permuted: bool, view: bool, output: Shape, *inputs: Shape
) -> tuple[str, bytes, str, _OnShapes]:
    """(kind, a `_ROW`, machine code, operator on shapes) of one operator; `view`: a reshape that copies nothing."""
    inputs = inputs or (output,)  # a computed tensor reads parameters alone
    kind, variant = VARIANTS[ops.View] if view else kind_of(op, inputs, batch)
    view = kind == "view"
    variant += PERMUTED * (permuted and not view)
    bytes_in = 0 if view else 4 * batch * sum(map(prod, inputs))
    bytes_out = 0 if view else 4 * batch * prod(output)
    bytes_weights = 4 * weights_read(op, inputs)
    mult_adds = batch * op.mult_adds(*inputs)
    if kind in ("max_pool", "average_pool"):
        mult_adds = batch * output.elements * prod(cast(ops.MaxPool, op).kernel)  # what it compares or adds
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
    work = (starts_of(op, kind, groups), bytes_in, bytes_out, bytes_weights, mult_adds)
    before = (_NUMBERS.get(kind, len(_NUMBERS)), *_passed_on(columns))
    code = CODE.get(kind) or f"{kind} {variant}"
    row = _ROW.pack(*work, *columns, *before, 4 * batch * prod(output))
    return kind, row, code, _OnShapes(op, batch, permuted, view, output, *inputs)


def _window(op: Op, x: Shape, output: Shape) -> tuple[int, int, int]:
    """(kernel, stride, groups), 1 where an operator has none; a shuffle's groups are its own."""
    kernel = getattr(op, "kernel", None)
    if isinstance(kernel, tuple):
        return max(kernel), max(cast(ops.Conv2d, op).stride), getattr(op, "groups", 1)
    if kernel:
        one_dimensional = cast(ops.Conv1d, op)
        return kernel, one_dimensional.stride, one_dimensional.groups
    if type(op) in (ops.AdaptiveAvgPool, ops.AdaptiveMaxPool):
        return -(-x.height // output.height), max(1, x.height // output.height), 1
    return 1, 1, getattr(op, "groups", 1)


ONE = (1,)
"""What a tensor without axes, a number for each image, is computed as."""


def _widths(op: Op, x: Shape, output: Shape) -> tuple[int, int, int]:
    """What a kernel's inner loop runs along, in and out, and how often: channels and pixels, or a row and the rows."""
    if type(op) not in ROWS:
        return (x or ONE)[0], (output or ONE)[0], prod(output[1:])
    if type(op) in (ops.LayerNorm, ops.RMSNorm):
        row = prod(x[-cast(ops.LayerNorm, op).axes :])
        return row, row, x.elements // row
    if type(op) is ops.Softmax:
        return x[op.axis], x[op.axis], x.elements // x[op.axis]
    if type(op) in (ops.Mean, ops.Sum, ops.Amax):
        return x.elements // output.elements, 1, output.elements
    return x[-1], output[-1], prod(output[:-1])
