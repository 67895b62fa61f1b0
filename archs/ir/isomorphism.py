"""Whether two graphs compute the same, names aside: matched from their outputs back. No weights here."""

from __future__ import annotations

from archs.errors import ArchError
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Add, Multiply

COMMUTATIVE = (Add, Multiply)
"""Operators whose inputs may come in either order."""


def matching_nodes(graph: Graph, other: Graph) -> dict[str, str]:
    """Each path of `graph` with the path of the node of `other` in its place.

    Raises ArchError, with the first operator that `other` lacks, where the graphs are not isomorphic.
    """
    if graph.input != other.input:
        raise ArchError(f"{graph.name} takes {graph.input} and {other.name} {other.input}; allowed: the same")
    ours, theirs = structural_hashes(graph), structural_hashes(other)
    if ours[graph.nodes[-1].path] != theirs[other.nodes[-1].path]:
        known = set(theirs.values())
        path = next((n.path for n in graph.nodes if ours[n.path] not in known), graph.nodes[-1].path)
        node = graph[path]
        what = f"{node.op.describe(*graph.input_shapes(node))} to {node.output}"
        raise ArchError(
            f"{graph.name} is not {other.name}: {path} is {what}, which the other has nowhere in that place"
        )
    found: dict[str, str] = {}
    queue = [(graph.nodes[-1].path, other.nodes[-1].path)]
    while queue:
        a, b = queue.pop()
        if a == INPUT or a in found:
            continue
        found[a] = b
        left, right = list(graph[a].inputs), list(other[b].inputs)
        if isinstance(graph[a].op, COMMUTATIVE):
            left.sort(key=lambda path: ours[path])
            right.sort(key=lambda path: theirs[path])
        queue += zip(left, right)
    return found


def structural_hashes(graph: Graph) -> dict[str, int]:
    """Path → a hash of the sub-graph that ends there: equal where the operators and their inputs are equal."""
    found = {INPUT: hash(graph.input)}
    for node in graph.nodes:
        read = [found[path] for path in node.inputs]
        if isinstance(node.op, COMMUTATIVE):
            read.sort()
        found[node.path] = hash((node.op, node.output, tuple(read)))
    return found
