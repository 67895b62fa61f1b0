"""Lifetimes: which tensors own memory, who reads them, and when they die, from the graph's structure alone.

A tensor lives as long as a name in the exported text refers to it; views and identities own no memory. Structures and
their stages are cached, because edits change numbers or one stage. No sizes here. Start at `lives`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Module, Op, Shape
from costmodel.counting.kinds import FREE


class Lives(NamedTuple):
    """Tensors and nodes are numbered in the graph's order; the image is tensor 0, and node 0 makes tensor 1."""

    owns: NDArray[np.bool_]
    """Per node whether its tensor owns memory."""
    readers: NDArray[np.int64]
    """Reads: a node, a tensor, and the tensor whose node touched that memory last."""
    sources: NDArray[np.int64]
    touched: NDArray[np.int64]
    ends: NDArray[np.int64]
    """Deaths: a node, and the tensor whose memory is free after it."""
    dead: NDArray[np.int64]


def lives(graph: Graph) -> Lives:
    """Ownership, reads and deaths of the tensors of a graph."""
    paths, operators, inputs, outputs = zip(*graph.nodes)
    blocks = tuple([path for path, _ in graph.kinds])
    # a pooling that flattens is written as an expression: its output's rank tells
    key = paths, inputs, tuple(map(type, operators)), tuple(map(len, outputs)), blocks
    return _lives(_Structure(graph.shapes, operators, *key))


class _Structure:
    """Nodes of a graph as a cache key: those that differ in numbers alone are equal.

    Not their graph: an imported one has weights, which would be kept with it.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        operators: tuple[Op, ...],
        paths: tuple[str, ...],
        inputs: tuple[tuple[str, ...], ...],
        types: tuple[type[Op], ...],
        ranks: tuple[int, ...],
        blocks: tuple[str, ...],
    ):
        self._shapes, self._operators, self.paths, self.inputs, self.types = shapes, operators, paths, inputs, types
        self.ranks, self.blocks = ranks, blocks
        self._key = paths, inputs, types, ranks, blocks

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self._key == other._key

    def stages(self) -> Iterator[_Structure]:
        """Neighbours whose paths begin alike."""
        inside: dict[str, list[str]] = {}
        for block in self.blocks:
            inside.setdefault(block.partition("/")[0], []).append(block)
        paths, first = [*self.paths, ""], 0
        while first < len(self.paths):
            stage = paths[first].partition("/")[0]
            scope, end = f"{stage}/", first + 1
            while paths[end].startswith(scope):
                end += 1
            part = slice(first, end)
            yield _Structure(
                self._shapes,
                self._operators[part],
                self.paths[part],
                self.inputs[part],
                self.types[part],
                self.ranks[part],
                tuple(inside.get(stage, ())),
            )
            first = end

    def modular(self, position: int) -> bool:
        """Whether a node is written as a module, and not as an expression."""
        inputs = [self._shapes[path] for path in self.inputs[position]]
        return isinstance(self._operators[position].spelling(*inputs), Module)


@lru_cache(256)
def _lives(network: _Structure) -> Lives:
    number = {path: tensor for tensor, path in enumerate((INPUT, *network.paths))}
    sources = np.array([*map(number.__getitem__, chain.from_iterable(network.inputs))])
    tensors = np.arange(len(number))
    readers = np.repeat(tensors[1:], [*map(len, network.inputs)])
    owner = tensors.copy()
    for tensor in [tensor for tensor, kind in enumerate(network.types, 1) if kind in FREE]:
        owner[tensor] = owner[number[network.inputs[tensor - 1][0]]]
    memory = owner[sources]

    touches = memory * len(number) + readers  # in order: each memory's, from the node that makes it to the last
    order = np.sort(np.concatenate([touches, tensors * (len(number) + 1)]))
    touched = order[np.searchsorted(order, touches) - 1] % len(number)

    lines, before = [tensors[:1]], 0
    kept: list[int] = []
    until: list[int] = []
    for stage in network.stages():
        of_stage, names = _frames(stage)
        lines.append(of_stage + before)
        for path, end in names:
            kept.append(number[path])
            until.append(before + end)
        before += len(of_stage)
    line = np.concatenate(lines)
    in_line = line[sources] == line[readers]  # it has no name
    last = np.zeros_like(owner)
    np.maximum.at(last, memory, np.where(in_line, readers, line[readers]))
    np.maximum.at(last, owner[np.array(kept, dtype=int)], np.array(until, dtype=int))
    last[0] = 0  # the image is the caller's
    dead = np.flatnonzero(last)
    return Lives(owner[1:] == tensors[1:], readers - 1, sources, touched, last[dead] - 1, dead)


@lru_cache(512)
def _frames(stage: _Structure) -> tuple[NDArray[np.int64], list[tuple[str, int]]]:
    """What `_Frames` finds: per tensor where its line ends; what is kept, and until when."""
    frames = _Frames(stage)
    return np.array(frames.line[1:]), frames.kept


class _Frames:
    """The functions of a stage's exported text; a tensor lives as long as one of them has a name for it.

    Its tensors count from 1; those of others that it reads count down from 0.
    """

    def __init__(self, stage: _Structure):
        number = {path: tensor for tensor, path in enumerate(stage.paths, 1)}
        for inputs in stage.inputs:
            for path in inputs:
                number.setdefault(path, len(stage.paths) - len(number))
        self._names = {tensor: path for path, tensor in number.items()}
        self._stage = stage
        self._sources = [[number[path] for path in inputs] for inputs in stage.inputs]
        self._paths = [*stage.paths, ""]
        self._blocks = {f"{path}/" for path in stage.blocks}
        self.line = list(range(len(self._paths)))
        """Per tensor the last one that is made in the same line."""
        self.kept: list[tuple[str, int]] = []
        """(the path of a tensor that a module takes in, the module's last node)."""
        position = 0
        while position < len(stage.paths):
            scope, slash, _ = self._paths[position].partition("/")
            position = self._scope(position, f"{scope}/")[0] if slash else position + 1

    def _scope(self, first: int, scope: str) -> tuple[int, list[int]]:
        """What begins at a node and has paths that begin alike: (the position behind it, what it reads)."""
        paths, sources, start = self._paths, self._sources, len(scope)
        names: list[str] = []
        lasts: list[int] = []
        follows: list[bool] = []
        outside: list[int] = []
        position = first
        while (path := paths[position]).startswith(scope):
            before, slash = position, path.find("/", start)
            if slash < 0:
                names.append(path[start:])
                read = sources[position]
                position += 1
            else:
                names.append("")
                position, read = self._scope(position, path[: slash + 1])
            lasts.append(position)
            follow = read == [before]
            follows.append(follow)
            if before == first or not follow:
                outside += read
        if len(names) > 1:
            outside = sorted({tensor for tensor in outside if tensor <= first})
        block = scope in self._blocks
        leaves = [last - 1 for name, last in zip(names, lasts) if name]
        chained = all(follows[1:]) and (block or all(map(self._stage.modular, leaves)))
        if not chained:
            self._lines(names, lasts, follows, returns=block)
        if (block or chained) and len(outside) == 1:
            self.kept.append((self._names[outside[0]], position))
        return position, outside

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
