"""Cache ages: bytes that went through the caches since each node's data, memory and code were last touched.

An LRU stack distance in bytes, from a replay of the network's allocations (`costmodel.latency.liveness`) in packed
memory. No time and no fitting here. Start at `ages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from costmodel.latency.liveness import Lives


class Ages(NamedTuple):
    """Bytes moved since the last touch, one entry per node; `uses`: earlier runs of its kernel in this pass."""

    inputs: NDArray[np.float64]
    place: NDArray[np.float64]
    kernel: NDArray[np.float64]
    shape: NDArray[np.float64]
    uses: NDArray[np.int64]


def ages(
    found: Lives,
    size: NDArray[np.float64],
    weights: NDArray[np.float64],
    kernels: NDArray[np.int64],
    shapes: NDArray[np.int64],
) -> Ages:
    """Cache ages of every node in a steady state, where the previous pass touched everything last.

    `size`: bytes of each tensor, the image first; `weights`: bytes of each node's parameters; `kernels`, `shapes`:
    numbers that are equal for nodes with the same machine code, and with the same code on the same shapes.
    """
    total = weights.sum() + 2 * size.sum()
    taken = size[found.sources]
    bytes_in = np.bincount(found.readers, taken)
    born = size[1:] * found.owns
    clock = np.empty(len(size) + 1)  # end of each node, after 0 for the image; the last entry is the previous pass
    clock[0], clock[-1] = 0, -total
    np.cumsum((bytes_in + size[1:] + weights) * found.owns, out=clock[1:-1])
    begun = clock[:-2]
    age_in = np.bincount(found.readers, (begun[found.readers] - clock[found.touched]) * taken) / bytes_in
    grown = born - np.bincount(found.ends, size[found.dead], len(born))
    low = np.cumsum(grown) - grown
    place = begun - _last_touched(low.tolist(), (low + born).tolist(), clock[1:-1].tolist(), -total)
    kernel, uses = _before(kernels)
    shape, _ = _before(shapes)
    return Ages(age_in, place, begun - clock[kernel], begun - clock[shape], uses)


def _before(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per node the previous node with the same key (counted from 1; -1: none), and the number of such nodes."""
    order = keys.argsort(kind="stable")
    ordered = keys[order]
    again = ordered[1:] == ordered[:-1]
    before = np.full(len(keys), -1)
    before[order[1:][again]] = order[:-1][again] + 1
    place = np.arange(len(keys))
    first = place.copy()
    first[1:][again] = 0
    uses = np.empty_like(place)
    uses[order] = place - np.maximum.accumulate(first)
    return before, uses


def _last_touched(
    lows: Sequence[float], highs: Sequence[float], times: Sequence[float], untouched: float
) -> list[float]:
    """Mean time of the last touch of the bytes of each range before its own time; an empty range is touched now.

    Memory is packed: live tensors lie below the next allocation, so no range begins above the end of the previous one.
    """
    starts: list[float] = []  # ranges below `level`, the nearest last, with their last touch
    below: list[float] = []
    ends, above = [inf], [untouched]
    level, found = 0.0, []
    for low, high, now in zip(lows, highs, times):
        if low == high:
            found.append(now)
            continue
        while level > low:
            ends.append(level)
            above.append(below[-1])
            if starts[-1] < low:
                level = low
            else:
                level = starts.pop()
                below.pop()
        was = 0.0
        while ends[-1] <= high:
            end = ends.pop()
            was += (end - level) * above.pop()
            level = end
        was += (high - level) * above[-1]
        starts.append(low)
        below.append(now)
        level = high
        found.append(was / (high - low))
    return found
