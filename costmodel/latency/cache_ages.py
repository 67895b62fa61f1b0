"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations (`costmodel.latency.liveness`) in packed memory and counts the bytes that went through the
caches since
each last touch (an LRU stack distance, in bytes).

Bytes, not time; no fitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from costmodel.latency.liveness import Lives


class Ages(NamedTuple):
    """Bytes moved since a last touch, one entry per node; `uses`: how often its kernel ran before in this pass."""

    inputs: NDArray[np.float64]
    place: NDArray[np.float64]
    kernel: NDArray[np.float64]
    shape: NDArray[np.float64]
    uses: NDArray[np.int64]


def ages(
    found: Lives,
    size: NDArray[np.float64],
    weights: NDArray[np.float64],
    kernels: NDArray[np.float64],
    shapes: NDArray[np.float64],
) -> Ages:
    """`size`: bytes of each tensor, the image first; `weights`: of each node's parameters; `kernels`, `shapes`: numbers
    that are equal where nodes share machine code, and where they run it on the same shape.

    A steady state is assumed: what this pass has not touched yet, the pass before has touched.
    """
    total = weights.sum() + 2 * size.sum()
    taken = size[found.sources]
    bytes_in = np.bincount(found.readers, taken)
    born = size[1:] * found.owns
    clock = np.empty(len(size) + 1)  # when each node was done, after the 0 of the image; the last: the pass before
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


def _before(keys: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per node the one before it of the same key (nodes count from 1; -1: none), and how many there are before it."""
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
    """When the bytes of each range were last touched before its time, on average; an empty one is touched now.

    Memory is packed, what lives lies below what is allocated next: no range begins above the end of the one before.
    """
    starts: list[float] = []  # of what lies below `level`, the nearest last, and when it was touched
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
