"""The graph as drawings: the network as blocks from left to right, a block as its operators from top to bottom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from math import sqrt
from typing import Any

import pandas

from archs import Graph
from archs.ir.graph import INPUT
from costmodel.counting.kinds import kind_of
from explorer.data.metrics import METRICS
from explorer.figures.lanes import HALF_HEIGHT, HALF_WIDTH, Layout, lay_out
from explorer.figures.marks import (
    Above,
    Arrows,
    Box,
    ColourScale,
    Columns,
    Dots,
    Drawing,
    Edge,
    Hidden,
    Hover,
    Labels,
    Margin,
    Named,
    Strip,
)
from explorer.figures.palette import BAND, EDITED, HEAT, KIND_COLOURS, OUTLINE, SELECTED, block_colours

GAP = 2.0  # between blocks, in the units of √channels
ROW = 38  # pixels per operator
TEXT = 14  # pixels of a font
HOVER = (
    "{0} · {1}",
    "output {2}",
    "mult-adds {3}",
    "params {4}",
    "MAC {5} elements",
)
"""Of a block's fields; a seventh is its latency."""


def network(
    blocks: pandas.DataFrame, metric: str, selected: str | None = None, edited: Collection[str] = ()
) -> Drawing:
    """The blocks in execution order: height √side of a square of as many pixels, width √channels, colour the metric.

    Square roots keep 7×7 maps and 16 channels large enough to be hit. Each bar's fields start with its path. `edited`
    blocks have a thick line and a dot above them.
    """
    paths = blocks["block"].tolist()
    heights = tuple(sqrt(sqrt(height * width)) for height, width in zip(blocks["resolution"], blocks["map_width"]))
    widths = tuple(sqrt(channels) for channels in blocks["channels"])
    lefts, left = [], 0.0
    for width in widths:
        lefts.append(left)
        left += width + GAP
    middles = tuple(left + width / 2 for left, width in zip(lefts, widths))
    shown = METRICS[metric]
    timed = "latency_ms" in blocks
    told = [blocks[column].tolist() for column in ("kind", "output")]
    told += [[f"{number:,}" for number in blocks[column].tolist()] for column in ("mult_adds", "params", "mem_access")]
    if timed:
        told.append([f"{ms:.3f} ms" for ms in blocks["latency_ms"].tolist()])
    fields = tuple(zip(paths, *told))
    bars = Columns(
        name="blocks",
        middles=middles,
        widths=widths,
        bases=tuple(-height / 2 for height in heights),
        heights=heights,
        values=tuple(blocks[metric]),
        scale=ColourScale(
            title=f"{shown.title}, ms" if metric == "latency_ms" else shown.title,
            high=max(float(blocks[metric].max()), 1e-9),
            stops=HEAT,
        ),
        edges=tuple(
            Edge(4, SELECTED) if path == selected else Edge(3, EDITED) if path in edited else Edge(1.2, OUTLINE)
            for path in paths
        ),
        fields=fields,
        hover=(*HOVER, "{6}") if timed else HOVER,
    )
    tall = max(heights) / 2
    colours = block_colours(paths)
    strip = Strip(
        name="strip",
        middles=middles,
        widths=widths,
        base=-tall * 1.2,
        height=tall * 0.09,
        colours=tuple(colours[path] for path in paths),
        fields=fields,
    )
    marked = [position for position, path in enumerate(paths) if path in edited]
    dots = Dots(
        name="edited",
        points=tuple((middles[at], min(heights[at] / 2 + tall * 0.09, tall)) for at in marked),
        diameter=9,
        colour=EDITED,
        edge=Edge(1, OUTLINE),
    )
    places, names, bands = _stages(blocks["stage"], lefts, widths)
    return Drawing(
        height=310,
        margin=Margin(left=4, right=4, top=40, bottom=42),
        across=Named(-GAP, left, places, names, TEXT),
        upward=Hidden(-tall * 1.22, tall * 1.06),
        marks=(bars, strip, dots) if marked else (bars, strip),
        boxes=bands,
        notes=_resolutions(blocks, lefts, widths),
    )


