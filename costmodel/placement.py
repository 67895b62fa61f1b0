"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations with a best-fit heap and counts the bytes that went through the caches since each last touch (an
LRU stack distance, in bytes).

Bytes, not time; no fitting. What is free (`costmodel.counts.FREE`: views and identities) owns no memory.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Hashable, Sequence
from math import prod
from typing import NamedTuple

from archs.graph import Graph
from archs.ops import Module
from costmodel.counts import FREE


class Ages(NamedTuple):
    """Bytes moved since a last touch, one entry per node; `uses`: how often its kernel ran before in this pass."""

    inputs: tuple[float, ...]
    place: tuple[float, ...]
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
    memory = _Levels(total)
    touched = [0.0] * len(size)
    kernel_seen: dict[Hashable, float] = {}
    shape_seen: dict[Hashable, float] = {}
    uses: dict[Hashable, int] = {}
    now, live, found = 0.0, 0, []
    for node, (reads, weight, kernel, shape) in enumerate(zip(sources, weights, kernels, shapes), 1):
        bytes_in = 0
        age_in = age_out = 0.0
        for source in reads:
            bytes_in += size[source]
            age_in += (now - touched[owner[source]]) * size[source]
        kernel_age = now - kernel_seen.get(kernel, -total)
        shape_age = now - shape_seen.get(shape, -total)
        if owner[node] == node:
            begun, now = now, now + bytes_in + size[node] + weight
            age_out = begun - memory.touch(live, live + size[node], now)
            live += size[node]
            touched[node] = now
        for source in reads:
            touched[owner[source]] = now
        kernel_seen[kernel] = shape_seen[shape] = now
        uses[kernel] = count = uses.get(kernel, -1) + 1
        found.append((age_in / bytes_in, age_out, kernel_age, shape_age, count))
        for dead in ends[node]:
            live -= size[dead]
    return Ages(*zip(*found))


def _lives(graph: Graph) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """(what each node reads, the tensor that owns each tensor's memory, per tensor those that die after its node).

    Tensors are numbered in the graph's order; the image is 0. One lives as long as the exported text has a name for it:
    `x = self.dw_act(self.dw_bn(self.dw(x)))` keeps the old x to its end, `return self.act(x + y)` keeps both, and what
    a module takes in its caller keeps until the module returns.
    """
    number = {path: tensor for tensor, path in enumerate(graph.shapes)}
    sources = [[number[path] for path in node.inputs] for node in graph.nodes]
    frames = _Frames(graph, sources)
    owner = list(range(len(number)))
    last = [0] * len(number)
    for tensor, (node, reads, line) in enumerate(zip(graph.nodes, sources, frames.line[1:]), 1):
        if type(node.op) in FREE:
            owner[tensor] = owner[reads[0]]
        for source in reads:
            end = tensor if frames.line[source] == line else line  # in a line of its own it has no name
            source = owner[source]
            if end > last[source]:
                last[source] = end
    for source, end in frames.kept:
        last[owner[source]] = max(end, last[owner[source]])
    ends: list[list[int]] = [[] for _ in number]
    for tensor, end in enumerate(last):
        if end and tensor:
            ends[end].append(tensor)
    return sources, owner, ends


class _Frames:
    """The functions of the exported text, which hold on to what they have names for."""

    def __init__(self, graph: Graph, sources: Sequence[list[int]]):
        self._graph = graph
        self._sources = sources
        self._paths = [node.path.split("/") for node in graph.nodes]
        self._blocks = {path for path, _ in graph.kinds}
        self.line = list(range(len(sources) + 1))
        """Per tensor the last one that is made in the same line."""
        self.kept: list[tuple[int, int]] = []
        """(a tensor that a module takes in, the module's last node)."""
        position = 0
        while position < len(sources):
            position, _ = self._member(position, 0)

    def _member(self, first: int, depth: int) -> tuple[int, list[int]]:
        """What begins at a node, an operator or a scope of them: (the position behind it, what it reads)."""
        path = self._paths[first]
        if len(path) == depth + 1:
            return first + 1, self._sources[first]
        scope, count = path[: depth + 1], len(self._paths)
        names, lasts, reads = [], [], []
        position = first
        while position < count and self._paths[position][: depth + 1] == scope:
            leaf = len(self._paths[position]) == depth + 2
            names.append(self._paths[position][depth + 1] if leaf else "")
            position, read = self._member(position, depth + 1)
            lasts.append(position)
            reads.append(read)
        outside = reads[0] if len(reads) == 1 else sorted({x for read in reads for x in read if x <= first})
        block = "/".join(scope) in self._blocks
        chain = all(read == [before] for read, before in zip(reads[1:], lasts))
        if not (chain and (block or self._modular(names, lasts))):
            chain = False
            self._lines(names, lasts, reads, returns=block)
        if (block or chain) and len(outside) == 1:
            self.kept.append((outside[0], position))
        return position, outside

    def _modular(self, names: Sequence[str], lasts: Sequence[int]) -> bool:
        """Whether none of a scope's operators is written as an expression."""
        leaves = [self._graph.nodes[last - 1] for name, last in zip(names, lasts) if name]
        return all(isinstance(node.op.spelling(*self._graph.input_shapes(node)), Module) for node in leaves)

    def _lines(self, names: Sequence[str], lasts: Sequence[int], reads: Sequence[list[int]], returns: bool) -> None:
        """conv, conv_bn and conv_act stand in one line, and what a block returns. A module's name is ""."""
        begun, head = 0, ""
        for i, name in enumerate(names):
            goes_on = i and reads[i] == [lasts[i - 1]] and (name.startswith(head) or (returns and i == len(names) - 1))
            if not goes_on:
                begun, head = i, f"{name}_"
            for one in range(begun, i + 1):
                if names[one]:
                    self.line[lasts[one]] = lasts[i]


class _Levels:
    """When each byte was last touched of memory that is packed: what lives lies below what is allocated next."""

    def __init__(self, untouched: float):
        self._starts = [0.0]
        self._times = [-untouched]

    def touch(self, low: float, high: float, now: float) -> float:
        """When the bytes from `low` to `high` were last touched, on average; now they are."""
        starts, times = self._starts, self._times
        first, last = bisect(starts, low) - 1, bisect(starts, high) - 1
        was = edge = 0.0
        for i in range(first, last + 1):
            begin = max(starts[i], low)
            edge = starts[i + 1] if i < last else high
            was += (edge - begin) * times[i]
        rest = times[last]
        keep = [starts[first]] if starts[first] < low else []
        starts[first : last + 1] = [*keep, low, high]
        times[first : last + 1] = [*times[first : first + len(keep)], now, rest]
        return was / (high - low)
