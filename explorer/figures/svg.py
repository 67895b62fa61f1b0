"""SVG text of a figure's dictionary: those of plotly's properties that the page's live figures have.

Plotly draws a figure in 0.1 s and more at every edit; a browser shows another SVG in 2 ms. x is in percent of the plot,
so that a window of another width needs no new drawing; y is in pixels. All text is escaped; of plotly's markup `<br>`
and `<b>` are understood, the latter without effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise, repeat
from math import ceil, floor, log10
from typing import Any

Properties = dict[str, Any]

BAR_ROOM = 82  # pixels beside the plot for a colour bar: itself, its ticks, its title
TARGET = 24.1  # pixels: the least width of what is pressed (WCAG 2.2, 2.5.8), and what browsers round
LINE = 1.3  # from a line of text to the next, in font sizes
MIDDLE = 0.35  # from the middle of a line of text down to where its letters stand, in font sizes
GAP = 9  # pixels between the plot and its ticks
PAD = 10  # pixels between the plot and its colour bar
NO_TARGET = ' pointer-events="none"'
DASHES = {"solid": "", "dot": ' stroke-dasharray="3"'}
FORMATS: dict[str, Callable[[float], str]] = {".0%": "{:.0%}".format, "~s": lambda value: _prefixed(value)}


def drawing(figure: Properties, name: str, alt: str, buttons: bool = False) -> str:
    """The figure; whatever has a hover text is a `g.mark` with that as its label, and `data-name`, what it stands for.

    `name` tells its gradient and arrow head from another figure's on the page; `alt` says what it shows; `buttons`:
    the marks can be pressed.
    """
    layout = figure["layout"]
    plot = Plot.of(layout, any("colorbar" in trace.get("marker", {}) for trace in figure["data"]))
    parts = [_shape(shape, plot) for shape in plot.shapes]
    least = 0.0
    for trace in figure["data"]:
        parts += TRACES[trace["type"], trace.get("mode")](trace, plot, name, "button" if buttons else "img")
        if buttons and _stands(trace):
            least = TARGET / plot.share(min(right - left for left, right in _cells(trace))) + plot.left + plot.right
    parts += _ticks_across(layout["xaxis"], plot)
    parts += _ticks_down(layout["yaxis"], plot)
    parts += [_annotation(annotation, plot) for annotation in layout.get("annotations", ())]
    # what marks are in is a group: an image would hide them from whoever cannot see it
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{escape(alt)}" fill="currentColor" '
        f'data-least="{ceil(least)}" '
        f'style="display:block;overflow:visible;height:{plot.height}px;width:calc(100% - {plot.left + plot.right}px);'
        f'margin:{plot.top}px {plot.right}px {plot.bottom}px {plot.left}px">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class Plot:
    """The part of a figure between its margins, in pixels, and what its edges are in the units of the axes."""

    left: int
    right: int
    top: int
    bottom: int
    height: int
    xs: tuple[float, float]
    ys: tuple[float, float]
    """Bottom and top."""
    categories: dict[str, int]
    shapes: tuple[Properties, ...]

    @classmethod
    def of(cls, layout: Properties, has_bar: bool) -> Plot:
        margin = layout["margin"]
        names = layout["yaxis"].get("categoryarray", ())
        return cls(
            left=margin["l"],
            right=margin["r"] + BAR_ROOM * has_bar,
            top=margin["t"],
            bottom=margin["b"],
            height=round(layout["height"] - margin["t"] - margin["b"]),
            xs=tuple(layout["xaxis"]["range"]),
            ys=(-0.5, len(names) - 0.5) if names else tuple(layout["yaxis"]["range"]),
            categories={name: place for place, name in enumerate(names)},
            shapes=tuple(layout.get("shapes", ())),
        )

    def share(self, distance: float) -> float:
        """Of the plot's width."""
        return distance / (self.xs[1] - self.xs[0])

    def across(self, x: float, paper: bool = False) -> str:
        return _percent(x if paper else self.share(x - self.xs[0]))

    def down(self, y: float | str, paper: bool = False) -> float:
        """Pixels from the top of the plot."""
        low, high = (0.0, 1.0) if paper else self.ys
        place = self.categories[y] if isinstance(y, str) else y
        return self.height * (high - place) / (high - low)

    def box(self, x: tuple[float, float], y: tuple[float, float], paper: bool = False) -> str:
        """A rectangle's attributes from its edges; `paper`: y is in plot heights."""
        one, other = self.down(y[0], paper), self.down(y[1], paper)
        width = _percent(self.share(x[1] - x[0]))
        return f'x="{self.across(x[0])}" y="{min(one, other):.2f}" width="{width}" height="{abs(one - other):.2f}"'


