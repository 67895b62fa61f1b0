"""Page faults of a network's calls in a plain process, from its allocations and the rules of glibc's malloc.

Weights first, then calls until the heap repeats itself. No time here: a profile has the cost of a fault. Start at
`page_faults`; `costmodel/latency/README.md` has the comparison with counted faults.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
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
FIRST_CALL = (2048, 2048, 1040)  # bytes that the first call leaves in the heap whatever the network
GENERATED = 19_704  # bytes in which oneDNN generates a convolution's code, freed at once
REORDER_CODE = (5496, 3664)  # bytes that the first run of a reorder leaves in the heap
SPREAD = (0.48, 1.79)
"""5th and 95th percentile of the faults of single processes over the estimate, on the development networks."""


class PageFaults(NamedTuple):
    """Faults per call, in the steady state of a process that runs this network alone."""

    nodes: NDArray[np.float64]
    """In the graph's order."""

    @property
    def total(self) -> float:
        """Faults per call of the steady state that the rules give; processes reach others too."""
        return float(self.nodes.sum())

    @property
    def low(self) -> float:
        """Faults per call that 5 % of the processes stay below."""
        return SPREAD[0] * self.total

    @property
    def high(self) -> float:
        """Faults per call that 5 % of the processes exceed."""
        return SPREAD[1] * self.total


def page_faults(graph: Graph, batch: int = 1) -> PageFaults:
    """Page faults per call with glibc's default settings; `batch`: images per call.

    An imported graph is taken as its module runs it: what that writes in place allocates nothing.

    Raises CostError for an operator without a kind.
    """
    shapes = graph.shapes
    buffers = tuple(
        [buffers_of(node.op, batch, node.output, *[shapes[path] for path in node.inputs]) for node in graph.nodes]
    )
    run = _Run(buffers, lives(graph, graph.in_place), ELEMENT * batch * prod(graph.input))
    return PageFaults(np.array(run.faults(), float))


class _Run:
    """A network on a heap of its own."""

    def __init__(self, buffers: tuple[Buffers, ...], found: Lives, image: int):
        self._buffers, self._heap = buffers, Heap()
        self._known: set[Hashable] = {None}
        self._packing = 0
        self._owns = found.owns.tolist()
        self._dying: dict[int, list[int]] = defaultdict(list)
        for node, tensor in zip(reversed(found.ends.tolist()), reversed(found.dead.tolist())):
            self._dying[node].append(tensor)  # the youngest first, as inner calls return before outer ones
        for node_buffers in buffers:
            self._keep((node_buffers.weights,))
        self._keep((image, *FIRST_CALL))

    def faults(self) -> list[int]:
        """Faults of each node in the steady state."""
        before: tuple[object, ...] = ()
        counted: list[int] = []
        for _ in range(CALLS):
            counted = self._call()
            state = self._heap.state()
            if state == before:
                break
            before = state
        return counted

    def _keep(self, sizes: tuple[int, ...]) -> None:
        for size in sizes:
            if size >= SMALLEST:
                self._heap.allocate(size)

    def _call(self) -> list[int]:
        heap, blocks, counted = self._heap, dict[int, int](), []
        for i, node in enumerate(self._buffers):
            before = heap.faults
            if self._owns[i]:
                output = self._node(node)
                if output:
                    blocks[i + 1] = output
            for tensor in self._dying[i]:
                if tensor in blocks:
                    heap.free(blocks.pop(tensor))
            counted.append(heap.faults - before)
        for block in blocks.values():
            heap.free(block)
        return counted

    def _node(self, node: Buffers) -> int:
        """Run one node; the block of its output, 0 for one of less than `SMALLEST` bytes."""
        heap, allocated = self._heap, list[int]()
        if self._is_new(node.primitive):
            self._keep(node.code[:2])
            heap.free(heap.allocate(GENERATED))
            self._keep(node.code[2:])
        for size, frees, reorder in node.allocations:
            allocated.append(heap.allocate(size) if size >= SMALLEST else 0)
            if self._is_new(reorder):
                generated = heap.allocate(REORDER_CODE[0])
                self._keep(REORDER_CODE)
                heap.free(generated)
            if node.packing > self._packing and len(allocated) == len(node.allocations):
                self._packing = node.packing
                heap.allocate(node.packing)
            for position in frees:
                if allocated[position]:
                    heap.free(allocated[position])
        return allocated[node.output]

    def _is_new(self, identity: Hashable) -> bool:
        if identity in self._known:
            return False
        self._known.add(identity)
        return True
