"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations with a best-fit heap and counts the bytes that went through the caches since each last touch (an
LRU stack distance, in bytes).

Bytes, not time; no fitting. What is free (`costmodel.counts.FREE`: views and identities) owns no memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import inf, prod
from typing import NamedTuple

from archs.graph import Graph, block_of
from costmodel.counts import FREE

PAGE = 4096


class Ages(NamedTuple):
    """Bytes moved since a last touch, one entry per node; `uses`: how often its kernel ran before in this pass."""

    inputs: tuple[float, ...]
    output: tuple[float, ...]
    kernel: tuple[float, ...]
    shape: tuple[float, ...]
    uses: tuple[int, ...]


def ages(
    graph: Graph, weights: Sequence[float], kernels: Sequence[Hashable], shapes: Sequence[Hashable], batch: int = 1
) -> Ages:
    """`weights`: bytes of each node's parameters; `kernels`, `shapes`: which nodes share machine code, and which of
    them run it on the same shape.

    A steady state is assumed: what this pass has not touched yet, the pass before has touched.
    """
    size = [4 * batch * prod(shape) for shape in graph.shapes.values()]
    sources, owner, ends = _lives(graph)
    total = float(sum(weights) + 2 * sum(size))
    heap = _Heap(total)
    pages = [-(-bytes // PAGE) for bytes in size]
    place = [heap.take(pages[0], 0.0)[0]] * len(size)
    touched = [0.0] * len(size)
    kernel_seen: dict[Hashable, float] = {}
    shape_seen: dict[Hashable, float] = {}
    uses: dict[Hashable, int] = {}
    now, found = 0.0, []
    for node, (reads, weight, kernel, shape) in enumerate(zip(sources, weights, kernels, shapes), 1):
        bytes_in = 0
        age_in = age_out = 0.0
        for source in reads:
            bytes_in += size[source]
            age_in += (now - touched[owner[source]]) * size[source]
        kernel_age = now - kernel_seen.get(kernel, -total)
        shape_age = now - shape_seen.get(shape, -total)
        if owner[node] == node:
            place[node], age_out = heap.take(pages[node], now)
            now += bytes_in + size[node] + weight
            touched[node] = now
        for source in reads:
            touched[owner[source]] = now
        kernel_seen[kernel] = shape_seen[shape] = now
        uses[kernel] = count = uses.get(kernel, -1) + 1
        found.append((age_in / bytes_in, age_out, kernel_age, shape_age, count))
        for dead in ends[node]:
            heap.give(place[dead], pages[dead], touched[dead])
    return Ages(*zip(*found))


def _lives(graph: Graph) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """(what each node reads, the tensor that owns each tensor's memory, per tensor those that die after its node).

    Tensors are numbered in the graph's order; the image is 0. One that a block takes in lives until the block returns:
    the caller's variable holds it.
    """
    number = {path: tensor for tensor, path in enumerate(graph.shapes)}
    sources = [
        [number[inputs[0]]] if len(inputs) == 1 else [number[path] for path in inputs]
        for _, _, inputs, _ in graph.nodes
    ]
    owner = list(range(len(number)))
    blocks = [block_of(path) for path in number]
    last_of_block = {block: tensor for tensor, block in enumerate(blocks)}
    last = [0] * len(number)
    for tensor, (reads, (_, op, _, _)) in enumerate(zip(sources, graph.nodes), 1):
        if type(op) in FREE:
            owner[tensor] = owner[reads[0]]
        block = blocks[tensor]
        for source in reads:
            end = tensor if blocks[source] == block else last_of_block[block]
            source = owner[source]
            if end > last[source]:
                last[source] = end
    last[0] = 0
    ends: list[list[int]] = [[] for _ in number]
    for tensor, end in enumerate(last):
        ends[end].append(tensor)  # of the image, what is never read and what owns nothing: 0, which is no node
    return sources, owner, ends


class _Heap:
    """Best fit over free chunks that merge with their neighbours, as glibc has it for blocks over 1 KiB."""

    def __init__(self, untouched: float):
        self._free: list[list[float]] = []  # [start, pages, when last touched], by start
        self._top = 0  # the page from which on all is free, and was touched `untouched` bytes before this pass
        self._untouched = untouched

    def take(self, pages: int, now: float) -> tuple[int, float]:
        """(first page, bytes moved since that memory was touched)."""
        least = inf
        for chunk in self._free:
            if pages <= chunk[1] < least:
                best, least = chunk, chunk[1]
        if least == inf:
            self._top += pages
            return self._top - pages, now + self._untouched
        start, _, when = best
        if least == pages:
            self._free.remove(best)
        else:
            best[0] += pages
            best[1] -= pages
        return start, now - when

    def give(self, start: int, pages: int, when: float) -> None:
        """Neighbours that are free become one chunk with it; their ages are averaged."""
        free = self._free
        i = 0
        for first, size, touched in free:  # two or three: a bisection takes longer
            if first > start:
                break
            if first + size == start:
                start, pages, when = first, size + pages, (size * touched + pages * when) / (size + pages)
                del free[i]
                break
            i += 1
        if i < len(free):
            first, size, touched = free[i]
            if start + pages == first:
                free[i] = [start, pages + size, (pages * when + size * touched) / (pages + size)]
                return
        free.insert(i, [start, pages, when])