def _percent(share: float) -> str:
    return f"{100 * share:.3f}%"


def _text(words: str, x: str, y: float, size: float, anchor: str = "middle", more: str = "") -> str:
    """One line, the middle of it at y."""
    line = escape(words.replace("<b>", "").replace("</b>", ""))
    return f'<text x="{x}" y="{y + MIDDLE * size:.2f}" font-size="{size}" text-anchor="{anchor}"{more}>{line}</text>'


def _room(share: float) -> str:
    """How much of the plot's width a text has: where it does not fit, the page hides it."""
    return f' data-room="{share:.5f}"'


def _mark(inside: str, name: str, hover: str, role: str) -> str:
    label = escape(hover).replace("\n", "&#10;")
    return f'<g class="mark" role="{role}" tabindex="-1" data-name="{escape(name)}" aria-label="{label}">{inside}</g>'


def _plain(text: str) -> str:
    """Plotly's markup as lines."""
    return re.sub("</?b>|<extra></extra>", "", text).replace("<br>", "\n")


def _each(value: Any) -> Iterable[Any]:
    """A property that is one for all, or one for each."""
    return value if isinstance(value, list) else repeat(value)


def _bars(trace: Properties, plot: Plot, name: str, role: str) -> Iterator[str]:
    marker = trace["marker"]
    lying = trace.get("orientation") == "h"
    fills = _scaled(marker) if "colorscale" in marker else marker["color"]
    line, font = marker["line"], trace.get("textfont", {})
    template = _plain(trace.get("hovertemplate", "")).replace("%{customdata[", "{0[")
    cells = _cells(trace) if _stands(trace) and role == "button" else repeat(None)
    for x, y, base, width, fill, edge, edge_colour, text, ink, custom, cell in zip(
        trace["x"],
        trace["y"],
        _each(trace["base"]),
        _each(trace["width"]),
        _each(fills),
        _each(line["width"]),
        _each(line.get("color")),
        _each(trace.get("text", "")),
        _each(font.get("color")),
        trace["customdata"],
        cells,
    ):
        if lying and not x:  # a share of nothing
            continue
        middle = plot.categories.get(y, y) if lying else x
        sides, length = (middle - width / 2, middle + width / 2), (base, base + (x if lying else y))
        box = plot.box(length, sides) if lying else plot.box(sides, length)
        stroke = f' stroke="{edge_colour}" stroke-width="{edge}"' if edge else ""
        drawn = f'<rect {box} fill="{fill}"{stroke}{"" if template else NO_TARGET}/>'
        if cell:  # the whole column, up to the middle of the gaps, can be pressed
            drawn += f'<rect {plot.box(cell, plot.ys)} fill="none"/>'
        if text:
            at = plot.across(base + x / 2)
            more = f' fill="{ink}"{_room(plot.share(x))}'
            drawn += _text(text, at, plot.down(y), font["size"], more=more)
        yield _mark(drawn, custom[0], template.format(custom), role) if template else drawn
    if "colorbar" in marker:
        yield _colour_bar(marker, plot, f"{name}-scale")


def _stands(trace: Properties) -> bool:
    """Whether a trace has bars that stand and say something when they are pointed at."""
    return trace["type"] == "bar" and trace.get("orientation") != "h" and "hovertemplate" in trace


def _cells(trace: Properties) -> list[tuple[float, float]]:
    """The columns of bars that stand: each reaches to the middle of the gaps beside it."""
    edges = [(x - width / 2, x + width / 2) for x, width in zip(trace["x"], _each(trace["width"]))]
    middles = [(left[1] + right[0]) / 2 for left, right in pairwise(edges)]
    return list(zip([edges[0][0], *middles], [*middles, edges[-1][1]]))


