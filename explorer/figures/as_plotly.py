"""A plotly figure of a drawing, for files, notebooks and the lab; the page's live figures are rendered in `svg`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from explorer.figures import draw
from explorer.figures.marks import (
    Above,
    Arrows,
    Beside,
    Box,
    ColourScale,
    Columns,
    Dots,
    Drawing,
    Hidden,
    Hover,
    Labels,
    Named,
    Percent,
    Rows,
    Segments,
    Strip,
)

HOVER_SIZE = 14


def figure(drawing: Drawing) -> go.Figure:
    """The drawing as a plotly figure with the default template."""
    return draw.figure(traces(drawing), layout(drawing))


def traces(drawing: Drawing) -> list[draw.Trace]:
    """The marks as plotly's JSON has them."""
    return [TRACES[type(mark)](mark) for mark in drawing.marks]


def layout(drawing: Drawing) -> dict[str, Any]:
    """The axes, boxes and notes as plotly's JSON has them, without a template."""
    margin = drawing.margin
    shown: dict[str, Any] = {
        "height": drawing.height,
        "margin": {"l": margin.left, "r": margin.right, "t": margin.top, "b": margin.bottom},
        "dragmode": False,
        "xaxis": _across(drawing.across),
        "yaxis": _upward(drawing.upward),
    }
    for mark in drawing.marks:
        if isinstance(mark, Segments):  # a segment narrower than its text goes without
            shown |= {"barmode": "overlay", "uniformtext": {"minsize": mark.text_size, "mode": "hide"}}
        elif isinstance(mark, Columns | Labels):
            shown |= {"showlegend": False, "hoverlabel": {"font": {"size": HOVER_SIZE}}}
        if isinstance(mark, Columns):
            shown["barmode"] = "overlay"
    if drawing.boxes:
        shown["shapes"] = [_box(box) for box in drawing.boxes]
    if drawing.notes:
        shown["annotations"] = [_note(note) for note in drawing.notes]
    return shown


def _columns(columns: Columns) -> draw.Trace:
    edges = columns.edges
    return {
        "type": "bar",
        "x": columns.middles,
        "y": columns.heights,
        "base": columns.bases,
        "width": columns.widths,
        "name": columns.name,
        "customdata": columns.fields,
        "marker": {
            "color": columns.values,
            "colorscale": columns.scale.stops,
            "cmin": 0,
            "cmax": columns.scale.high,
            "colorbar": _colour_bar(columns.scale),
            "line": {"width": [edge.width for edge in edges], "color": [edge.colour for edge in edges]},
        },
        "hovertemplate": _template(columns.hover),
    }


def _colour_bar(scale: ColourScale) -> dict[str, Any]:
    return {
        "title": {"text": scale.title, "side": "right", "font": {"size": scale.title_size}},
        "thickness": scale.thickness,
        "tickformat": "~s",
        "tickfont": {"size": scale.tick_size},
        "nticks": scale.most_ticks,
        "outlinewidth": 0,
        "x": 1.0,
        "len": scale.length,
    }


def _strip(strip: Strip) -> draw.Trace:
    return {
        "type": "bar",
        "x": strip.middles,
        "y": [strip.height] * len(strip.middles),
        "base": strip.base,
        "width": strip.widths,
        "marker": {"color": strip.colours, "line": {"width": 0}},
        "customdata": strip.fields,
        "hoverinfo": "skip",
        "name": strip.name,
    }


def _segments(segments: Segments) -> draw.Trace:
    edges = segments.edges
    return {
        "type": "bar",
        "x": segments.lengths,
        "y": segments.rows,
        "base": segments.starts,
        "orientation": "h",
        "width": segments.thickness,
        "marker": {
            "color": segments.colours,
            "line": {"width": [edge.width for edge in edges], "color": [edge.colour for edge in edges]},
        },
        "text": segments.texts,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": segments.text_colours, "size": segments.text_size},
        "customdata": segments.fields,
        "hovertemplate": _template(segments.hover),
        "showlegend": False,
    }