def _stages(
    stages: Iterable[str], lefts: Sequence[float], widths: Sequence[float]
) -> tuple[tuple[float, ...], tuple[str, ...], tuple[Box, ...]]:
    """Places and names of the stages for the axis, a faint band behind every second one.

    Neighbours alternate between two rows, so that their names do not collide.
    """
    places, names, bands = [], [], []
    for number, (stage, left, right) in enumerate(_runs(stages, lefts, widths)):
        places.append((left + right) / 2)
        names.append("\n" * (number % 2) + stage.removeprefix("stage"))
        if number % 2:
            bands.append(Box(left - GAP / 2, right + GAP / 2, fill=BAND))
    return tuple(places), tuple(names), tuple(bands)


def _resolutions(blocks: pandas.DataFrame, lefts: Sequence[float], widths: Sequence[float]) -> tuple[Above, ...]:
    """The resolutions above the blocks, in two rows."""
    maps = [f"{h}²" if h == w else f"{h}×{w}" for h, w in zip(blocks["resolution"], blocks["map_width"])]
    return tuple(
        Above(resolution, (left + right) / 2, 16 * (number % 2), TEXT)
        for number, (resolution, left, right) in enumerate(_runs(maps, lefts, widths))
    )


def _runs(values: Iterable[Any], lefts: Sequence[float], widths: Sequence[float]) -> Iterator[tuple[Any, float, float]]:
    """(value, left edge, right edge) of each run of blocks with one value."""
    for value, members in groupby(zip(values, lefts, widths), key=lambda member: member[0]):
        inside = list(members)
        yield value, inside[0][1], inside[-1][1] + inside[-1][2]


def block(graph: Graph, path: str) -> Drawing:
    """The operators of a block, each below those that it reads, in the colour of its kind (see `figures.lanes`)."""
    layout = lay_out(graph, path)
    bottom = max(y for _, y in layout.places.values())
    edges = Arrows(
        name="edges",
        lines=tuple(tuple(points) for points in layout.edges.values()),
        colour=OUTLINE,
        width=2,
        head=13,
    )
    return Drawing(
        height=ROW * (bottom + 1) + 24,
        margin=Margin(left=2, right=2, top=6, bottom=6),
        across=Hidden(-0.02, layout.width + 0.02),
        upward=Hidden(bottom + 0.55, -0.55),
        marks=(edges, _operators(graph, layout)),
        boxes=tuple(_boxes(graph, layout)),
    )


def _operators(graph: Graph, layout: Layout) -> Labels:
    texts: list[str] = []
    hovers: list[Hover] = []
    for path in layout.places:
        if path in layout.outside:
            texts.append(f"{path} · {graph.shapes[path]}" if path == INPUT else f"from {path}")
            hovers.append((f"{path} · {graph.shapes[path]}",))
            continue
        node = graph[path]
        shapes = graph.input_shapes(node)
        texts.append(f"{node.op.describe(*shapes).removeprefix('channel ')} · {node.output}")
        read = ", ".join(map(str, shapes))
        counts = (f"mult-adds {node.op.mult_adds(*shapes):,}", f"params {node.op.params(*shapes):,}")
        hovers.append((path, f"{read} → {node.output}", *counts))
    return Labels(
        name="operators",
        points=tuple(layout.places.values()),
        texts=tuple(texts),
        text_size=14 if layout.width < 2 else 12,
        hovers=tuple(hovers),
        names=tuple(layout.places),
        half_width=HALF_WIDTH,
        half_height=HALF_HEIGHT,
    )


def _boxes(graph: Graph, layout: Layout) -> Iterator[Box]:
    """A box around each name, dotted where the operator is another block's."""
    for path, (x, y) in layout.places.items():
        outside = path in layout.outside
        colour = "#999999"
        if not outside:
            node = graph[path]
            colour = KIND_COLOURS[kind_of(node.op, graph.shapes[node.inputs[0]])]
        left, right, heights = x - HALF_WIDTH, x + HALF_WIDTH, (y - HALF_HEIGHT, y + HALF_HEIGHT)
        # two boxes, as opacity dims the edge with the inside
        yield Box(left, right, heights, fill=colour, opacity=0.12 if outside else 0.3)
        yield Box(left, right, heights, edge=Edge(1.5, colour, dotted=outside))