def _scaled(marker: Properties) -> list[str]:
    """The colours of numbers on a colour scale."""
    low, high = marker["cmin"], marker["cmax"]
    stops = [(place, _rgba(colour)) for place, colour in marker["colorscale"]]

    def colour(value: float) -> str:
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        (start, first), (end, last) = next(pair for pair in pairwise(stops) if share <= pair[1][0])
        part = (share - start) / (end - start)
        red, green, blue, opacity = (a + part * (b - a) for a, b in zip(first, last))
        return f"rgba({red:.0f}, {green:.0f}, {blue:.0f}, {opacity:.3f})"

    return [colour(value) for value in marker["color"]]


def _rgba(colour: str) -> tuple[float, ...]:
    """Of `rgba(…)` as in `explorer.figures.palette`."""
    return tuple(map(float, colour.removeprefix("rgba(").removesuffix(")").split(",")))


def _solid(colour: str) -> tuple[str, float]:
    """The colour without its opacity, and that."""
    red, green, blue, opacity = _rgba(colour)
    return f"rgb({red:.0f}, {green:.0f}, {blue:.0f})", opacity


def _colour_bar(marker: Properties, plot: Plot, name: str) -> str:
    bar, low, high = marker["colorbar"], marker["cmin"], marker["cmax"]
    size, font, title = bar["thickness"], bar["tickfont"]["size"], bar["title"]
    long = plot.height * bar["len"] - 2 * PAD
    top = (plot.height - long) / 2
    stops = "".join(f'<stop offset="{place}" stop-color="{colour}"/>' for place, colour in marker["colorscale"])
    words = "".join(
        _text(_format(tick, bar), "0", top + long * (high - tick) / (high - low), font, "start")
        for tick in _steps(low, high, bar["nticks"])
    )
    at = f"translate({BAR_ROOM - PAD - title['font']['size'] / 2:.1f} {plot.height / 2:.1f}) rotate(-90)"
    return (
        f'<linearGradient id="{name}" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'
        f'<svg x="{plot.across(bar["x"], paper=True)}" overflow="visible">'
        f'<rect x="{PAD}" y="{top:.2f}" width="{size}" height="{long:.2f}" fill="url(#{name})"/>'
        f'<g transform="translate({PAD + size + 5} 0)">{words}</g>'
        f'<g transform="{at}">{_text(title["text"], "0", 0, title["font"]["size"])}</g></svg>'
    )


def _dots(trace: Properties, plot: Plot, name: str, role: str) -> Iterator[str]:
    marker = trace["marker"]
    line = marker["line"]
    for x, y in zip(trace["x"], trace["y"]):
        yield (
            f'<circle class="dot" cx="{plot.across(x)}" cy="{plot.down(y):.2f}" r="{marker["size"] / 2}" '
            f'fill="{marker["color"]}" stroke="{line["color"]}" stroke-width="{line["width"]}"/>'
        )


def _arrows(trace: Properties, plot: Plot, name: str, role: str) -> Iterator[str]:
    """Lines between the gaps of a trace; a point with a size ends in an arrow head."""
    colour, opacity = _solid(trace["line"]["color"])
    size = max(trace["marker"]["size"])
    points = list(zip(trace["x"], trace["y"], trace["marker"]["size"]))
    end = f' marker-end="url(#{name}-head)"'
    lines = [
        f'<line x1="{plot.across(x1)}" y1="{plot.down(y1):.2f}" x2="{plot.across(x2)}" y2="{plot.down(y2):.2f}"'
        f"{end if head else ''}/>"
        for (x1, y1, _), (x2, y2, head) in pairwise(points)
        if x1 is not None and x2 is not None
    ]
    # as one group they are dimmed together: a corner would be darker than its lines
    yield (
        f'<marker id="{name}-head" orient="auto" markerUnits="userSpaceOnUse" refX="{size}" refY="{size / 2}" '
        f'markerWidth="{size}" markerHeight="{size}"><path d="M{size} {size / 2}L{0.3 * size:.2f} {0.1 * size:.2f}V'
        f'{0.9 * size:.2f}Z" fill="{_solid(trace["marker"]["color"])[0]}"/></marker><g class="edges" stroke="{colour}" '
        f'stroke-width="{trace["line"]["width"]}" stroke-linecap="round" opacity="{opacity:g}">{"".join(lines)}</g>'
    )


