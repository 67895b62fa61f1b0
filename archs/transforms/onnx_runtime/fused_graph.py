"""What ONNX Runtime executes for a graph: nodes in execution order, each with the operators of the graph that it holds.

Values only. `fuse_for_onnx_runtime` makes it, from the rules in this folder's README; nothing is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

from archs.ir.operator import Pair

IMAGE = -1
"""The position of the network's input, where nodes are numbered by position."""


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


@dataclass(frozen=True)
class FusedGraph:
    """A network as ONNX Runtime executes it."""

    name: str
    block: int
    """Channels of one block, 1 where the runtime has no blocked layout on the processor."""
    nodes: tuple[FusedNode, ...]
    """In execution order."""
    removed: tuple[str, ...]
    """Paths of the graph's nodes that no node holds: dropouts, multiplications by one."""

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
