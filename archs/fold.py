"""Batch-norm folding: what an inference runtime does before it starts. Graph → Graph."""

from __future__ import annotations

from dataclasses import replace

from archs.graph import INPUT, Graph, Node
from archs.ops import BatchNorm, Conv2d


def fold_batchnorm(graph: Graph) -> Graph:
    """The graph with every batch norm that follows a convolution alone folded into it, as the convolution's bias.

    A batch norm after anything else, or after a convolution that others read too, stays.
    """
    readers = graph.consumers
    folded: dict[str, str] = {}  # batch norm → the convolution that takes it in
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            source = node.inputs[0]
            if source != INPUT and len(readers[source]) == 1 and isinstance(graph[source].op, Conv2d):
                folded[node.path] = source
    takes_in = set(folded.values())
    nodes = []
    for node in graph.nodes:
        if node.path in folded:
            continue
        op = replace(node.op, bias=True) if node.path in takes_in else node.op
        nodes.append(Node(node.path, op, tuple(folded.get(path, path) for path in node.inputs), node.output))
    return replace(graph, nodes=tuple(nodes))
