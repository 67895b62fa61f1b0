"""Where tensors lie and what the caches still hold: how long ago each node's data was touched, in bytes.

An operator's time depends on what ran before it: its input may just have been written, its output may be memory that
was just freed, its machine code may have run a moment ago. All three are knowable without a clock. This file replays a
network's allocations with a best-fit heap and counts the bytes that went through the caches since each last touch (an
LRU stack distance, in bytes).

Bytes, not time; no fitting. What is free (`costmodel.counts.FREE`: views and identities) owns no memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from math import inf, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.graph import Graph
from archs.ops import Module
from costmodel.counts import FREE


class Ages(NamedTuple):
    """Bytes moved since a last touch, one entry per node; `uses`: how often its kernel ran before in this pass."""

    inputs: NDArray[np.float64]
    place: NDArray[np.float64]
    kernel: NDArray[np.float64]
    shape: NDArray[np.float64]
    uses: NDArray[np.int64]


def ages(
    graph: Graph, weights: Sequence[float], kernels: Sequence[Hashable], shapes: Sequence[Hashable], batch: int = 1
) -> Ages:
    """`weights`: bytes of each node's parameters; `kernels`, `shapes`: which nodes share machine code, and which of
    them run it on the same shape.

    A steady state is assumed: what this pass has not touched yet, the pass before has touched.
    """
    lives = _lives(_Structure(graph))
    size = np.array([*map(prod, graph.shapes.values())], dtype=float) * (4 * batch)
    total = sum(weights) + 2 * size.sum()
    taken = size[lives.sources]
    bytes_in = np.bincount(lives.readers, taken)
    born = size[1:] * lives.owns
    clock = np.empty(len(size) + 1)  # when each node was done, after the 0 of the image; the last: the pass before
    clock[0], clock[-1] = 0, -total
    np.cumsum((bytes_in + size[1:] + weights) * lives.owns, out=clock[1:-1])
    begun = clock[:-2]
    age_in = np.bincount(lives.readers, (begun[lives.readers] - clock[lives.touched]) * taken) / bytes_in
    grown = born - np.bincount(lives.ends, size[lives.dead], len(born))
    low = np.cumsum(grown) - grown
    place = begun - _last_touched(low.tolist(), (low + born).tolist(), clock[1:-1].tolist(), -total)
    kernel, uses = _before(kernels)
    shape, _ = _before(shapes)
    return Ages(age_in, place, begun - clock[kernel], begun - clock[shape], np.array(uses))


def _before(keys: Iterable[Hashable]) -> tuple[list[int], list[int]]:
    """Per node the one before it of the same key (nodes count from 1; -1: none), and how many there are before it."""
    seen: dict[Hashable, int] = {}
    before: list[int] = []
    uses: list[int] = []
    for node, key in enumerate(keys, 1):
        last = seen.get(key, -1)
        seen[key] = node
        before.append(last)
        uses.append(uses[last - 1] + 1 if last > 0 else 0)
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


class _Structure:
    """A graph as a cache key: two that differ in numbers alone are equal."""

    def __init__(self, graph: Graph):
        self.graph = graph
        paths, operators, inputs, outputs = zip(*graph.nodes)
        # a pooling that flattens is written as an expression: its output's rank tells
        self._key = paths, inputs, tuple(map(type, operators)), tuple(map(len, outputs)), graph.kinds

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self._key == other._key


class _Lives(NamedTuple):
    """Tensors and nodes are numbered in the graph's order; the image is tensor 0, and node 0 makes tensor 1."""

    owns: NDArray[np.bool_]
    """Per node whether its tensor has memory of its own."""
    readers: NDArray[np.int64]
    """What is read: a node, a tensor, and the tensor whose node touched that memory last."""
    sources: NDArray[np.int64]
    touched: NDArray[np.int64]
    ends: NDArray[np.int64]
    """What dies: a node, and the tensor whose memory is free behind it."""
    dead: NDArray[np.int64]


