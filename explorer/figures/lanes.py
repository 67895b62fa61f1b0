"""Where the operators of a block are drawn: layers from top to bottom, lanes from left to right. No drawing here.

Layers are networkx's topological generations. A chain stays in one lane; an edge that skips layers (a shortcut) gets a
lane of its own for the layers between, so that it crosses no operator. networkx's own layouts centre each layer, which
makes a chain beside a shortcut waver and draws the shortcut through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx

from archs import Graph, Node

Point = tuple[float, float]

HALF_WIDTH, HALF_HEIGHT = 0.48, 0.36  # of a box, in lanes and layers
EDGE_LANE = 0.12  # how wide a lane is that only edges run through, beside one with operators


@dataclass(frozen=True)
class Layout:
    """Places in lanes and layers: y is the layer, 0 on top."""

    places: dict[str, Point]
    """Path → the middle of its box; first the operators of other blocks that are read, then the block's in order."""
    edges: dict[tuple[str, str], list[Point]]
    """(source, target) → the corners of the line between them."""
    outside: frozenset[str]
    """The paths that are not the block's own."""
    width: float


def lay_out(graph: Graph, block: str) -> Layout:
    """The places of a block's operators, and of those of other blocks that it reads."""
    members = [node for node in graph.nodes if node.block == block]
    inside = {node.path for node in members}
    pairs = [(source, node.path) for node in members for source in node.inputs]
    generations = networkx.topological_generations(networkx.DiGraph(pairs))
    layer = {path: number for number, paths in enumerate(generations) for path in paths}
    outside = list(dict.fromkeys(source for source, _ in pairs if source not in inside))
    lane, detours = _lanes(outside, members, layer)
    centre, width = _columns(lane, detours)
    edges = {}
    for source, target in dict.fromkeys(pairs):
        corners = [(centre[lane[source]], layer[source] + HALF_HEIGHT)]
        if (source, target) in detours:
            x = centre[detours[source, target]]
            corners += [(x, layer[source] + 1 - HALF_HEIGHT), (x, layer[target] - 1 + HALF_HEIGHT)]
        edges[source, target] = [*corners, (centre[lane[target]], layer[target] - HALF_HEIGHT)]
    places = {path: (centre[number], float(layer[path])) for path, number in lane.items()}
    return Layout(places, edges, frozenset(outside), width)


def _lanes(
    outside: list[str], members: list[Node], layer: dict[str, int]
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """A lane for every operator, and for every edge that skips layers; no two share a lane within a layer."""
    lane: dict[str, int] = {}
    taken: set[tuple[int, int]] = set()

    def place(wish: int, layers: range) -> int:
        """The wished lane, or the leftmost, that is free in all of these layers."""
        candidates = [wish, *range(len(taken) + 1)]
        found = next(number for number in candidates if not any((number, at) in taken for at in layers))
        taken.update((found, at) for at in layers)
        return found

    for path in outside:
        lane[path] = place(0, range(layer[path], layer[path] + 1))
    for node in members:
        here = layer[node.path]
        above = [lane[source] for source in node.inputs if layer[source] == here - 1]
        lane[node.path] = place(above[-1] if above else 0, range(here, here + 1))
    detours = {}
    for node in members:
        for source in node.inputs:
            if layer[node.path] - layer[source] > 1:
                detours[source, node.path] = place(lane[source], range(layer[source] + 1, layer[node.path]))
    return lane, detours


def _columns(lane: dict[str, int], detours: dict[tuple[str, str], int]) -> tuple[dict[int, float], float]:
    """Lane → its middle, and the width of all lanes together."""
    wide = set(lane.values())
    centre, left = {}, 0.0
    for number in sorted(wide | set(detours.values())):
        width = 1.0 if number in wide else EDGE_LANE
        centre[number] = left + width / 2
        left += width
    return centre, left
