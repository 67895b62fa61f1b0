"""The graph as pictures: the network as blocks from left to right, a block as its operators from top to bottom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from math import sqrt
from typing import Any

import pandas
import plotly.graph_objects as go

from archs import Graph
from archs.ir.graph import INPUT
from costmodel.counting.kinds import kind_of
from explorer.data.metrics import METRICS
from explorer.figures import draw
from explorer.figures.lanes import HALF_HEIGHT, HALF_WIDTH, Layout, lay_out
from explorer.figures.palette import BAND, EDITED, HEAT, KIND_COLOURS, OUTLINE, SELECTED, block_colours

GAP = 2.0  # between blocks, in the units of √channels
ROW = 38  # pixels per operator


def network(
    blocks: pandas.DataFrame, metric: str, selected: str | None = None, edited: Collection[str] = ()
) -> go.Figure:
    """The blocks in execution order: height √side of a square of as many pixels, width √channels, colour the metric.

    Square roots keep 7×7 maps and 16 channels large enough to be hit. Each bar's customdata starts with its path.
    `edited` blocks have a thick line and a dot above them.
    """
    heights = [sqrt(sqrt(height * width)) for height, width in zip(blocks["resolution"], blocks["map_width"])]
    widths = [sqrt(channels) for channels in blocks["channels"]]
    lefts, left = [], 0.0
    for width in widths:
        lefts.append(left)
        left += width + GAP
    lines = [
        (4, SELECTED) if block == selected else (3, EDITED) if block in edited else (1.2, OUTLINE)
        for block in blocks["block"]
    ]
    shown = METRICS[metric]
    heading = f"{shown.title}, ms" if metric == "latency_ms" else shown.title
    times = [(f"{ms:.3f} ms",) for ms in blocks["latency_ms"]] if "latency_ms" in blocks else [()] * len(blocks)
    custom = [
        (row.block, row.kind, row.output, f"{row.mult_adds:,}", f"{row.params:,}", f"{row.mem_access:,}", *timed)
        for row, timed in zip(blocks.itertuples(), times)
    ]
    middles = [left + width / 2 for left, width in zip(lefts, widths)]
    bar = dict(
        type="bar",
        x=middles,
        y=heights,
        base=[-height / 2 for height in heights],
        width=widths,
        name="blocks",
        customdata=custom,
        marker={
            "color": list(blocks[metric]),
            "colorscale": HEAT,
            "cmin": 0,
            "cmax": max(float(blocks[metric].max()), 1e-9),
            "colorbar": {
                "title": {"text": heading, "side": "right", "font": {"size": 14}},
                "thickness": 14,
                "tickformat": "~s",
                "tickfont": {"size": 13},
                "nticks": 5,
                "outlinewidth": 0,
                "x": 1.0,
                "len": 1.05,
            },
            "line": {
                "width": [width for width, _ in lines],
                "color": [colour for _, colour in lines],
            },
        },
        hovertemplate=(
            "<b>%{customdata[0]}</b> · %{customdata[1]}<br>output %{customdata[2]}<br>mult-adds %{customdata[3]}<br>"
            "params %{customdata[4]}<br>MAC %{customdata[5]} elements"
            f"{'<br>%{customdata[6]}' if times[0] else ''}<extra></extra>"
        ),
    )
    tall = max(heights) / 2
    colours = block_colours(blocks["block"])
    strip = dict(
        type="bar",
        x=middles,
        y=[tall * 0.09] * len(blocks),
        base=-tall * 1.2,
        width=widths,
        marker={"color": [colours[block] for block in blocks["block"]], "line": {"width": 0}},
        customdata=custom,
        hoverinfo="skip",
        name="strip",
    )
    names, resolutions, bands = _stages(blocks, lefts, widths)
    layout = dict(
        height=310,
        margin={"l": 4, "r": 4, "t": 40, "b": 42},
        dragmode=False,
        showlegend=False,
        hoverlabel={"font": {"size": 14}},
        xaxis={
            "range": [-GAP, left],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "tickfont": {"size": 14},
            "tickangle": 0,
            **names,
            "ticks": "",
        },
        barmode="overlay",
        yaxis={"visible": False, "range": [-tall * 1.22, tall * 1.06], "fixedrange": True},
        annotations=resolutions,
        shapes=bands,
    )
    marked = [position for position, block in enumerate(blocks["block"]) if block in edited]
    dots = dict(
        type="scatter",
        x=[middles[position] for position in marked],
        y=[min(heights[position] / 2 + tall * 0.09, tall) for position in marked],
        mode="markers",
        marker={"size": 9, "color": EDITED, "line": {"width": 1, "color": OUTLINE}},
        hoverinfo="skip",
        name="edited",
    )
    return draw.figure([bar, strip, *([dots] if marked else [])], layout)


def _stages(
    blocks: pandas.DataFrame, lefts: list[float], widths: list[float]
) -> tuple[dict[str, list], list[dict], list[dict]]:
    """Stage names for the axis, resolutions above the blocks, a faint band behind every second stage.

    Neighbours alternate between two rows, so that their names do not collide.
    """
    ticks, names, bands, above = [], [], [], []
    for number, (stage, left, right) in enumerate(_runs(blocks["stage"], lefts, widths)):
        ticks.append((left + right) / 2)
        names.append("<br>" * (number % 2) + stage.removeprefix("stage"))
        if number % 2:
            band = {"type": "rect", "x0": left - GAP / 2, "x1": right + GAP / 2, "yref": "paper", "y0": 0, "y1": 1}
            bands.append({**band, "fillcolor": BAND, "line": {"width": 0}, "layer": "below"})
    maps = [f"{h}²" if h == w else f"{h}×{w}" for h, w in zip(blocks["resolution"], blocks["map_width"])]
    for number, (resolution, left, right) in enumerate(_runs(maps, lefts, widths)):
        text = {"text": resolution, "showarrow": False, "font": {"size": 14}, "yshift": 16 * (number % 2)}
        above.append({**text, "x": (left + right) / 2, "y": 1, "yref": "paper", "yanchor": "bottom"})
    return {"tickvals": ticks, "ticktext": names}, above, bands


def _runs(values: Iterable[Any], lefts: list[float], widths: list[float]) -> Iterator[tuple[Any, float, float]]:
    """(value, left edge, right edge) of each run of blocks with one value."""
    for value, members in groupby(zip(values, lefts, widths), key=lambda member: member[0]):
        inside = list(members)
        yield value, inside[0][1], inside[-1][1] + inside[-1][2]


def block(graph: Graph, path: str) -> go.Figure:
    """The operators of a block, each below those that it reads, in the colour of its kind (see `figures.lanes`)."""
    layout = lay_out(graph, path)
    bottom = max(y for _, y in layout.places.values())
    drawn = dict(
        height=ROW * (bottom + 1) + 24,
        margin={"l": 2, "r": 2, "t": 6, "b": 6},
        shapes=_boxes(graph, layout),
        showlegend=False,
        dragmode=False,
        hoverlabel={"font": {"size": 14}},
        xaxis={"visible": False, "range": [-0.02, layout.width + 0.02], "fixedrange": True},
        yaxis={"visible": False, "range": [bottom + 0.55, -0.55], "fixedrange": True},
    )
    return draw.figure([_edges(layout), _names(graph, layout)], drawn)


def _edges(layout: Layout) -> draw.Trace:
    """Lines, with an arrow head at the end of each."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    heads: list[int] = []
    for points in layout.edges.values():
        xs += [*(x for x, _ in points), None]
        ys += [*(y for _, y in points), None]
        heads += [0] * (len(points) - 1) + [13, 0]
    return dict(
        type="scatter",
        x=xs,
        y=ys,
        mode="lines+markers",
        line={"color": OUTLINE, "width": 2},
        marker={"symbol": "arrow", "angleref": "previous", "size": heads, "color": OUTLINE, "line": {"width": 0}},
        hoverinfo="skip",
        name="edges",
    )


