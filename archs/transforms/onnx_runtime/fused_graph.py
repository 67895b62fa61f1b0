"""What ONNX Runtime executes for a graph: nodes in execution order, each with the operators of the graph that it holds.

Values only. `fuse_for_onnx_runtime` makes it, from the rules in this folder's README; nothing is run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import NamedTuple

from archs.ir.operator import Pair

IMAGE = -1
"""The position of the network's input, where nodes are numbered by position."""
EARLIER = -2
"""In the place of a node: the one before the segment, whose output the segment reads."""
NOWHERE = -1
"""In the place of an operator: none."""
Result = tuple[str, tuple[int, ...]]
"""What shape arithmetic computes: the operator and the numbers that it takes; equal where the result is."""


class StoredTensor(NamedTuple):
    """One tensor as it lies in memory, without the batch."""

    sizes: tuple[int, ...]
    """Channels first; of a blocked tensor the channels are padded to whole blocks."""
    blocked: bool = False
    """Whether the channels are interleaved in blocks: C/block × H × W × block."""

    @property
    def elements(self) -> int:
        return prod(self.sizes)


class FusedNode(NamedTuple):
    """One node of the runtime's graph."""

    operator: str
    """As the runtime names it: `Conv`, `FusedConv`, `nchwc Conv`, `nchwc ReorderInput`, `Reshape`, …"""
    holds: tuple[str, ...]
    """Paths of the graph's nodes that it computes, whole or in part; none of a reorder or of shape arithmetic."""
    path: str
    """The graph's node that its time belongs to: the last that it holds, else the one that it is inserted for."""
    reads: tuple[int, ...]
    """Positions of the nodes whose outputs it reads, in order; `IMAGE` for the network's input."""
    inputs: tuple[StoredTensor, ...]
    outputs: tuple[StoredTensor, ...]
    weights: int = 0
    """Elements of its constant tensors, padding included."""
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: tuple[int, ...] = (0, 0, 0, 0)
    """Before each side, then behind each."""
    dilation: Pair = (1, 1)
    groups: int = 1
    activation: str = ""
    """The activation that it applies to its result, as the runtime names it: `Relu`, `Clip`, `HardSwish`, …"""
    adds: bool = False
    """Whether a convolution adds another tensor, its last input, to its result before the activation."""

    @property
    def output(self) -> StoredTensor:
        return self.outputs[0]

    @property
    def blocked(self) -> bool:
        """Whether it is a kernel of the blocked layout, reorders included."""
        return self.operator.startswith("nchwc ")


@dataclass(frozen=True, eq=False)
class Segment:
    """Nodes of the runtime. They and the operators are numbered within the segment."""

    nodes: tuple[FusedNode, ...]
    """Without what they hold, their path and what they read."""
    holds: tuple[tuple[int, ...], ...]
    """Per node the operators that it computes, whole or in part."""
    places: tuple[int, ...]
    """Per node the operator that its time belongs to, NOWHERE, or EARLIER for that of the node before the segment."""
    within: tuple[int, ...]
    """Per operator the one that has the time of the first node that holds it; NOWHERE where none does."""
    reads: tuple[int, ...]
    """Per node the first that it reads, maybe IMAGE, also where it reads none, or EARLIER."""
    several: tuple[tuple[int, tuple[int, ...]], ...]
    """Nodes that do not read one node, with all that they read."""
    numbers: tuple[int, ...]
    """Per node what orders the nodes that one reads; in segment n of a network, n · PASS is added."""
    shared: tuple[tuple[int, Result, bool], ...]
    """Shape arithmetic, of which a network has each result once, in the order in which the runtime merges equal nodes:
    the node, its result, and whether it comes before the nodes of earlier segments."""
    ends: tuple[int, ...]
    """Nodes that no other reads, by number."""
    output: int
    """The node that the next segment reads, maybe IMAGE or EARLIER."""
    blocked: bool
    """Whether it reads a tensor in blocks."""
    dropped: tuple[int, ...]
    """Operators that are not exported, …"""
    removed: tuple[int, ...]
    """… and those that are, but are in no node."""


@dataclass(frozen=True, eq=False)
class FusedGraph:
    """A network as ONNX Runtime executes it."""

    name: str
    block: int
    """Channels of one block, 1 where the runtime has no blocked layout on the processor."""
    operators: tuple[str, ...] = field(repr=False)
    """Paths of the graph's nodes."""
    segments: tuple[Segment, ...] = field(repr=False)
    """Its parts; equal parts of networks are one object, so that what is found out of one is kept."""
    order: tuple[int, ...] = field(repr=False)
    """In execution order the position of each node among those of all segments."""
    reads: tuple[int, ...] = field(repr=False)
    """In execution order the first position that each node reads, IMAGE also where it reads none."""
    several: dict[int, tuple[int, ...]] = field(repr=False)
    """Position → all positions that the node reads, where that is not one."""
    places: tuple[int, ...] = field(repr=False)
    """In execution order the number of the operator that each node's time belongs to, or NOWHERE."""

    @cached_property
    def nodes(self) -> tuple[FusedNode, ...]:
        """In execution order."""
        bare = [node for segment in self.segments for node in segment.nodes]
        holds = [
            tuple([self.operators[begin + number] for number in held])
            for segment, begin in zip(self.segments, self._begins)
            for held in segment.holds
        ]
        paths = (*self.operators, "")  # NOWHERE: from the end
        return tuple(
            [
                FusedNode(
                    bare[number][0], holds[number], paths[place], self.several.get(position, (read,)), *bare[number][4:]
                )
                for position, (number, place, read) in enumerate(zip(self.order, self.places, self.reads))
            ]
        )

    @cached_property
    def within(self) -> tuple[int, ...]:
        """Per operator the one that has the time of the first node that holds it; NOWHERE where none does."""
        return tuple(
            [
                NOWHERE if number == NOWHERE else begin + number
                for segment, begin in zip(self.segments, self._begins)
                for number in segment.within
            ]
        )

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """Paths of the graph's nodes that no node holds: dropouts, multiplications by one."""
        parts = list(zip(self.segments, self._begins))
        dropped = [begin + number for segment, begin in parts for number in segment.dropped]
        removed = [begin + number for segment, begin in parts for number in segment.removed]
        return tuple([self.operators[number] for number in (*dropped, *removed)])

    @cached_property
    def _begins(self) -> list[int]:
        """Per segment the number of its first operator."""
        return list(accumulate([len(segment.within) for segment in self.segments[:-1]], initial=0))

    @cached_property
    def holders(self) -> dict[str, tuple[int, ...]]:
        """Path → the positions of the nodes that hold it."""
        found: dict[str, list[int]] = {}
        for position, node in enumerate(self.nodes):
            for path in node.holds:
                found.setdefault(path, []).append(position)
        return {path: tuple(positions) for path, positions in found.items()}

    def __str__(self) -> str:
        """One line per node."""
        lines = [f"{self.name}   blocks of {self.block}"]
        for node in self.nodes:
            into = ", ".join(["×".join(map(str, tensor.sizes)) for tensor in node.outputs])
            after = " + ".join([*["add"] * node.adds, *[node.activation] * bool(node.activation)])
            lines.append(
                f"{node.operator}{f' + {after}' if after else ''}   → {into}   {', '.join(node.holds)}".rstrip()
            )
        return "\n".join(lines)
