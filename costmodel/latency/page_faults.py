"""Page faults of a network's calls in a plain process, from its allocations and the rules of glibc's malloc.

Weights first, then calls until the heap repeats itself. No time here: a profile has the cost of a fault. Start at
`page_faults`; `costmodel/latency/README.md` has the comparison with counted faults.
"""

from __future__ import annotations

from collections import defaultdict
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.ir.graph import Graph
from costmodel.latency.buffers import ELEMENT, Buffers, buffers_of
from costmodel.latency.glibc_heap import Heap
from costmodel.latency.liveness import Lives, lives

SMALLEST = 1024  # bytes; smaller blocks are served from caches of their own
CALLS = 6  # of which the last counts, unless the heap repeats itself before
PRIMITIVES = (
    ((30_000,), (4_000,), (4_000,)),
    ((13_552, 4_200), (4_200, 4_200), ()),
    ((4_200, 4_200, 4_200, 1_500), (), ()),
    ((4_200, 4_200), (), (13_552,)),
)
"""Bytes that a oneDNN primitive leaves in the heap in the first call: before the node's buffers, before its blocked
output and before its frees. Their order differs between processes; the first is the estimate, all give the range."""


class PageFaults(NamedTuple):
    """Faults per call, in the steady state of a process that runs this network alone."""

    nodes: NDArray[np.float64]
    """In the graph's order."""
    low: float
    high: float
    """Range of the sum over the orders in which the first call may leave primitives in the heap."""

    @property
    def total(self) -> float:
        """Faults per call."""
        return float(self.nodes.sum())


def page_faults(graph: Graph, batch: int = 1) -> PageFaults:
    """Page faults per call with glibc's default settings; `batch`: images per call.

    Raises CostError for an operator without a kind.
    """
    runs = _runs(graph, batch, PRIMITIVES)
    totals = [sum(run) for run in runs]
    return PageFaults(np.array(runs[0], float), min(totals), max(totals))


def expected_faults(graph: Graph, batch: int = 1) -> int:
    """The total of `page_faults` without its range, in a quarter of the time."""
    return sum(_runs(graph, batch, PRIMITIVES[:1])[0])


def _runs(graph: Graph, batch: int, orders: tuple[tuple[tuple[int, ...], ...], ...]) -> list[list[int]]:
    """Faults of each node, for each order in which the first call may leave primitives."""
    shapes = graph.shapes
    buffers = tuple(
        [buffers_of(node.op, batch, node.output, *[shapes[path] for path in node.inputs]) for node in graph.nodes]
    )
    found = lives(graph)
    return [_Run(buffers, found, ELEMENT * batch * prod(graph.input), left).faults() for left in orders]


class _Run:
    """A network on a heap of its own."""

    def __init__(self, buffers: tuple[Buffers, ...], found: Lives, image: int, left: tuple[tuple[int, ...], ...]):
        self._buffers, self._left, self._heap = buffers, left, Heap()
        self._owns = found.owns.tolist()
        self._dying: dict[int, list[int]] = defaultdict(list)
        for node, tensor in zip(found.ends.tolist(), found.dead.tolist()):
            self._dying[node].append(tensor)
        for node_buffers in buffers:
            self._keep((node_buffers.weights,))
        self._keep((image,))

    def faults(self) -> list[int]:
        """Faults of each node in the steady state."""
        before: tuple[object, ...] = ()
        counted: list[int] = []
        for call in range(CALLS):
            counted = self._call(first=call == 0)
            state = self._heap.state()
            if state == before:
                break
            before = state
        return counted

    def _keep(self, sizes: tuple[int, ...]) -> None:
        for size in sizes:
            if size >= SMALLEST:
                self._heap.allocate(size)

    def _call(self, first: bool) -> list[int]:
        heap, blocks, counted = self._heap, dict[int, int](), []
        for i, node in enumerate(self._buffers):
            before = heap.faults
            if self._owns[i]:
                output = self._node(node, first and node.primitive)
                if output:
                    blocks[i + 1] = output
            for tensor in self._dying[i]:
                if tensor in blocks:
                    heap.free(blocks.pop(tensor))
            counted.append(heap.faults - before)
        for block in blocks.values():
            heap.free(block)
        return counted

    def _node(self, node: Buffers, leaves_primitive: bool) -> int:
        """Run one node; the block of its output, 0 for one of less than `SMALLEST` bytes."""
        heap, held = self._heap, list[int]()
        if leaves_primitive:
            self._keep(self._left[0])
        for size, frees in node.steps:
            if frees and leaves_primitive:
                self._keep(self._left[1])
            held.append(heap.allocate(size) if size >= SMALLEST else 0)
            if frees and leaves_primitive:
                self._keep(self._left[2])
            for position in frees:
                if held[position]:
                    heap.free(held[position])
        return held[node.output]