def _names(graph: Graph, layout: Layout) -> draw.Trace:
    label, hover = [], []
    for path in layout.places:
        if path in layout.outside:
            label.append(f"{path} · {graph.shapes[path]}" if path == INPUT else f"from {path}")
            hover.append(f"{path} · {graph.shapes[path]}")
            continue
        node = graph[path]
        shapes = graph.input_shapes(node)
        label.append(f"{node.op.describe(*shapes).removeprefix('channel ')} · {node.output}")
        hover.append(
            f"<b>{path}</b><br>{', '.join(map(str, shapes))} → {node.output}<br>"
            f"mult-adds {node.op.mult_adds(*shapes):,}<br>params {node.op.params(*shapes):,}"
        )
    return dict(
        type="scatter",
        x=[x for x, _ in layout.places.values()],
        y=[y for _, y in layout.places.values()],
        mode="text",
        text=label,
        textfont={"size": 14 if layout.width < 2 else 12},
        hovertext=hover,
        hoverinfo="text",
        customdata=list(layout.places),
        name="operators",
    )


def _boxes(graph: Graph, layout: Layout) -> list[dict]:
    """A box around each name, dotted where the operator is another block's."""
    boxes = []
    for path, (x, y) in layout.places.items():
        outside = path in layout.outside
        colour = "#999999"
        if not outside:
            node = graph[path]
            colour = KIND_COLOURS[kind_of(node.op, graph.shapes[node.inputs[0]])]
        box: dict[str, Any] = {"type": "rect", "layer": "below"}
        box |= {"x0": x - HALF_WIDTH, "x1": x + HALF_WIDTH, "y0": y - HALF_HEIGHT, "y1": y + HALF_HEIGHT}
        # two shapes, as opacity dims a shape's line with its inside
        boxes.append({**box, "fillcolor": colour, "opacity": 0.12 if outside else 0.3, "line": {"width": 0}})
        boxes.append({**box, "line": {"color": colour, "width": 1.5, "dash": "dot" if outside else "solid"}})
    return boxes
