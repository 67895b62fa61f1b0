"""SVG text of a drawing. All text is escaped; the plot, its axes and its notes are rendered in `svg_plot`.

Plotly takes 0.1 s and more for a figure at every edit; a browser shows another SVG in 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import pairwise, repeat
from math import ceil
from typing import Any

from explorer.figures.marks import Arrows, ColourScale, Columns, Dots, Drawing, Fields, Hover, Labels, Segments, Strip
from explorer.figures.svg_plot import BAR_ROOM, Plot, box, css_percent, note, room, steps, stroke, text, ticks

TARGET = 24.1  # pixels: the least width of what is pressed (WCAG 2.2, 2.5.8), and what browsers round
PAD = 10  # pixels between the plot and its colour bar
NO_TARGET = ' pointer-events="none"'


def render(drawing: Drawing, name: str, alt: str, buttons: bool = False) -> str:
    """The drawing; each mark with a hover text is a `g.mark` with that as its label and its name in `data-name`.

    `name` makes the ids of its gradient and arrow head unique on the page; `alt` is its label; `buttons`: the marks can
    be pressed.
    """
    plot = Plot.of(drawing)
    name = name.replace(" ", "-")  # a reference to an id ends at a space
    role = "button" if buttons else "img"
    parts = [box(shown, plot) for shown in drawing.boxes]
    least = 0.0
    for mark in drawing.marks:
        parts += RENDERERS[type(mark)](mark, plot, name, role)
        if buttons and isinstance(mark, Columns):
            least = TARGET / plot.share(min(right - left for left, right in _cells(mark))) + plot.left + plot.right
    parts += ticks(drawing, plot)
    parts += [note(shown, plot) for shown in drawing.notes]
    # a group: the role image would hide the marks inside from screen readers
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="group" aria-label="{escape(alt)}" fill="currentColor" '
        f'data-least="{ceil(least)}" '
        f'style="display:block;overflow:visible;height:{plot.height}px;width:calc(100% - {plot.left + plot.right}px);'
        f'margin:{plot.top}px {plot.right}px {plot.bottom}px {plot.left}px">{"".join(parts)}</svg>'
    )


def _mark(inside: str, name: str, hover: str, role: str) -> str:
    label = escape(hover).replace("\n", "&#10;")
    return f'<g class="mark" role="{role}" tabindex="-1" data-name="{escape(name)}" aria-label="{label}">{inside}</g>'


def _hover(lines: Hover, fields: Fields) -> str:
    return "\n".join(lines).format(*fields)


def _columns(columns: Columns, plot: Plot, name: str, role: str) -> Iterator[str]:
    pressed = _cells(columns) if role == "button" else repeat(None)
    for middle, width, base, height, fill, edge, fields, cell in zip(
        columns.middles,
        columns.widths,
        columns.bases,
        columns.heights,
        _colours(columns.values, columns.scale),
        columns.edges,
        columns.fields,
        pressed,
    ):
        rectangle = plot.rectangle((middle - width / 2, middle + width / 2), (base, base + height))
        drawn = f'<rect {rectangle} fill="{fill}"{stroke(edge)}/>'
        if cell:
            drawn += f'<rect {plot.rectangle(cell, plot.ys)} fill="none"/>'
        yield _mark(drawn, fields[0], _hover(columns.hover, fields), role)
    yield _colour_bar(columns.scale, plot, f"{name}-scale")


def _cells(columns: Columns) -> list[tuple[float, float]]:
    """The part of the plot that presses each column: up to the middle of the gaps beside it."""
    edges = [(x - width / 2, x + width / 2) for x, width in zip(columns.middles, columns.widths)]
    middles = [(left[1] + right[0]) / 2 for left, right in pairwise(edges)]
    return list(zip([edges[0][0], *middles], [*middles, edges[-1][1]]))


def _strip(strip: Strip, plot: Plot, name: str, role: str) -> Iterator[str]:
    for middle, width, colour in zip(strip.middles, strip.widths, strip.colours):
        sides = (middle - width / 2, middle + width / 2)
        yield f'<rect {plot.rectangle(sides, (strip.base, strip.base + strip.height))} fill="{colour}"{NO_TARGET}/>'


def _segments(segments: Segments, plot: Plot, name: str, role: str) -> Iterator[str]:
    half, size = segments.thickness / 2, segments.text_size
    for row, start, length, colour, edge, words, ink, fields in zip(
        segments.rows,
        segments.starts,
        segments.lengths,
        segments.colours,
        segments.edges,
        segments.texts,
        segments.text_colours,
        segments.fields,
    ):
        if not length:
            continue
        middle = plot.rows[row]
        rectangle = plot.rectangle((start, start + length), (middle - half, middle + half))
        drawn = f'<rect {rectangle} fill="{colour}"{stroke(edge)}/>'
        if words:
            more = f' fill="{ink}"{room(plot.share(length))}'
            drawn += text(words, plot.across(start + length / 2), plot.down(row), size, more=more)
        yield _mark(drawn, fields[0], _hover(segments.hover, fields), role)


def _dots(dots: Dots, plot: Plot, name: str, role: str) -> Iterator[str]:
    for x, y in dots.points:
        yield (
            f'<circle class="dot" cx="{plot.across(x)}" cy="{plot.down(y):.2f}" r="{dots.diameter / 2}" '
            f'fill="{dots.colour}"{stroke(dots.edge)}/>'
        )


def _arrows(arrows: Arrows, plot: Plot, name: str, role: str) -> Iterator[str]:
    colour, opacity = _solid(arrows.colour)
    size, end = arrows.head, f' marker-end="url(#{name}-head)"'
    lines = [
        f'<line x1="{plot.across(x1)}" y1="{plot.down(y1):.2f}" x2="{plot.across(x2)}" y2="{plot.down(y2):.2f}"'
        f"{end if number == len(points) - 1 else ''}/>"
        for points in arrows.lines
        for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(points), 1)
    ]
    # one opacity for the group: where lines meet, that of each would add up
    yield (
        f'<marker id="{name}-head" orient="auto" markerUnits="userSpaceOnUse" refX="{size}" refY="{size / 2}" '
        f'markerWidth="{size}" markerHeight="{size}"><path d="M{size} {size / 2}L{0.3 * size:.2f} {0.1 * size:.2f}V'
        f'{0.9 * size:.2f}Z" fill="{colour}"/></marker><g class="edges" stroke="{colour}" '
        f'stroke-width="{arrows.width}" stroke-linecap="round" opacity="{opacity:g}">{"".join(lines)}</g>'
    )


def _labels(labels: Labels, plot: Plot, name: str, role: str) -> Iterator[str]:
    for (x, y), words, hover, path in zip(labels.points, labels.texts, labels.hovers, labels.names):
        sides = (x - labels.half_width, x + labels.half_width)
        around = plot.rectangle(sides, (y - labels.half_height, y + labels.half_height))
        written = text(words, plot.across(x), plot.down(y), labels.text_size)
        yield _mark(f'<rect {around} fill="none"/>{written}', path, "\n".join(hover), role)


RENDERERS: dict[type, Callable[[Any, Plot, str, str], Iterable[str]]] = {
    Columns: _columns,
    Strip: _strip,
    Segments: _segments,
    Dots: _dots,
    Arrows: _arrows,
    Labels: _labels,
}
"""Each takes the mark, the plot, the figure's name, and the role of what has a hover text."""


