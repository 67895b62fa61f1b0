"""Memory that PyTorch's CPU operators allocate per node: output, oneDNN's reordered copies, im2col columns, slices.

Traced on torch 2.13.0 with oneDNN on a CPU with AVX2, at batch 1 and 8, by recording the allocations of each node.
Lifetimes within a node only; across nodes they are in `costmodel.latency.liveness`. Start at `buffers_of`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod
from typing import NamedTuple

from archs.caching import cached
from archs.ir import ops
from archs.ir.ops import Op, Shape
from costmodel.latency.operator_kinds import kind_of

VECTOR = 8  # channels in a block of oneDNN's layout on AVX2 (nChw8c): reordered copies are padded to it
PLAIN_CHANNELS = 3  # of an input that oneDNN's convolutions read without a reordered copy
ELEMENT = 4  # bytes of float32
CODE = (2216, 6560, 13552, 13552, 4592)  # bytes: descriptor, primitive, its generated code twice, its object
ONEDNN = ("convolution", "depthwise", "grouped_convolution")
PRODUCTS = ("pointwise", "native_convolution", "grouped_pointwise")
STRIDED_POINTWISE_CODE = (2216, 6560, 19704, 19704, 4192, 3784)
GATHER_SLACK = 128  # bytes that a strided 1×1 convolution allocates beside its gathered pixels
PACKED_PIXELS = 6400  # MKL packs at most so many columns at once


class Allocation(NamedTuple):
    """One allocation of a node, and the earlier ones that are freed behind it, by position and in order."""

    size: int
    frees: tuple[int, ...] = ()
    reorder: Hashable = None
    """Identity of the oneDNN reorder that fills it. Its first run leaves code in memory."""


class Buffers(NamedTuple):
    """Allocations of one node, in bytes."""

    allocations: tuple[Allocation, ...]
    output: int
    """Position of the output among the allocations; it lives on."""
    weights: int
    primitive: Hashable = None
    """Identity of the oneDNN convolution. Its first run leaves `code` in memory."""
    code: tuple[int, ...] = ()
    packing: int = 0
    """Bytes that MKL's matrix product needs for packed operands; MKL keeps them for later products."""


@cached(1 << 13, "networks repeat operators on the same shapes")
def buffers_of(op: Op, batch: int, output: Shape, *inputs: Shape) -> Buffers:
    """The allocations of one operator on its shapes. Raises CostError for an operator without a kind."""
    kind, _ = kind_of(op, inputs, batch)
    bytes_out = ELEMENT * batch * prod(output)
    weights = ELEMENT * op.params(*inputs)
    allocations: Sequence[Allocation] = [Allocation(bytes_out)]
    position = 0
    if isinstance(op, ops.Conv2d) and kind in ONEDNN:
        allocations = _onednn_convolution(op, inputs[0], output, batch, weights)
        position = len(allocations) - 1
    elif isinstance(op, ops.Conv2d) and kind == "native_convolution":
        allocations = [
            Allocation(ELEMENT * batch * inputs[0][0] * prod(op.kernel) * prod(output[1:])),
            Allocation(bytes_out, (0,)),
        ]
        position = 1
    elif isinstance(op, ops.Conv2d) and kind == "grouped_pointwise":
        allocations = _by_groups(op.groups, ELEMENT * batch * prod(inputs[0]), bytes_out, batch)
        position = len(allocations) - 1
    elif kind == "max_pool":  # beside the maxima their positions, in 8 bytes each
        allocations = [Allocation(bytes_out), Allocation(2 * bytes_out, (1,))]
    if kind not in ONEDNN:
        return Buffers(tuple(allocations), position, weights, packing=_packing(op, kind, output))
    code = STRIDED_POINTWISE_CODE if _is_strided_pointwise(op) else CODE
    return Buffers(tuple(allocations), position, weights, (op, batch, inputs), code)


def _is_strided_pointwise(op: Op) -> bool:
    return isinstance(op, ops.Conv2d) and op.kernel == (1, 1)


def _packing(op: Op, kind: str, output: Shape) -> int:
    """Traced for 16 to 256 output channels and 49 to 20,736 pixels; exact from 400 pixels on."""
    if not isinstance(op, ops.Conv2d) or kind not in PRODUCTS:
        return 0
    return 1024 * (output[0] // op.groups) + 512 * min(prod(output[1:]), PACKED_PIXELS) + 17056


def _onednn_convolution(op: ops.Conv2d, x: Shape, output: Shape, batch: int, weights: int) -> list[Allocation]:
    """Reordered input and weights, the blocked output, then the plain output."""
    allocations = []
    if _is_strided_pointwise(op):  # it first gathers the pixels that it reads
        allocations.append(Allocation(ELEMENT * x[0] * prod(output[1:]) + GATHER_SLACK))
    if x[0] > PLAIN_CHANNELS:
        allocations.append(Allocation(ELEMENT * batch * _padded(x[0]) * prod(x[1:]), reorder=("input", batch, x)))
    allocations.append(Allocation(weights, reorder=("weights", op.kernel, op.groups, x[0], output[0])))
    early = tuple(reversed(range(len(allocations))))
    allocations.append(Allocation(ELEMENT * batch * _padded(output[0]) * prod(output[1:]), early))
    plain = ELEMENT * batch * prod(output)
    return [*allocations, Allocation(plain, (len(allocations) - 1,), ("output", batch, output))]


def _padded(channels: int) -> int:
    return -(-channels // VECTOR) * VECTOR


def _by_groups(groups: int, bytes_in: int, bytes_out: int, batch: int) -> list[Allocation]:
    """One convolution per group, whose outputs are concatenated; of several images each group's input is copied."""
    if batch == 1:
        return [*[Allocation(bytes_out // groups)] * groups, Allocation(bytes_out, tuple(range(groups)))]
    allocations = []
    for group in range(groups):
        allocations += [Allocation(bytes_in // groups), Allocation(bytes_out // groups, (2 * group,))]
    return [*allocations, Allocation(bytes_out, tuple(range(1, 2 * groups, 2)))]
