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
    """Bytes transferred since the last access, per node; `uses`: earlier runs of its kernel in this pass."""

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
    nodes: NDArray[np.int64] | None = None,
) -> Ages:
    """Cache ages of every node in a steady state, where the previous pass touched everything last.

    `size`: bytes of each tensor, the image first; `weights`: bytes of each node's parameters; `kernels`, `shapes`:
    numbers that are equal for nodes with the same machine code, and with the same code on the same shapes.
    `nodes`: the number of nodes of each of several networks, concatenated in all other arguments (the tensors with each
    network's image first); None for one network.
    """
    nodes = np.array([len(weights)]) if nodes is None else nodes
    many = len(nodes)
    firsts = np.cumsum(nodes) - nodes  # each network's first node
    network = np.repeat(np.arange(many), nodes)
    made = np.arange(1, len(weights) + 1) + network  # the tensor that each node makes
    total = np.bincount(network, weights, many) + 2 * np.add.reduceat(size, firsts + np.arange(many))
    taken = size[found.sources]
    bytes_in = np.bincount(found.readers, taken)
    born = size[made] * found.owns
    untouched = -total[network]  # end of the previous pass
    traffic = (bytes_in + size[made] + weights) * found.owns
    clock = np.zeros(len(size))  # end of each node, after 0 for the image
    clock[made] = _running(traffic, firsts, network)
    begun = clock[made - 1]
    age_in = np.bincount(found.readers, (begun[found.readers] - clock[found.touched]) * taken) / bytes_in
    grown = born - np.bincount(found.ends, size[found.dead], len(born))
    low = _running(grown, firsts, network) - grown
    lows, highs, times = low.tolist(), (low + born).tolist(), clock[made].tolist()
    touched: list[float] = []
    for first, count, since in zip(firsts.tolist(), nodes.tolist(), total.tolist()):
        end = first + count
        touched += _last_touched(lows[first:end], highs[first:end], times[first:end], -since)
    kernel, uses = _before(kernels, network, many)
    shape, _ = _before(shapes, network, many)
    done = clock[made]
    return Ages(
        age_in,
        begun - touched,
        begun - np.where(kernel < 0, untouched, done[kernel]),
        begun - np.where(shape < 0, untouched, done[shape]),
        uses,
    )


def _running(values: NDArray[np.float64], firsts: NDArray[np.int64], network: NDArray[np.int64]) -> NDArray[np.float64]:
    """Running sums per network. Exact, because the values are integers."""
    sums = np.cumsum(values)
    return sums - (sums - values)[firsts][network]


def _before(
    keys: NDArray[np.int64], network: NDArray[np.int64], many: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per node the previous node with the same key in its network (-1: none), and the number of such nodes."""
    if many > 1:
        keys = keys + network * (keys.max() + 1)
    order = keys.argsort(kind="stable")
    ordered = keys[order]
    again = ordered[1:] == ordered[:-1]
    before = np.full(len(keys), -1)
    before[order[1:][again]] = order[:-1][again]
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