def _dots(dots: Dots) -> draw.Trace:
    return {
        "type": "scatter",
        "x": [x for x, _ in dots.points],
        "y": [y for _, y in dots.points],
        "mode": "markers",
        "marker": {
            "size": dots.diameter,
            "color": dots.colour,
            "line": {"width": dots.edge.width, "color": dots.edge.colour},
        },
        "hoverinfo": "skip",
        "name": dots.name,
    }


def _arrows(arrows: Arrows) -> draw.Trace:
    """One trace with a gap after each line; a point with a size has a head."""
    sizes: list[int] = []
    for points in arrows.lines:
        sizes += [0] * (len(points) - 1) + [arrows.head, 0]
    return {
        "type": "scatter",
        "x": [x for points in arrows.lines for x in (*(x for x, _ in points), None)],
        "y": [y for points in arrows.lines for y in (*(y for _, y in points), None)],
        "mode": "lines+markers",
        "line": {"color": arrows.colour, "width": arrows.width},
        "marker": {
            "symbol": "arrow",
            "angleref": "previous",
            "size": sizes,
            "color": arrows.colour,
            "line": {"width": 0},
        },
        "hoverinfo": "skip",
        "name": arrows.name,
    }


def _labels(labels: Labels) -> draw.Trace:
    return {
        "type": "scatter",
        "x": [x for x, _ in labels.points],
        "y": [y for _, y in labels.points],
        "mode": "text",
        "text": labels.texts,
        "textfont": {"size": labels.text_size},
        "hovertext": ["<br>".join((f"<b>{title}</b>" if rest else title, *rest)) for title, *rest in labels.hovers],
        "hoverinfo": "text",
        "customdata": labels.names,
        "name": labels.name,
    }


TRACES: dict[type, Callable[[Any], draw.Trace]] = {
    Columns: _columns,
    Strip: _strip,
    Segments: _segments,
    Dots: _dots,
    Arrows: _arrows,
    Labels: _labels,
}


def _template(hover: Hover) -> str:
    """The lines with plotly's names of the fields, the mark's name in bold."""
    fields = re.sub(r"\{(\d+)\}", r"%{customdata[\1]}", "<br>".join(hover))
    return f"{fields.replace('%{customdata[0]}', '<b>%{customdata[0]}</b>')}<extra></extra>"


def _box(box: Box) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "rect", "x0": box.left, "x1": box.right, "layer": "below"}
    if box.heights is None:
        shown |= {"yref": "paper", "y0": 0, "y1": 1}
    else:
        shown |= {"y0": box.heights[0], "y1": box.heights[1]}
    if box.fill:
        shown["fillcolor"] = box.fill
    if box.opacity < 1:
        shown["opacity"] = box.opacity
    edge = box.edge
    dash = "dot" if edge and edge.dotted else "solid"
    shown["line"] = {"color": edge.colour, "width": edge.width, "dash": dash} if edge else {"width": 0}
    return shown


def _note(note: Above | Beside) -> dict[str, Any]:
    shown: dict[str, Any] = {"text": note.text, "showarrow": False, "font": {"size": note.size}, "x": note.x}
    if isinstance(note, Beside):
        return {**shown, "xref": "paper", "xanchor": "left", "y": note.row}
    return {**shown, "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": note.lift}


def _across(axis: Named | Percent | Hidden) -> dict[str, Any]:
    shown: dict[str, Any] = {"range": [axis.low, axis.high], "fixedrange": True}
    match axis:
        case Hidden():
            return {"visible": False, **shown}
        case Percent(size=size):
            return {**shown, **draw.percents(*draw.FIFTHS), "tickfont": {"size": size}, "showgrid": False}
        case Named(places=places, texts=texts, size=size):
            names = [text.replace("\n", "<br>") for text in texts]
            bare = {"showgrid": False, "zeroline": False, "tickangle": 0, "ticks": ""}
            return {**shown, **bare, "tickfont": {"size": size}, "tickvals": places, "ticktext": names}


def _upward(axis: Rows | Hidden) -> dict[str, Any]:
    if isinstance(axis, Hidden):
        return {"visible": False, "range": [axis.low, axis.high], "fixedrange": True}
    return {
        "categoryorder": "array",
        "categoryarray": axis.names,
        "tickfont": {"size": axis.size},
        "fixedrange": True,
        "title": None,
    }
