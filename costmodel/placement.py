"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations (`costmodel.lifetimes`) in packed memory and counts the bytes that went through the caches since
each last touch (an LRU stack distance, in bytes).

Bytes, not time; no fitting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import count
from math import inf, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.graph import Graph
from costmodel.lifetimes import lives


class Ages(NamedTuple):
    """Bytes moved since a last touch, one entry per node; `uses`: how often its kernel ran before in this pass."""

    inputs: NDArray[np.float64]
    place: NDArray[np.float64]
    kernel: NDArray[np.float64]
    shape: NDArray[np.float64]
    uses: NDArray[np.int64]


def ages(
    graph: Graph,
    weights: Sequence[float] | NDArray[np.float64],
    kernels: Sequence[Hashable],
    shapes: Sequence[Hashable],
    batch: int = 1,
) -> Ages:
    """`weights`: bytes of each node's parameters; `kernels`, `shapes`: which nodes share machine code, and which of
    them run it on the same shape.

    A steady state is assumed: what this pass has not touched yet, the pass before has touched.
    """
    found = lives(graph)
    size = np.fromiter(map(prod, graph.shapes.values()), float) * (4 * batch)
    total = np.sum(weights) + 2 * size.sum()
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
    runs: dict[Hashable, Iterator[int]] = defaultdict(count)
    uses = np.array([next(runs[kernel]) for kernel in kernels])
    return Ages(age_in, place, begun - clock[_before(kernels)], begun - clock[_before(shapes)], uses)


def _before(keys: Iterable[Hashable]) -> list[int]:
    """Per node the one before it of the same key; nodes count from 1; -1: none."""
    seen: dict[Hashable, int] = {}
    before = []
    for node, key in enumerate(keys, 1):
        before.append(seen.get(key, -1))
        seen[key] = node
    return before


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
