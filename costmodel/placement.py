"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations with a best-fit heap and counts the bytes that went through the caches since each last touch (an
LRU stack distance, in bytes).

Bytes, not time; no fitting. What is free (`costmodel.counts.FREE`: views and identities) owns no memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod
from typing import NamedTuple

from archs.graph import INPUT, Graph
from costmodel.counts import FREE

PAGE = 4096


class Ages(NamedTuple):
    """Bytes moved since a last touch; `uses` counts how often the node's kernel ran before in this pass."""

    inputs: float
    output: float
    kernel: float
    shape: float
    uses: int


def ages(
    graph: Graph, weights: Sequence[int], kernels: Sequence[Hashable], shapes: Sequence[Hashable], batch: int = 1
) -> list[Ages]:
    """One entry per node. `weights`: bytes of each node's parameters; `kernels`, `shapes`: which nodes share machine
    code, and which of them run it on the same shape.

    A steady state is assumed: what this pass has not touched yet, the pass before has touched.
    """
    size = {path: 4 * batch * prod(shape) for path, shape in graph.shapes.items()}
    owner, ends = _lives(graph)
    total = float(sum(weights) + 2 * sum(size.values()))
    heap = _Heap(total)
    place = {INPUT: heap.take(size[INPUT], 0.0)[0]}
    touched = {INPUT: 0.0}
    kernel_seen: dict[Hashable, float] = {}
    shape_seen: dict[Hashable, float] = {}
    uses: dict[Hashable, int] = {}
    now, found = 0.0, []
    for (path, _, inputs, _), weight, kernel, shape, dying in zip(graph.nodes, weights, kernels, shapes, ends):
        bytes_in = 0
        age_in = age_out = 0.0
        for source in inputs:
            bytes_in += size[source]
            age_in += (now - touched[owner[source]]) * size[source]
        kernel_age = now - kernel_seen.get(kernel, -total)
        shape_age = now - shape_seen.get(shape, -total)
        if owner[path] is path:
            place[path], age_out = heap.take(size[path], now)
            now += bytes_in + size[path] + weight
            touched[path] = now
        for source in inputs:
            touched[owner[source]] = now
        kernel_seen[kernel] = shape_seen[shape] = now
        uses[kernel] = count = uses.get(kernel, -1) + 1
        found.append(Ages(age_in / bytes_in, age_out, kernel_age, shape_age, count))
        for dead in dying:
            heap.give(place[dead], touched[dead])
    return found


def _lives(graph: Graph) -> tuple[dict[str, str], list[list[str]]]:
    """(path → the path that owns its memory, per node the tensors that die after it).

    A tensor that a block takes in lives until the block returns: the caller's variable holds it.
    """
    owner = {INPUT: INPUT}
    block_of = {INPUT: ""}
    last_of_block: dict[str, int] = {}
    for position, node in enumerate(graph.nodes):
        path = node.path
        owner[path] = owner[node.inputs[0]] if type(node.op) in FREE else path
        block_of[path] = block = node.block
        last_of_block[block] = position
    last: dict[str, int] = {}
    for position, (path, _, inputs, _) in enumerate(graph.nodes):
        block = block_of[path]
        for source in inputs:
            end = position if block_of[source] == block else last_of_block[block]
            source = owner[source]
            if end > last.get(source, -1):
                last[source] = end
    del last[INPUT]
    ends: list[list[str]] = [[] for _ in graph.nodes]
    for path, position in last.items():
        ends[position].append(path)
    return owner, ends


class _Heap:
    """Best fit over free chunks that merge with their neighbours, as glibc has it for blocks over 1 KiB."""

    def __init__(self, untouched: float):
        self._free: list[list[float]] = [[0, 1 << 50, -untouched]]  # [start, pages, when last touched], by start

    def take(self, size: int, now: float) -> tuple[tuple[int, int], float]:
        """((start, pages), bytes moved since that memory was touched)."""
        pages = -(-size // PAGE)
        best = None
        for chunk in self._free:
            if chunk[1] >= pages and (best is None or chunk[1] < best[1]):
                best = chunk
        start = best[0]
        best[0] += pages
        best[1] -= pages
        if not best[1]:
            self._free.remove(best)
        return (start, pages), now - best[2]

    def give(self, chunk: tuple[int, int], when: float) -> None:
        start, pages = chunk
        free = self._free
        i = 0
        while free[i][0] < start:
            i += 1
        after = free[i]
        joins_after = start + pages == after[0]
        joins_before = i > 0 and free[i - 1][0] + free[i - 1][1] == start
        if joins_before:
            before = free[i - 1]
            before[2] = _mean(before, pages, when)
            before[1] += pages
            if joins_after and after[1] < 1 << 40:
                before[2] = _mean(before, after[1], after[2])
                before[1] += after[1]
                del free[i]
        elif joins_after and after[1] < 1 << 40:
            after[2] = _mean(after, pages, when)
            after[0] = start
            after[1] += pages
        else:
            free.insert(i, [start, pages, when])


def _mean(chunk: list[float], pages: int, when: float) -> float:
    return (chunk[1] * chunk[2] + pages * when) / (chunk[1] + pages)
