"""Weights of a network carried over to a smaller one: channels are cut, missing weights stay random.

Which channels stay is decided where a convolution makes them: the first ones, or those of the largest L2 norm. Every
later operator follows: norms, depthwise convolutions, shuffles, splits, concatenations and shortcuts. No training here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from archs import ArchError, Graph, Spec, build
from archs.errors import shorten
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.execute import to_module
from archs.ir.graph import INPUT, Node
from archs.ir.ops import ChannelShuffle, ChannelSplit, Concat, Conv2d, Flatten, Linear
from archs.ir.weights import Weights
from archs.tables.lower import block_paths
from archs.transforms.surgery import MERGES

if TYPE_CHECKING:
    from torch import Tensor, nn

ORDERS = ("first", "norm")
"""Which channels stay: the first, or those whose filters have the largest L2 norm."""
Sources = list[int]
"""The parent's channel that each channel is; -1 where it is none of them."""


def with_state(graph: Graph, module: nn.Module) -> Graph:
    """The graph with the tensors of a module that `archs.to_module` made of it."""
    state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    found: dict[str, dict[str, Tensor]] = {}
    for path, place in attributes(graph).items():
        prefix = f"{place}."
        tensors = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        tensors.pop("num_batches_tracked", None)
        if tensors:
            found[path] = tensors
    return replace(graph, weights=Weights(found))


def initialised(graph: Graph, seed: int) -> Graph:
    """The graph with torch's random initial weights; equal seeds give equal weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return with_state(graph, to_module(replace(graph, weights=None)))


def truncated(parent: Graph, spec: Spec, seed: int, order: str = "first", removed_row: int | None = None) -> Graph:
    """The graph of a table with the weights of a larger one, cut to size.

    The table is the parent's, unrolled, with smaller cells, or without row `removed_row`. Kernels keep their middle.
    Raises ArchError for a parent without weights or table, or an order that is none.
    """
    check_order(order)
    if parent.weights is None or not isinstance(parent.spec, Spec):
        raise ArchError(f"{parent.name} has no weights, or no table; allowed: a trained network of a table")
    blocks = _blocks(parent.spec, spec, removed_row)
    return _Cut(parent, parent.weights, initialised(build(spec), seed), blocks, order).graph()


def check_order(order: str) -> None:
    """Raises ArchError for an order that is none, with those known."""
    if order not in ORDERS:
        raise ArchError(f"order is {shorten(order)}; allowed: {', '.join(ORDERS)}")


def _blocks(parent: Spec, child: Spec, removed_row: int | None) -> dict[str, str]:
    """Path of each block → that of the parent's: a removed row moves the numbers of those behind it."""
    theirs = [paths for row, (_, paths) in enumerate(block_paths(parent)) if row != removed_row]
    ours = [paths for _, paths in block_paths(child)]
    if [len(paths) for paths in ours] != [len(paths) for paths in theirs]:
        raise ArchError("the tables have other rows; allowed: equal ones, or one row less, which `removed_row` names")
    return {our: their for mine, other in zip(ours, theirs) for our, their in zip(mine, other)}


