"""A mutable graph of ONNX operators, without weights' values, which the rewrites of ONNX Runtime are applied to.

Nodes are numbered as the runtime numbers them: the file's in order, then each new one. Start at `OnnxGraph.add`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

Sizes = tuple[int, ...]

IMAGE_VALUE = "input"
PASS = 1 << 20
"""Numbers that one pass can give: nodes of two segments of a network compare by pass, by segment, then by number."""
TENSOR, BLOCKED_TENSOR, READER = "tensor", "tensor in blocks", "reader"
"""Operators that stand for the rest of a network around a part: for what makes the tensor that the part reads, and for
what reads the part's tensor. No rewrite applies to them."""
LEFT_OUT = ""
"""In the place of an input that is left out before others."""


@dataclass(eq=False, slots=True)
class OnnxNode:
    """One ONNX operator."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    """Of the graph's nodes that it computes, whole or in part."""
    place: str = ""
    """The graph's node that it is part of or inserted for."""
    number: int = -1
    met: int = -1
    """Its position in the runtime's order when equal operators were merged: the first of them was kept."""


class FixedTensor(NamedTuple):
    """A constant tensor of a file: a weight, or a number."""

    sizes: Sizes
    value: tuple[float, ...] | None = None
    """Of small ones that are no weights."""

    @property
    def elements(self) -> int:
        return prod(self.sizes)


class OnnxGraph:
    """Nodes by number, with the maker and the readers of every value."""

    def __init__(self, image: Sizes):
        self.nodes: dict[int, OnnxNode] = {}
        """By number, in the numbers' order."""
        self.shapes: dict[str, Sizes] = {IMAGE_VALUE: image}
        """Value → sizes without the batch; `()` of shape arithmetic."""
        self.constants: dict[str, FixedTensor] = {LEFT_OUT: FixedTensor((0,), ())}
        self.maker: dict[str, OnnxNode] = {}
        self.readers: dict[str, list[OnnxNode]] = {}
        self.output = IMAGE_VALUE
        self.removed: list[str] = []
        """Paths that no node computes any more."""
        self._next = 0

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: dict[str, Any] | None = None,
        paths: tuple[str, ...] = (),
        place: str = "",
    ) -> OnnxNode:
        node = OnnxNode(op, list(inputs), list(outputs), attributes or {}, paths, place or (paths[-1] if paths else ""))
        self._number(node)
        for value in node.outputs:
            self.maker[value] = node
        for value in node.inputs:
            self.readers.setdefault(value, []).append(node)
        return node

    def begin_pass(self) -> None:
        """Let the next number be the first one of a pass."""
        self._next = (self._next // PASS + 1) * PASS

    def _number(self, node: OnnxNode) -> None:
        node.number = self._next
        self._next += 1
        self.nodes[node.number] = node

    def renew(self, node: OnnxNode, op: str) -> None:
        """Let a node be a new one with another operator: the last in number."""
        del self.nodes[node.number]
        node.op = op
        self._number(node)

    def constant(self, sizes: Sizes, value: Sequence[float]) -> str:
        """A constant of known numbers; equal ones are one, as the runtime shares them."""
        name = f"= {sizes} {tuple(value)}"
        self.constants.setdefault(name, FixedTensor(sizes, tuple(value)))
        return name

    def weight(self, path: str, role: str, sizes: Sizes) -> str:
        name = f"{path}.{role}"
        self.constants.setdefault(name, FixedTensor(sizes))
        return name

    def uses(self, value: str) -> int:
        """How often a value is read, the network's output once."""
        return len(self.readers.get(value, ())) + (value == self.output)

    def only_reader(self, node: OnnxNode) -> OnnxNode | None:
        """The node that reads the output of one, where it is the only one and the value is not the network's output."""
        value = node.outputs[0]
        return self.readers[value][0] if value != self.output and len(self.readers.get(value, ())) == 1 else None

    def read(self, node: OnnxNode, index: int, value: str) -> None:
        """Let an input be another value."""
        self.readers[node.inputs[index]].remove(node)
        node.inputs[index] = value
        self.readers.setdefault(value, []).append(node)

    def append_input(self, node: OnnxNode, value: str) -> None:
        node.inputs.append(value)
        self.readers.setdefault(value, []).append(node)

    def forget_input(self, node: OnnxNode, index: int) -> None:
        self.readers[node.inputs.pop(index)].remove(node)

    def drop(self, node: OnnxNode) -> None:
        """Remove a node; its output has no maker until another node makes it."""
        del self.nodes[node.number]
        for value in node.inputs:
            self.readers[value].remove(node)
        for value in node.outputs:
            if self.maker.get(value) is node:
                del self.maker[value]

    def paths_of(self, path: str) -> list[OnnxNode]:
        """The nodes that compute a node of the graph, whole or in part."""
        return [node for node in self.nodes.values() if path in node.paths]

    def replace_uses(self, value: str, other: str) -> None:
        """Let every reader of a value read another one."""
        for node in list(self.readers.get(value, ())):
            for index, read in enumerate(node.inputs):
                if read == value:
                    self.read(node, index, other)
        if self.output == value:
            self.output = other

    def absorb(self, node: OnnxNode, after: OnnxNode) -> None:
        """Let a node compute what its only reader `after` computes, which is removed."""
        value = after.outputs[0]
        self.drop(after)
        self.maker.pop(node.outputs[0], None)
        node.outputs = [value]
        self.maker[value] = node
        node.paths = merged(node.paths, after.paths)
        node.place = after.place

    def ordered(self) -> list[OnnxNode]:
        """The nodes in the runtime's order: depth first from the output, the input with the highest number first."""
        nodes, maker, readers = self.nodes, self.maker, self.readers
        found: list[OnnxNode] = []
        seen: set[int] = set()
        stack = []  # of numbers; ~number where a node's inputs are behind it
        for number, node in nodes.items():
            for value in node.outputs:
                if readers.get(value):
                    break
            else:
                stack.append(number)
        while stack:
            number = stack.pop()
            if number < 0:
                found.append(nodes[~number])
            elif number not in seen:
                seen.add(number)
                stack.append(~number)
                before = [maker[value].number for value in nodes[number].inputs if value in maker]
                if len(before) > 1:
                    before.sort()
                stack += before
        return found

    def by_number(self) -> list[OnnxNode]:
        """The nodes in the file's order, new ones behind."""
        return list(self.nodes.values())

    def has(self, *names: str) -> bool:
        """Whether there are such operators."""
        return any([node.op in names for node in self.nodes.values()])


def merged(paths: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Two lists of paths as one, each path once."""
    return tuple(dict.fromkeys([*paths, *more]))
