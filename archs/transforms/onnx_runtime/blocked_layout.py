"""ONNX Runtime's layout of blocks of channels (NCHWc) on x86 processors: which nodes use it, with the reorders between.

One pass over the nodes in order, which inserts a reorder where a node reads the plain layout. Start at `use_blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archs.transforms.onnx_runtime.onnx_graph import BLOCKED_TENSOR, OnnxGraph, OnnxNode, Sizes, merged

BLOCKED = "nchwc "
"""Before the names of the layout's kernels."""
REORDER_OUTPUT = f"{BLOCKED}ReorderOutput"
"""From blocks to the plain layout."""
ALIGNMENT = 4
"""Channels that a reorder into blocks copies at once."""
FUSED_ACTIVATIONS = ("HardSigmoid", "Relu", "Sigmoid", "Tanh")
"""Fused into a blocked convolution, also behind a fused addition."""
ELEMENTWISE = (*FUSED_ACTIVATIONS, "Gelu", "QuickGelu")
"""Computed on blocked tensors as they are."""
BINARY = ("Add", "Mul")
CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
"""Orders of axes that a reorder writes or reads itself."""


@dataclass(eq=False)
class _Blocked:
    """A value that is stored in blocks."""

    value: str
    """Its name in the blocked layout."""
    maker: OnnxNode
    channels: int
    readers: int
    """Number of reads in the file, the network's output included."""
    waiting: int
    """Number of readers that need the plain layout."""


def use_blocks(graph: OnnxGraph, block: int) -> frozenset[str]:
    """Let convolutions, poolings and what stands between them use blocks of channels; returns the values in blocks."""
    layout = _Layout(graph, block)
    graph.begin_pass()
    for node in graph.ordered():
        layout.transform(node)
    layout.finish()
    return frozenset(layout.made_in_blocks)


