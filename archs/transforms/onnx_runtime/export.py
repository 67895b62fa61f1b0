"""An ONNX file of a graph while it is written: values, constants and what several operators need.

What each operator becomes is in `exported`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from archs.ir.graph import INPUT, Graph, Node
from archs.transforms.onnx_runtime.onnx_graph import BLOCKED_TENSOR, IMAGE_VALUE, TENSOR, OnnxGraph, Sizes


class Placement(NamedTuple):
    """Where a graph stands in a network that it is a part of. Its input is the tensor that it reads."""

    image: Sizes
    """The network's input."""
    first: bool
    """Whether it reads the image."""
    last: bool
    """Whether its output is the network's."""
    blocked: bool
    """Whether the tensor that it reads is stored in blocks of channels."""


class Export:
    """The file so far."""

    def __init__(self, graph: Graph, part: Placement | None = None):
        self.graph = graph
        self.onnx = OnnxGraph(part.image if part else graph.input)
        self._values = {INPUT: IMAGE_VALUE}
        if part and not part.first:
            self._values[INPUT] = TENSOR
            self.onnx.shapes[TENSOR] = graph.input
            self.onnx.add(BLOCKED_TENSOR if part.blocked else TENSOR, [], [TENSOR], place=TENSOR)
        self._batch: str | None = None
        self._split: tuple[str, Sizes, list[str]] | None = None
        """The input, sizes and parts of the last operator, where it splits."""

    def value(self, path: str) -> str:
        """The value that a node's output is."""
        return self._values[path]

    def inputs(self, node: Node) -> list[str]:
        return [self._values[path] for path in node.inputs]

    def shape(self, node: Node, index: int = 0) -> Sizes:
        return self.graph.shapes[node.inputs[index]]

    def weight(self, node: Node, role: str, sizes: Sizes) -> str:
        """A weight of a node, that of the earlier node where it shares it."""
        return self.onnx.weight(self.graph.owners.get(node.path, node.path), role, sizes)

    def emit(
        self, node: Node, op: str, inputs: list[str], sizes: Sizes | None = None, last: bool = True, **attributes: Any
    ) -> str:
        """One operator of a node; the `last` gives the node's output."""
        value = node.path if last else self._unused(node.path)
        self._split = None
        self.onnx.shapes[value] = node.output if sizes is None else sizes
        self.onnx.add(op, inputs, [value], attributes, (node.path,))
        if last:
            self._values[node.path] = value
        return value

    def same(self, node: Node, value: str) -> None:
        """Let the node's output be a value, without an operator."""
        self._values[node.path] = value
        if value == self.inputs(node)[0]:
            self.onnx.removed.append(node.path)

    def number(self, value: float) -> str:
        """A constant without axes."""
        return self.onnx.constant((), (float(value),))

    def reshape(self, node: Node, value: str, sizes: Sizes, last: bool = True) -> str:
        """A reshape to sizes behind the batch, which is read from the image: its size is not known in the file."""
        batch = self._arithmetic(node, "Reshape", [self._batch_size(), self.onnx.constant((1,), (-1,))])
        parts = [batch, *[self.onnx.constant((1,), (side,)) for side in sizes]]
        target = self._arithmetic(node, "Concat", parts)
        return self.emit(node, "Reshape", [value, target], sizes, last, allowzero=1)

    def split(self, node: Node, value: str, sizes: Sizes) -> list[str]:
        """The parts of a value along its channels, from one operator for all of them."""
        if self._split is not None and self._split[:2] == (value, sizes):  # of neighbours, as the text of a forward has
            parts = self._split[2]
            maker = self.onnx.maker[parts[0]]
            maker.paths = (*maker.paths, node.path)
            return parts
        parts = [f"{node.path} part {number}" for number in range(len(sizes))]
        rest = tuple(self.shape(node)[1:])
        for part, size in zip(parts, sizes):
            self.onnx.shapes[part] = (size, *rest)
        inputs, attributes = [value], {"axis": 1}
        if len(set(sizes)) == 1:
            attributes["num_outputs"] = len(sizes)
        else:
            inputs.append(self.onnx.constant((len(sizes),), sizes))
        self.onnx.add("Split", inputs, parts, attributes, (node.path,))
        self._split = value, sizes, parts
        return parts

    def _batch_size(self) -> str:
        if self._batch is None:
            onnx = self.onnx
            image = onnx.add("Shape", [IMAGE_VALUE], ["images of the batch"], {"start": 0, "end": 1})
            onnx.add("Squeeze", image.outputs, ["batch"])
            onnx.shapes |= {"images of the batch": (), "batch": ()}
            self._batch = "batch"
            self._first(2)
        return self._batch

    def _first(self, count: int) -> None:
        """Number the last nodes as the file has them: before all others."""
        nodes = list(self.onnx.nodes.values())
        for number, node in enumerate(nodes[-count:] + nodes[:-count]):
            node.number = number
        self.onnx.nodes = {node.number: node for node in nodes[-count:] + nodes[:-count]}

    def _arithmetic(self, node: Node, op: str, inputs: list[str]) -> str:
        value = self._unused(node.path)
        self.onnx.shapes[value] = ()
        self.onnx.add(op, inputs, [value], {"axis": 0} if op == "Concat" else {}, (), node.path)
        return value

    def _unused(self, path: str) -> str:
        number = 1
        while f"{path} {number}" in self.onnx.shapes:
            number += 1
        return f"{path} {number}"
