"""Segments → the graph that ONNX Runtime executes: nodes named and in the runtime's order. Start at `join`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from archs.ir.graph import Graph
from archs.transforms.onnx_runtime.fused_graph import IMAGE, NOWHERE, FusedGraph, Result, Segment
from archs.transforms.onnx_runtime.onnx_graph import PASS


def join(graph: Graph, block: int, segments: Sequence[Segment]) -> FusedGraph:
    """The fused graph of a network, from segments that have its operators in its order.

    Each result of shape arithmetic is of one node, the first that the runtime meets.
    """
    begins = list(accumulate([len(segment.nodes) for segment in segments], initial=0))
    kept = _kept(segments, begins)
    reads: list[int] = []
    several: dict[int, list[int]] = {}
    numbers: list[int] = []
    places: list[int] = []
    operators, source, place = 0, IMAGE, NOWHERE
    for position, (segment, begin) in enumerate(zip(segments, begins)):
        names = [*range(operators, operators + len(segment.within)), place, NOWHERE]  # EARLIER, NOWHERE: from the end
        places += map(names.__getitem__, segment.places)
        nodes = [*range(begin, begin + len(segment.nodes)), source, IMAGE]  # EARLIER, IMAGE: from the end
        for number, result, _ in segment.shared:
            nodes[number] = kept[result]
        reads += map(nodes.__getitem__, segment.reads)
        for number, several_read in segment.several:
            several[begin + number] = [nodes[read] for read in several_read]
        shift = position * PASS
        numbers += [number + shift for number in segment.numbers]
        operators += len(segment.within)
        source = nodes[segment.output]
        place = NOWHERE if source == IMAGE else places[source]
    last = begins[len(segments) - 1]
    order = _ordered([last + end for end in segments[-1].ends], reads, several, numbers)
    positions = [IMAGE] * (len(reads) + 1)  # IMAGE: from the end
    for position, number in enumerate(order):
        positions[number] = position
    return FusedGraph(
        graph.name,
        block,
        tuple([node.path for node in graph.nodes]),
        tuple(segments),
        tuple(order),
        tuple([positions[reads[number]] for number in order]),
        {positions[number]: tuple([positions[read] for read in found]) for number, found in several.items()},
        tuple([places[number] for number in order]),
    )


def _kept(segments: Sequence[Segment], begins: Sequence[int]) -> dict[Result, int]:
    """Each result of shape arithmetic → the node that computes it, the first that the runtime meets.

    It goes depth first from the network's output: through the last segment to the tensor that it reads, then
    through the segments before, and then through the rest of the last.
    """
    kept: dict[Result, int] = {}
    parts = list(zip(segments, begins))
    for before, ordered in ((True, reversed(parts)), (False, iter(parts))):
        for segment, begin in ordered:
            for number, result, first in segment.shared:
                if first == before:
                    kept.setdefault(result, begin + number)
    return kept


def _ordered(
    ends: Sequence[int], reads: Sequence[int], several: Mapping[int, Sequence[int]], numbers: Sequence[int]
) -> list[int]:
    """Nodes in the runtime's order: depth first from the ends, the node with the highest number first."""
    found: list[int] = []
    seen = [False] * len(reads)
    stack = list(ends)  # ~node where what the node reads is behind it
    while stack:
        node = stack.pop()
        if node < 0:
            found.append(~node)
        elif not seen[node]:
            seen[node] = True
            stack.append(~node)
            if node in several:
                stack += sorted([read for read in several[node] if read != IMAGE], key=numbers.__getitem__)
            elif reads[node] != IMAGE:
                stack.append(reads[node])
    return found