@lru_cache(256)
def _lives(structure: _Structure) -> _Lives:
    """One lives as long as the exported text has a name for it: `x = self.dw_act(self.dw_bn(self.dw(x)))` keeps the old
    x to its end, `return self.act(x + y)` keeps both, and what a module takes in its caller keeps until the module
    returns.
    """
    graph = structure.graph
    number = {path: tensor for tensor, path in enumerate(graph.shapes)}
    reads = [[number[path] for path in node.inputs] for node in graph.nodes]
    frames = _Frames(graph, reads)
    owner = list(range(len(number)))
    last = [0] * len(number)
    toucher = [0] * len(number)
    touched: list[int] = []
    for tensor, (node, sources, line) in enumerate(zip(graph.nodes, reads, frames.line[1:]), 1):
        owners = [owner[source] for source in sources]
        touched += [toucher[source] for source in owners]
        if type(node.op) in FREE:
            owner[tensor] = owners[0]
        toucher[tensor] = tensor
        for source, memory in zip(sources, owners):
            toucher[memory] = tensor
            end = tensor if frames.line[source] == line else line  # in a line of its own it has no name
            if end > last[memory]:
                last[memory] = end
    for source, end in frames.kept:
        last[owner[source]] = max(end, last[owner[source]])
    dead = [tensor for tensor, end in enumerate(last) if end and tensor]
    return _Lives(
        np.equal(owner[1:], range(1, len(owner))),
        np.repeat(np.arange(len(reads)), [*map(len, reads)]),
        np.array([source for sources in reads for source in sources]),
        np.array(touched),
        np.array([last[tensor] - 1 for tensor in dead], dtype=int),
        np.array(dead, dtype=int),
    )


class _Frames:
    """The functions of the exported text, which hold on to what they have names for."""

    def __init__(self, graph: Graph, sources: Sequence[list[int]]):
        self._graph = graph
        self._sources = sources
        self._paths = [node.path for node in graph.nodes]
        self._blocks = {f"{path}/" for path, _ in graph.kinds}
        self.line = list(range(len(sources) + 1))
        """Per tensor the last one that is made in the same line."""
        self.kept: list[tuple[int, int]] = []
        """(a tensor that a module takes in, the module's last node)."""
        position = 0
        while position < len(sources):
            position, _ = self._member(position, 0)

    def _member(self, first: int, depth: int) -> tuple[int, list[int]]:
        """What begins at a node, an operator or a scope of them, behind so many letters of its path: (the position
        behind it, what it reads).
        """
        paths, start = self._paths, self._paths[first].find("/", depth) + 1
        if not start:
            return first + 1, self._sources[first]
        scope = paths[first][:start]
        names, lasts, reads, follows = [], [], [], []
        position, count = first, len(paths)
        while position < count and paths[position].startswith(scope):
            name, before = paths[position][start:], position
            if "/" in name:
                name = ""
                position, read = self._member(position, start)
            else:
                position, read = position + 1, self._sources[position]
            names.append(name)
            lasts.append(position)
            reads.append(read)
            follows.append(read == [before])
        outside = reads[0] if len(reads) == 1 else sorted({x for read in reads for x in read if x <= first})
        block = scope in self._blocks
        chain = all(follows[1:]) and (block or self._modular(names, lasts))
        if not chain:
            self._lines(names, lasts, follows, returns=block)
        if (block or chain) and len(outside) == 1:
            self.kept.append((outside[0], position))
        return position, outside

    def _modular(self, names: Sequence[str], lasts: Sequence[int]) -> bool:
        """Whether none of a scope's operators is written as an expression."""
        leaves = [self._graph.nodes[last - 1] for name, last in zip(names, lasts) if name]
        return all(isinstance(node.op.spelling(*self._graph.input_shapes(node)), Module) for node in leaves)

    def _lines(self, names: Sequence[str], lasts: Sequence[int], follows: Sequence[bool], returns: bool) -> None:
        """conv, conv_bn and conv_act stand in one line, and what a block returns. A module's name is ""."""
        begun, head = 0, ""
        for i, name in enumerate(names):
            if i and follows[i] and (name.startswith(head) or (returns and i == len(names) - 1)):
                for one in range(begun, i + 1):
                    if names[one]:
                        self.line[lasts[one]] = lasts[i]
            else:
                begun, head = i, f"{name}_"