class _Layout:
    def __init__(self, graph: OnnxGraph, block: int):
        self.graph, self.block = graph, block
        self.blocked: dict[str, _Blocked] = {}
        self.reordered: dict[str, str] = {}
        self.uses = {value: graph.uses(value) for node in graph.nodes.values() for value in node.outputs}
        self.made_in_blocks: set[str] = set()

    def transform(self, node: OnnxNode) -> None:
        if node.op in ("Conv", "FusedConv"):
            self._convolution(node)
        elif node.op in ("MaxPool", "AveragePool"):
            self._pool(node)
        elif node.op == BLOCKED_TENSOR:
            self._write_blocks(node, self.graph.shapes[node.outputs[0]][0])
        elif not all(value in self.blocked for value in node.inputs if value in self.graph.maker):
            return
        elif node.op in BINARY and len(node.inputs) == 2:
            self._binary(node)
        elif node.op == "Concat":
            self._concat(node)
        elif node.op in ELEMENTWISE:
            self._elementwise(node)
        elif node.op == "Transpose" and node.inputs[0] in self.blocked:
            self._to_channels_last(node)
        elif node.op == "BatchNormalization" and node.inputs[0] in self.blocked:
            self._batch_norm(node)

    def padded(self, channels: int) -> int:
        return -(-channels // self.block) * self.block

    def _convolution(self, node: OnnxNode) -> None:
        graph, block = self.graph, self.block
        weight = graph.constants.get(node.inputs[1])
        if weight is None or len(weight.sizes) != 4 or (len(node.inputs) > 2 and node.inputs[2] not in graph.constants):
            return
        made, each, *kernel = weight.sizes
        groups = node.attributes["groups"]
        plain_input = False
        if groups > 1:
            if made % ALIGNMENT:
                return
            if each == 1 and made == groups:
                groups = self.padded(made)
            elif each % block or made // groups % block:
                return
        elif each < block:
            plain_input = True
        elif each % ALIGNMENT:
            return
        else:
            each = self.padded(each)
        attributes = node.attributes | {"groups": groups}
        weights = self.padded(made) * each * kernel[0] * kernel[1]
        attributes["weights"] = weights + (self.padded(made) if len(node.inputs) > 2 else 0)
        x = node.inputs[0] if plain_input else self._blocks_of(node.inputs[0], node)
        self._replace(node, "Conv", x, made, attributes)

    def _pool(self, node: OnnxNode) -> None:
        channels = self.graph.shapes[node.inputs[0]][0]
        if channels % self.block == 0:
            self._replace(node, node.op, self._blocks_of(node.inputs[0], node), channels, node.attributes)

    def _batch_norm(self, node: OnnxNode) -> None:
        """A batch norm by itself is a depthwise 1×1 convolution."""
        channels = self.blocked[node.inputs[0]].channels
        padded = self.padded(channels)
        attributes = {"kernel": (1, 1), "stride": (1, 1), "pads": (0, 0, 0, 0), "dilation": (1, 1), "groups": padded}
        attributes["weights"] = 2 * padded
        for index in (4, 3):
            self.graph.forget_input(node, index)
        self._replace(node, "Conv", self._blocks_of(node.inputs[0], node), channels, attributes)

    def _binary(self, node: OnnxNode) -> None:
        a, b = node.inputs
        if a not in self.blocked or b not in self.blocked:
            return
        inputs = [self.blocked[a], self.blocked[b]]
        if inputs[0].channels != inputs[1].channels:
            return
        if self.graph.shapes[a] != self.graph.shapes[b]:
            if node.op == "Add":
                self._broadcast_sum(node, inputs)
            return
        if node.op == "Mul" and self._hard_swish(node, inputs):
            return
        if node.op == "Add":
            for one, other in (inputs, inputs[::-1]):
                conv = one.maker
                free = not conv.attributes.get("adds") and not conv.attributes.get("activation")
                if conv.op == f"{BLOCKED}Conv" and one.readers == 1 and free:
                    for value in inputs:
                        value.waiting -= 1
                    self.graph.append_input(conv, other.maker.outputs[0])
                    conv.attributes["adds"] = True
                    self._fuse_into_maker(node, one)
                    return
        self._keep(node, inputs[0].channels)

    def _broadcast_sum(self, node: OnnxNode, inputs: list[_Blocked]) -> None:
        """Maps of different sizes are added with the block as an axis of its own, between reshapes."""
        graph, value = self.graph, node.outputs[0]
        total = f"{value} by blocks"
        for index, one in enumerate(inputs):
            one.waiting -= 1
            split = f"{one.value} by blocks for {value} {index}"
            graph.shapes[split] = self._by_blocks(graph.shapes[one.value])
            graph.add("Reshape", [one.value], [split], {}, (), node.place)
            graph.read(node, index, split)
        made = f"{value} in blocks"
        self._store(made, graph.shapes[value])
        graph.shapes[total] = self._by_blocks(graph.shapes[made])
        new = graph.add("Reshape", [total], [made], {}, (), node.place)
        del graph.maker[value]
        node.outputs[0] = total
        graph.maker[total] = node
        self._remember(value, made, new, inputs[0].channels)

    def _by_blocks(self, sizes: Sizes) -> Sizes:
        return (sizes[0] // self.block, *sizes[1:], self.block)

    def _hard_swish(self, node: OnnxNode, inputs: list[_Blocked]) -> bool:
        """Fuse x · hard_sigmoid(x) into the convolution that makes x, where nothing else reads x."""
        for one, other in (inputs, inputs[::-1]):
            conv, gate = one.maker, other.maker
            alone = one.readers == 2 and other.readers == 1
            gates = gate.op == "HardSigmoid" and gate.inputs[0] == one.value
            free = conv.op == f"{BLOCKED}Conv" and not conv.attributes.get("activation")
            if alone and gates and free:
                conv.attributes["activation"] = "HardSwish"
                one.waiting -= 1
                other.waiting -= 1
                self.graph.drop(gate)
                self._fuse_into_maker(node, one)
                return True
        return False

    def _concat(self, node: OnnxNode) -> None:
        found = [self.blocked.get(value) for value in node.inputs]
        inputs = [one for one in found if one is not None and one.channels % self.block == 0]
        if node.attributes["axis"] == 1 and len(inputs) == len(node.inputs):
            self._keep(node, sum(one.channels for one in inputs))

    def _elementwise(self, node: OnnxNode) -> None:
        one = self.blocked.get(node.inputs[0])
        if one is None:
            return
        fuses = node.op in FUSED_ACTIVATIONS and one.maker.op == f"{BLOCKED}Conv" and one.readers == 1
        if fuses and not one.maker.attributes.get("activation"):
            one.waiting -= 1
            one.maker.attributes["activation"] = node.op
            self._fuse_into_maker(node, one)
        else:
            self._keep(node, one.channels)

    def _to_channels_last(self, node: OnnxNode) -> None:
        """A reorder out of blocks can write the channels last, in the place of a transpose."""
        if node.attributes["axes"] == CHANNELS_LAST:
            one = self.blocked[node.inputs[0]]
            one.waiting -= 1
            self.graph.add(REORDER_OUTPUT, [one.value], node.outputs, {}, node.paths, node.place)
            self.graph.drop(node)

    def _blocks_of(self, value: str, node: OnnxNode) -> str:
        """The blocked name of a value, with a reorder where it is stored in the plain layout."""
        if value in self.blocked:
            self.blocked[value].waiting -= 1
            return self.blocked[value].value
        if value not in self.reordered:
            made = self.reordered[value] = f"{value} in blocks"
            self._store(made, self.graph.shapes[value])
            source, paths = self._channels_last(value)
            self.graph.add(f"{BLOCKED}ReorderInput", [source], [made], {}, paths, node.place)
        return self.reordered[value]

    def _channels_last(self, value: str) -> tuple[str, tuple[str, ...]]:
        """What a reorder into blocks reads for a value: what is transposed, where nothing else reads the transposed."""
        maker = self.graph.maker.get(value)
        if maker is None or maker.op != "Transpose" or self.uses[value] > 1:
            return value, ()
        if maker.attributes["axes"] != CHANNELS_FIRST:
            return value, ()
        self.graph.drop(maker)
        return maker.inputs[0], maker.paths

    def _store(self, value: str, sizes: Sizes) -> None:
        self.graph.shapes[value] = (self.padded(sizes[0]), *sizes[1:])
        self.made_in_blocks.add(value)

    def _replace(self, node: OnnxNode, op: str, x: str, channels: int, attributes: dict[str, Any]) -> None:
        """Let a node be a new one, of a kernel that reads x and writes blocks."""
        self.graph.read(node, 0, x)
        self.graph.renew(node, BLOCKED + op)
        node.attributes = attributes
        self._write_blocks(node, channels)

    def _keep(self, node: OnnxNode, channels: int) -> None:
        """Keep a node's operator, with blocked inputs and a blocked output."""
        for index, read in enumerate(list(node.inputs)):
            if read in self.blocked:
                self.blocked[read].waiting -= 1
                self.graph.read(node, index, self.blocked[read].value)
        self._write_blocks(node, channels)

    def _write_blocks(self, node: OnnxNode, channels: int) -> None:
        value = node.outputs[0]
        made = f"{value} in blocks"
        self._store(made, (channels, *self.graph.shapes[value][1:]))
        del self.graph.maker[value]
        node.outputs[0] = made
        self.graph.maker[made] = node
        self._remember(value, made, node, channels)

    def _fuse_into_maker(self, node: OnnxNode, one: _Blocked) -> None:
        """Fuse a node into the convolution that makes a value."""
        value = node.outputs[0]
        one.maker.paths = merged(one.maker.paths, node.paths)
        one.maker.place = node.place
        self.graph.drop(node)
        self._remember(value, one.value, one.maker, one.channels)

    def _remember(self, value: str, made: str, maker: OnnxNode, channels: int) -> None:
        self.blocked[value] = _Blocked(made, maker, channels, self.uses[value], self.uses[value])

    def finish(self) -> None:
        self.graph.begin_pass()
        for value, one in self.blocked.items():
            if one.waiting > 0:
                self.graph.add(REORDER_OUTPUT, [one.value], [value], {"channels": one.channels}, (), one.maker.place)
