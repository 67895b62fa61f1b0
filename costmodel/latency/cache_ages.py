"""Cache ages: bytes that went through the caches since each node's data, memory and code were last touched.

An LRU stack distance in bytes, from a replay of the network's allocations (`costmodel.latency.liveness`) in packed
memory. A stage's allocations are replayed once for all networks (`Touches`), as its addresses depend on nothing before
it but the size of the tensor that it reads. No time and no fitting here. Start at `ages`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
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
    touched: NDArray[np.float64] | None = None,
) -> Ages:
    """Cache ages of every node in a steady state, where the previous pass touched everything last.

    `size`: bytes of each tensor, the image first; `weights`: bytes of each node's parameters; `kernels`, `shapes`:
    numbers that are equal for nodes with the same machine code, and with the same code on the same shapes.
    `nodes`: the number of nodes of each of several networks, concatenated in all other arguments (the tensors with each
    network's image first); None for one network. `touched`: the mean time of the last touch of each allocation's bytes,
    in bytes since the pass began, where it is known; else the allocations are replayed.
    """
    nodes = np.array([len(weights)]) if nodes is None else nodes
    many = len(nodes)
    firsts = np.cumsum(nodes) - nodes  # each network's first node
    network = np.repeat(np.arange(many), nodes)
    made = np.arange(1, len(weights) + 1) + network  # the tensor that each node makes
    total = np.bincount(network, weights, many) + 2 * np.add.reduceat(size, firsts + np.arange(many))
    taken = size[found.sources]
    bytes_in = np.bincount(found.readers, taken)
    untouched = -total[network]  # end of the previous pass
    traffic = (bytes_in + size[made] + weights) * found.owns
    clock = np.zeros(len(size))  # end of each node, after 0 for the image
    clock[made] = _running(traffic, firsts, network)
    begun = clock[made - 1]
    reads = np.bincount(found.readers, (begun[found.readers] - clock[found.touched]) * taken)
    age_in = reads / np.maximum(bytes_in, 1)  # a computed tensor reads parameters alone
    if touched is None:
        touched = _replayed(found, size, clock, made, firsts, nodes, total)
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


def _replayed(
    found: Lives,
    size: NDArray[np.float64],
    clock: NDArray[np.float64],
    made: NDArray[np.int64],
    firsts: NDArray[np.int64],
    nodes: NDArray[np.int64],
    total: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The mean time of the last touch of each allocation's bytes."""
    network = np.repeat(np.arange(len(nodes)), nodes)
    born = size[made] * found.owns
    grown = born - np.bincount(found.ends, size[found.dead], len(born))
    low = _running(grown, firsts, network) - grown
    lows, highs, times = low.tolist(), (low + born).tolist(), clock[made].tolist()
    touched: list[float] = []
    for first, count, since in zip(firsts.tolist(), nodes.tolist(), total.tolist()):
        end = first + count
        touched += _last_touched(lows[first:end], highs[first:end], times[first:end], -since)
    return np.array(touched)


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


Piece = tuple[float, float, float]
"""Addresses from, to; when they were last touched."""


class Touches(NamedTuple):
    """A stage's allocations. Times are in bytes transferred since the stage began."""

    constants: NDArray[np.float64]
    """Per node: Σ bytes × time of what the stage touched before, these bytes, and all bytes of its allocation."""
    before: tuple[tuple[int, float, float], ...]
    """(node, from, to): addresses that the stage touches for the first time."""
    runs: tuple[tuple[float, float, tuple[float, ...], tuple[float, ...]], ...]
    """Neighbouring addresses that the stage touched: from, to, where each piece begins, its last touch."""
    traffic: float
    """Bytes that the stage transfers: its duration."""
    total: float
    """Bytes of its parameters, and twice those of its tensors without the one that it reads."""


def touches(found: Lives, size: NDArray[np.float64], weights: NDArray[np.float64], first: bool) -> Touches:
    """`size`: bytes of the tensor that the stage reads and of those of its nodes; `first`: that one is the image."""
    nodes = len(weights)
    out, made = size[1:], size[1:] * found.owns
    bytes_in = np.bincount(found.readers, size[found.sources], nodes)
    clock = np.cumsum((bytes_in + out + weights) * found.owns)
    grown = made - np.bincount(found.ends, size[found.dead], nodes)
    low = (0.0 if first else size[0]) + np.cumsum(grown) - grown
    constants = np.zeros((3, nodes))
    pieces: list[Piece] = []
    before = []
    for node, (start, bytes_made, now) in enumerate(zip(low.tolist(), made.tolist(), clock.tolist())):
        if not bytes_made:  # touched now
            constants[:, node] = now, 1.0, 1.0
            continue
        end = start + bytes_made
        missing = start
        for begin, until, time in pieces:
            if begin < end and until > start:
                overlap = min(until, end) - max(begin, start)
                constants[0, node] += overlap * time
                constants[1, node] += overlap
                if begin > missing:
                    before.append((node, missing, begin))
                missing = until
        if missing < end:
            before.append((node, missing, end))
        constants[2, node] = bytes_made
        pieces = sorted([*_without(pieces, start, end), (start, end, now)])
    total = float(weights.sum() + 2 * out.sum())
    return Touches(constants, tuple(before), tuple(_runs(pieces)), float(clock[-1]), total)


def _without(pieces: list[Piece], start: float, end: float) -> Iterator[Piece]:
    for begin, until, time in pieces:
        if begin < start:
            yield begin, min(until, start), time
        if until > end:
            yield max(begin, end), until, time


def _runs(pieces: list[Piece]) -> Iterator[tuple[float, float, tuple[float, ...], tuple[float, ...]]]:
    first = 0
    for number in range(1, len(pieces) + 1):
        if number == len(pieces) or pieces[number][0] > pieces[number - 1][1]:
            run = pieces[first:number]
            yield run[0][0], run[-1][1], tuple([piece[0] for piece in run]), tuple([piece[2] for piece in run])
            first = number


class TouchHistory:
    """Last touches of all addresses while a network's stages run: piece i is from `begins[i]` to `begins[i + 1]`."""

    def __init__(self, untouched: float):
        """`untouched`: when the previous pass ended."""
        self._begins, self._times = [0.0], [untouched]

    def sum(self, start: float, end: float) -> float:
        """Σ bytes × last touch over addresses."""
        begins, times = self._begins, self._times
        found = 0.0
        for piece in range(bisect_right(begins, start) - 1, len(begins) - 1):
            until = begins[piece + 1]
            if until >= end:
                return found + (end - start) * times[piece]
            found += (until - start) * times[piece]
            start = until
        return found + (end - start) * times[-1]

    def run(self, stage: Touches, now: float) -> None:
        """The stage runs, beginning at a time."""
        begins, times = self._begins, self._times
        for start, end, starts, touched in stage.runs:
            first = bisect_left(begins, start)
            behind = bisect_left(begins, end)
            later = [now + time for time in touched]
            if behind < len(begins) and begins[behind] == end:
                times[first:behind] = later
                begins[first:behind] = starts
            else:
                times[first:behind] = [*later, times[behind - 1]]
                begins[first:behind] = [*starts, end]
