"""Kernels → the terms of a device's latency: quantities of work, each of which takes time in proportion.

A latency is the sum of the terms, each times a non-negative weight of the device. No weights and no times here. The
terms that a processor has no use for are 0: a call on a CPU starts nothing but its kernels, and a GPU's convolutions
write no matrix of columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.caching import cached
from archs.ir.graph import Graph
from costmodel.devices.kernels import Kernel, absorbed, kernels

TERMS = (
    "calls", "kernels", "group_starts", "pointwise_mult_adds", "tile_mult_adds", "grouped_mult_adds",
    "convolution_mult_adds", "depthwise_mult_adds", "linear_mult_adds", "convolution_elements", "depthwise_elements",
    "depthwise_outputs", "convolution_weights", "convolution_columns", "elementwise_elements", "absorbed_elements",
    "copied_elements", "pooled_elements",
)  # fmt: skip
BOUND = dict(zip(TERMS, ("launch",) * 3 + ("compute",) * 6 + ("memory",) * 9))
"""What each term stands for: starting kernels, arithmetic, or moving data."""
DESCRIBED = (
    "log_mult_adds", "log_elements", "log_kernels", "log_weights", "depthwise", "elementwise", "copied", "spatial",
    "log_batch",
)  # fmt: skip
"""The coordinates in which two networks are near each other: size, then the kind of work relative to its amount."""
PROCESSORS = {"cpu": "cpu", "gpu": "gpu", "npu": "gpu"}
"""Kind of device → whose terms it has: an accelerator behind a driver is nearer to a GPU than to a CPU."""


class MatrixTile(NamedTuple):
    """A matrix product works on tiles: its sizes are rounded up to them."""

    depth: int
    channels: int
    pixels: int


TILES = {"cpu": MatrixTile(8, 8, 8), "gpu": MatrixTile(8, 32, 32)}
"""8 is two 128-bit vectors of float32; a GPU's threads go in 32s."""

_MULT_ADDS = {
    "pointwise": "pointwise_mult_adds", "grouped": "grouped_mult_adds", "convolution": "convolution_mult_adds",
    "depthwise": "depthwise_mult_adds", "linear": "linear_mult_adds",
}  # fmt: skip
_MOVED = {"elementwise": "elementwise_elements", "copy": "copied_elements"}
_AT = {name: number for number, name in enumerate(TERMS)}


@cached(512, "one network is priced on several devices")
def of_kernels(graph: Graph, fused: bool, batch: int, kind: str) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """For each kernel and absorbed activation the number of its node, and the terms, × TERMS; without the call's.

    `kind` is that of the device, of PROCESSORS.
    """
    processor = PROCESSORS[kind]
    found = kernels(graph, fused)
    joined = absorbed(graph) if fused else ()
    rows = [_terms(k, batch, processor) for k in found]
    for _, elements in joined:
        rows.append([0.0] * len(TERMS))
        rows[-1][_AT["absorbed_elements"]] = float(elements * batch)
    owners = (*(k.node for k in found), *(number for number, _ in joined))
    return owners, np.array(rows).reshape(-1, len(TERMS))


def of_network(graph: Graph, fused: bool, batch: int, kind: str) -> NDArray[np.float64]:
    """The terms of one call of a network, on a device of a kind."""
    _, parts = of_kernels(graph, fused, batch, kind)
    total = parts.sum(axis=0)
    total[_AT["calls"]] = 1.0 if PROCESSORS[kind] == "gpu" else 0.0
    return total


def _terms(k: Kernel, batch: int, processor: str) -> list[float]:
    tile = TILES[processor]
    terms = [0.0] * len(TERMS)
    terms[_AT["kernels"]] = 1.0
    traffic = float((k.read + k.written) * batch)
    if k.kind in _MULT_ADDS:
        terms[_AT[_MULT_ADDS[k.kind]]] = float(k.mult_adds * batch)
    if k.kind == "grouped":
        terms[_AT["group_starts"]] = float(k.groups)
    if k.kind in ("pointwise", "grouped"):
        depth, channels = _up(k.depth, tile.depth), _up(k.channels // k.groups, tile.channels)
        terms[_AT["tile_mult_adds"]] = float(depth * channels * k.groups * _up(k.pixels * batch, tile.pixels))
    if k.kind in ("pointwise", "grouped", "convolution"):
        terms[_AT["convolution_elements"]] = traffic
        terms[_AT["convolution_weights"]] = float(k.weights)
    if processor == "cpu" and k.kind == "convolution":
        terms[_AT["convolution_columns"]] = float(k.depth * k.pixels * batch)
    if k.kind == "depthwise":
        terms[_AT["depthwise_elements"]] = traffic
        terms[_AT["depthwise_outputs"]] = float(k.written * batch)
    if k.kind in _MOVED:
        terms[_AT[_MOVED[k.kind]]] = traffic
    if k.kind == "pool":
        terms[_AT["pooled_elements"]] = float(k.read * batch)
    return terms


def _up(value: int, tile: int) -> int:
    return -(-value // tile) * tile


def described(terms: NDArray[np.float64], batch: int) -> NDArray[np.float64]:
    """Where a network lies among others (`DESCRIBED`), from its terms."""
    at = {name: float(value) for name, value in zip(TERMS, terms)}
    mult_adds = sum(at[name] for name in _MULT_ADDS.values())
    dense = mult_adds - at["depthwise_mult_adds"]
    traffic = at["convolution_elements"] + at["depthwise_elements"] + at["elementwise_elements"] + 1.0
    slack = 0.02  # a share of 0 and one of 0.1 % are alike

    def share(part: float, whole: float) -> float:
        return float(np.log(part / whole + slack))

    return np.array(
        [
            np.log(mult_adds + 1.0), np.log(traffic), np.log(at["kernels"]), np.log(at["convolution_weights"] + 1.0),
            share(at["depthwise_mult_adds"], dense + 1.0), share(at["elementwise_elements"], traffic),
            share(at["copied_elements"], traffic), share(at["convolution_mult_adds"], mult_adds + 1.0),
            np.log(batch),
        ]
    )  # fmt: skip
