"""The totals of many networks, blocks shared: `count` for each node once, a sum per block kept.

Totals only; what a node, a block or a stage costs is `costmodel.count`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archs.caching import cached
from archs.guidance import guided
from archs.ir.graph import Graph, Subgraph
from costmodel.arguments import Network, as_graph, as_list
from costmodel.counting.convention import Convention
from costmodel.counting.counts import Counts, count, node_counts

FLOAT32 = Convention()


@guided()
def count_many(
    graphs: Iterable[Network], convention: Convention = FLOAT32, input_shape: Sequence[int] | None = None
) -> list[Counts]:
    """`count(graph, input_shape, convention).total` of each network. Raises CostError and TypeError as `count` does.

    Args:
        graphs: networks as `count` takes them.
        convention: as in `count`.
        input_shape: (channels, height, width) of all of them, with or without a batch of 1; by default each one's own.

    >>> import archs, costmodel
    >>> graph = archs.build(archs.spec("mobilenet_v1"))
    >>> costmodel.count_many([graph])[0] == costmodel.count(graph).total
    True
    """
    return [_total(as_graph(graph, input_shape), convention) for graph in as_list(graphs)]


def _total(graph: Graph, convention: Convention) -> Counts:
    if not graph.subgraphs or graph.shared:
        return count(graph, convention=convention).total
    blocks = [_of_block(block.key, convention) for block in graph.subgraphs]
    return Counts._make(map(sum, zip(*blocks)))


@cached(1 << 16, "a search combines few blocks")
def _of_block(block: Subgraph, convention: Convention) -> tuple[int, ...]:
    return tuple(map(sum, zip(*node_counts(block.nodes, block.shapes, convention))))