class _Cut:
    """One pass over the child's nodes, in order."""

    def __init__(self, parent: Graph, weights: Weights, child: Graph, blocks: Mapping[str, str], order: str):
        self.parent, self.weights, self.child, self.order = parent, weights, child, order
        self.path = {INPUT: INPUT}
        for node in child.nodes:
            prefix = next((b for b in blocks if node.path == b or node.path.startswith(f"{b}/")), None)
            self.path[node.path] = node.path if prefix is None else blocks[prefix] + node.path[len(prefix) :]
        self.sources: dict[str, Sources] = {INPUT: list(range(child.input[0]))}
        self.imposed = self._imposed()
        self.known = {node.path: node for node in parent.nodes}

    def _imposed(self) -> dict[str, str]:
        """Path of a convolution → the tensor that it is merged with, whose channels it must therefore have."""
        number = {node.path: i for i, node in enumerate(self.child.nodes)}
        given: dict[str, str] = {}
        found: dict[str, str] = {}
        for node in self.child.nodes:
            one_input = len(node.inputs) == 1
            if isinstance(node.op, Conv2d) and not node.op.depthwise(self.child.input_shapes(node)[0]):
                given[node.path] = node.path
            elif one_input and not isinstance(node.op, (ChannelShuffle, ChannelSplit, Linear, Flatten)):
                given[node.path] = given.get(node.inputs[0], "")
            if isinstance(node.op, MERGES):
                ordered = sorted(node.inputs, key=lambda path: number.get(given.get(path, ""), -1))
                if made := given.get(ordered[-1]):
                    found[made] = ordered[0]
        return found

    def graph(self) -> Graph:
        tensors: dict[str, Mapping[str, Tensor]] = {}
        assert self.child.weights is not None
        for node in self.child.nodes:
            origin = self.known.get(self.path[node.path])
            inputs = [self._read(node, place, origin) for place in range(len(node.inputs))]
            self.sources[node.path] = self._outputs(node, origin, inputs)
            if node.path in self.child.weights:
                named = dict(self.child.weights[node.path])
                if origin is not None and origin.path in self.weights:
                    theirs = self.weights[origin.path]
                    for name in named.keys() & theirs.keys():
                        named[name] = self._copied(node, origin, named[name], theirs[name], inputs[0])
                tensors[node.path] = named
        return replace(self.child, weights=Weights(tensors))

    def _read(self, node: Node, place: int, origin: Node | None) -> Sources:
        """What a node reads, in the channels of what its origin reads; the first ones where that is another tensor."""
        path = node.inputs[place]
        if origin is None or place >= len(origin.inputs):
            return self.sources[path]
        theirs = self.parent.shapes[origin.inputs[place]][0]
        if self.parent.shapes.get(self.path[path], (0,))[0] == theirs:
            return self.sources[path]
        return [channel if channel < theirs else -1 for channel in range(self.child.shapes[path][0])]

    def _outputs(self, node: Node, origin: Node | None, inputs: list[Sources]) -> Sources:
        width, op = node.output[0], node.op
        theirs = origin.output[0] if origin else 0
        if isinstance(op, Linear) or (isinstance(op, Conv2d) and not op.depthwise(self.child.input_shapes(node)[0])):
            return self._made(node, origin, width, theirs)
        if isinstance(op, ChannelShuffle) and origin is not None and isinstance(origin.op, ChannelShuffle):
            ours, old = _shuffle(width, op.groups), _shuffle(theirs, origin.op.groups)
            place = {channel: number for number, channel in enumerate(old)}
            return [place.get(inputs[0][channel], -1) for channel in ours]
        if isinstance(op, ChannelSplit):
            start = sum(op.sizes[: op.part])
            first = sum(origin.op.sizes[: op.part]) if origin and isinstance(origin.op, ChannelSplit) else start
            part = [source - first for source in inputs[0][start : start + width]]
            return [source if 0 <= source < theirs else -1 for source in part]
        if isinstance(op, Concat) and origin is not None:
            found, start = [], 0
            for sources, path in zip(inputs, origin.inputs):
                found += [source + start if source >= 0 else -1 for source in sources]
                start += self.parent.shapes[path][0]
            return found
        if isinstance(op, Flatten):
            shape = self.child.input_shapes(node)[0]
            area = width // shape[0]
            return [source * area + k if source >= 0 else -1 for source in inputs[0] for k in range(area)]
        return inputs[0]

    def _made(self, node: Node, origin: Node | None, width: int, theirs: int) -> Sources:
        """The channels that a convolution or a linear layer keeps."""
        if node.path in self.imposed and self.imposed[node.path] in self.sources:
            found = self.sources[self.imposed[node.path]]
            return [source if source < theirs else -1 for source in found]
        if origin is None or width >= theirs:
            return [channel if channel < theirs else -1 for channel in range(width)]
        groups = getattr(node.op, "groups", 1)
        if theirs % groups or getattr(origin.op, "groups", 1) != groups:
            return list(range(width))
        each, old = width // groups, theirs // groups
        kept: Sources = []
        for group in range(groups):
            channels: Sequence[int] = range(group * old, (group + 1) * old)
            if self.order == "norm" and origin.path in self.weights:
                norms = self.weights[origin.path]["weight"].flatten(1).norm(dim=1)
                channels = sorted(sorted(channels, key=lambda c: (-float(norms[c]), c))[:each])
            kept += channels[:each]
        return kept

    def _copied(self, node: Node, origin: Node, tensor: Tensor, parent: Tensor, inputs: Sources) -> Tensor:
        """A tensor of the child with the parent's elements where both have the channel."""
        made, outputs = tensor.clone(), np.array(self.sources[node.path])
        inside = (outputs >= 0) & (outputs < len(parent))
        if tensor.dim() == 1:
            made[np.flatnonzero(inside)] = parent[outputs[inside]]
            return made
        kernel = _middle(tensor, parent)
        groups, old_groups = getattr(node.op, "groups", 1), getattr(origin.op, "groups", 1)
        width, old_width = tensor.shape[0] // groups, parent.shape[0] // old_groups
        channels, count = np.arange(tensor.shape[0]), tensor.shape[1]
        # The input channels that each output channel reads, and where they stand in the parent's filter
        read = np.array(inputs)[(channels // width * count)[:, None] + np.arange(count)]
        places = read - (outputs // old_width * parent.shape[1])[:, None]
        both = inside[:, None] & (read >= 0) & (places >= 0) & (places < parent.shape[1])
        at, place = np.nonzero(both)
        made[at, place] = kernel[outputs[at], places[both]]
        return made


def _middle(tensor: Tensor, parent: Tensor) -> Any:
    """The parent's kernels without the rim that a smaller one does not have."""
    if tensor.dim() < 4:
        return parent
    rims = [(parent.shape[axis] - tensor.shape[axis]) // 2 for axis in (2, 3)]
    if min(rims) < 0:
        raise ArchError("the kernel is larger than the parent's; allowed: up to its size")
    return parent[:, :, rims[0] : rims[0] + tensor.shape[2], rims[1] : rims[1] + tensor.shape[3]]


def _shuffle(channels: int, groups: int) -> list[int]:
    """The channel that each channel of a shuffled tensor was before."""
    return [group * (channels // groups) + place for place in range(channels // groups) for group in range(groups)]