def _names(trace: Properties, plot: Plot, name: str, role: str) -> Iterator[str]:
    """Each in a box, which is hovered over with it."""
    size = trace["textfont"]["size"]
    for x, y, text, hover, path in zip(trace["x"], trace["y"], trace["text"], trace["hovertext"], trace["customdata"]):
        around = next(box for box in plot.shapes if box["x0"] <= x <= box["x1"] and box["y0"] <= y <= box["y1"])
        box = f'<rect {plot.box((around["x0"], around["x1"]), (around["y0"], around["y1"]))} fill="none"/>'
        yield _mark(box + _text(text, plot.across(x), plot.down(y), size), path, _plain(hover), role)


TRACES: dict[tuple[str, str | None], Callable[[Properties, Plot, str, str], Iterable[str]]] = {
    ("bar", None): _bars,
    ("scatter", "markers"): _dots,
    ("scatter", "lines+markers"): _arrows,
    ("scatter", "text"): _names,
}


def _shape(shape: Properties, plot: Plot) -> str:
    line = shape["line"]
    box = plot.box((shape["x0"], shape["x1"]), (shape["y0"], shape["y1"]), shape.get("yref") == "paper")
    stroke = ""
    if line["width"]:
        dash = DASHES[line["dash"]]
        stroke = f' stroke="{line["color"]}" stroke-width="{line["width"]}"{dash}'
    return f'<rect {box} fill="{shape.get("fillcolor", "none")}" opacity="{shape.get("opacity", 1)}"{stroke}/>'


def _annotation(note: Properties, plot: Plot) -> str:
    size = note["font"]["size"]
    y = plot.down(note["y"], note.get("yref") == "paper") - note.get("yshift", 0)
    if note.get("yanchor") == "bottom":
        y -= LINE * size / 2
    x = plot.across(note["x"], note.get("xref") == "paper")
    return _text(note["text"], x, y, size, {"left": "start"}[note["xanchor"]] if "xanchor" in note else "middle")


def _ticks_across(axis: Properties, plot: Plot) -> Iterator[str]:
    """Below the plot, each in the line that it says."""
    if not axis.get("visible", True):
        return
    size = axis["tickfont"]["size"]
    values = axis["tickvals"] if "tickvals" in axis else _steps(axis["range"][0], axis["range"][1], most=5)
    texts = axis["ticktext"] if "ticktext" in axis else [_format(value, axis) for value in values]
    placed = [(row, value, line) for value, text in zip(values, texts) for row, line in enumerate(text.split("<br>"))]
    for row, value, line in placed:
        beside = [abs(value - other) for other_row, other, its in placed if other_row == row and its and other != value]
        y = plot.height + GAP + size * (LINE * row + 0.5)
        if line:
            yield _text(line, plot.across(value), y, size, more=_room(plot.share(min(beside, default=plot.xs[1]))))


def _ticks_down(axis: Properties, plot: Plot) -> Iterator[str]:
    """Left of the plot."""
    if axis.get("visible", True):
        for name in axis["categoryarray"]:
            yield _text(name, f"{-GAP}", plot.down(name), axis["tickfont"]["size"], "end")


def _format(value: float, axis: Properties) -> str:
    return FORMATS[axis["tickformat"]](value)


def _prefixed(value: float) -> str:
    """20000000 as `20M`."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{prefix}"
    return f"{value:g}"


def _steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, at most `most` steps between them.

    >>> _steps(0, 29_000_000, 5), _steps(0, 1, 5)
    ([0.0, 10000000.0, 20000000.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    least = (high - low) / most
    power = 10.0 ** floor(log10(least))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))
    return [round(low + number * step, 12) for number in range(floor((high - low) / step + 1e-9) + 1)]
