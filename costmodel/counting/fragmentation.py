"""Fragmentation of blocks and networks (ShuffleNetV2, section 2, guideline G3), with networkx.

Fragments are the convolutions and poolings of a block (the paper: NASNet-A 13, ResNet 2 or 3), branches the most that
could run side by side (the widest antichain), depth the most that must run in a row. Element-wise operators are no
fragments, but order those before and after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from archs.caching import cached
from archs.guidance import Guided, guided
from archs.ir.graph import Node
from archs.ir.ops import AvgPool, Conv2d, GlobalAvgPool, MaxPool
from costmodel.arguments import Network, as_graph
from costmodel.counting.counts import count

FRAGMENTS = (Conv2d, MaxPool, AvgPool, GlobalAvgPool)


@dataclass(frozen=True)
class BlockFragmentation:
    """Of one block: how many fragments, how many side by side, how many in a row.

    `block` is its path, `fragments` its convolutions and poolings, `branches` the largest number of them that can run
    side by side, `depth` the number on the longest path.

    >>> fragmentation("shufflenet_v2").blocks[2]
    BlockFragmentation(block='stage2/block1', fragments=5, branches=2, depth=3)
    """

    block: str
    fragments: int
    branches: int
    depth: int


@dataclass(frozen=True, repr=False)
class Fragmentation(Guided):
    """Of a network: its `blocks` in order, and the `kernels` that it launches. A block without fragments is left out.

    >>> fragmentation("shufflenet_v2")
    Fragmentation(2.90 fragments per block, worst 'stage2/block1' with 5, 184 kernels)
    """

    _ITEMS: ClassVar = "blocks"
    blocks: tuple[BlockFragmentation, ...]
    kernels: int

    @property
    def mean(self) -> float:
        """Fragments per block."""
        return sum(b.fragments for b in self.blocks) / len(self.blocks) if self.blocks else 0.0

    def __repr__(self) -> str:
        worst = f", worst {self.worst.block!r} with {self.worst.fragments}" if self.worst else ""
        return f"Fragmentation({self.mean:.2f} fragments per block{worst}, {self.kernels} kernels)"

    @property
    def worst(self) -> BlockFragmentation | None:
        """The block with most fragments, the first of several."""
        return max(self.blocks, key=lambda b: b.fragments, default=None)


@guided()
def fragmentation(network: Network, input_shape: Sequence[int] | None = None) -> Fragmentation:
    """The fragmentation of every block of a network.

    Raises ArchError for a network that does not build, TypeError for what is no network.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.

    >>> import archs
    >>> fragmentation(archs.build(archs.spec("shufflenet_v2"))).worst.depth
    3
    """
    graph = as_graph(network, input_shape)
    blocks = []
    for block, members in groupby(graph.nodes, lambda node: node.block):
        fragments, branches, depth = _measure(*_structure(tuple(members)))
        if fragments:
            blocks.append(BlockFragmentation(block, fragments, branches, depth))
    return Fragmentation(tuple(blocks), count(graph).total.kernels)


def _structure(members: tuple[Node, ...]) -> tuple[tuple[bool, ...], tuple[tuple[int, int], ...]]:
    """Which members are fragments, and which member reads which: equal for blocks that differ in numbers only."""
    position = {node.path: i for i, node in enumerate(members)}
    edges = [(position[path], i) for i, node in enumerate(members) for path in node.inputs if path in position]
    return tuple(isinstance(node.op, FRAGMENTS) for node in members), tuple(edges)


@cached(4096, "blocks that differ in numbers alone have the same fragments")
def _measure(is_fragment: tuple[bool, ...], edges: tuple[tuple[int, int], ...]) -> tuple[int, int, int]:
    import networkx  # as long to import as all else that a prediction needs

    digraph = networkx.DiGraph()
    digraph.add_nodes_from(range(len(is_fragment)))
    digraph.add_edges_from(edges)
    order = networkx.transitive_closure_dag(digraph).subgraph([i for i, f in enumerate(is_fragment) if f])
    fragments = order.number_of_nodes()
    if not fragments:
        return 0, 0, 0
    # Dilworth: the widest antichain has as many members as the fewest chains that cover the order, which are
    # all members less the largest matching of "before" with "after"
    pairs = networkx.Graph((("before", a), ("after", b)) for a, b in order.edges)
    matching = networkx.bipartite.hopcroft_karp_matching(pairs, [("before", a) for a, _ in order.edges])
    matched = len(matching) // 2  # each pair stands in it both ways
    return fragments, fragments - matched, networkx.dag_longest_path_length(order) + 1