def _colours(values: Iterable[float], scale: ColourScale) -> list[str]:
    stops = [(place, _rgba(colour)) for place, colour in scale.stops]

    def colour(value: float) -> str:
        share = min(1.0, max(0.0, value / scale.high))
        (start, first), (end, last) = next(pair for pair in pairwise(stops) if share <= pair[1][0])
        part = (share - start) / (end - start)
        red, green, blue, opacity = (a + part * (b - a) for a, b in zip(first, last))
        return f"rgba({red:.0f}, {green:.0f}, {blue:.0f}, {opacity:.3f})"

    return [colour(value) for value in values]


def _rgba(colour: str) -> tuple[float, ...]:
    """The numbers of `rgba(…)` as in `explorer.figures.palette`."""
    return tuple(map(float, colour.removeprefix("rgba(").removesuffix(")").split(",")))


def _solid(colour: str) -> tuple[str, float]:
    """The colour without its opacity, and the opacity."""
    red, green, blue, opacity = _rgba(colour)
    return f"rgb({red:.0f}, {green:.0f}, {blue:.0f})", opacity


def _colour_bar(scale: ColourScale, plot: Plot, name: str) -> str:
    high, font = scale.high, scale.tick_size
    long = plot.height * scale.length - 2 * PAD
    top = (plot.height - long) / 2
    stops = "".join(f'<stop offset="{place}" stop-color="{colour}"/>' for place, colour in scale.stops)
    words = "".join(
        text(_prefixed(tick), "0", top + long * (high - tick) / high, font, "start")
        for tick in steps(0, high, scale.most_ticks)
    )
    at = f"translate({BAR_ROOM - PAD - scale.title_size / 2:.1f} {plot.height / 2:.1f}) rotate(-90)"
    return (
        f'<linearGradient id="{name}" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'
        f'<svg x="{css_percent(1)}" overflow="visible">'
        f'<rect x="{PAD}" y="{top:.2f}" width="{scale.thickness}" height="{long:.2f}" fill="url(#{name})"/>'
        f'<g transform="translate({PAD + scale.thickness + 5} 0)">{words}</g>'
        f'<g transform="{at}">{text(scale.title, "0", 0, scale.title_size)}</g></svg>'
    )


def _prefixed(value: float) -> str:
    """20000000 as `20M`."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{prefix}"
    return f"{value:g}"
