"""The plot of a drawing in SVG: positions, its axes, its notes, one line of text. Marks are rendered in `svg`.

x is in percent of the plot, so that a window of another width needs no new drawing; y is in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10

from explorer.data.metrics import percent
from explorer.figures.marks import Above, Beside, Box, Columns, Drawing, Edge, Hidden, Named, Percent, Rows

BAR_ROOM = 82  # pixels beside the plot for a colour bar: itself, its ticks, its title
LINE = 1.3  # from a line of text to the next, in font sizes
MIDDLE = 0.35  # from the middle of a line of text down to its baseline, in font sizes
GAP = 9  # pixels between the plot and its ticks
MOST_TICKS = 5


@dataclass(frozen=True)
class Plot:
    """The part of a figure between its margins, in pixels, and the values of the axes at its edges."""

    left: int
    right: int
    top: int
    bottom: int
    height: int
    xs: tuple[float, float]
    ys: tuple[float, float]
    """Bottom and top."""
    rows: dict[str, int]

    @classmethod
    def of(cls, drawing: Drawing) -> Plot:
        margin, across, upward = drawing.margin, drawing.across, drawing.upward
        names = upward.names if isinstance(upward, Rows) else ()
        return cls(
            left=margin.left,
            right=margin.right + BAR_ROOM * any(isinstance(mark, Columns) for mark in drawing.marks),
            top=margin.top,
            bottom=margin.bottom,
            height=round(drawing.height - margin.top - margin.bottom),
            xs=(across.low, across.high),
            ys=(-0.5, len(names) - 0.5) if isinstance(upward, Rows) else (upward.low, upward.high),
            rows={name: place for place, name in enumerate(names)},
        )

    def share(self, distance: float) -> float:
        """A distance in widths of the plot."""
        return distance / (self.xs[1] - self.xs[0])

    def across(self, x: float) -> str:
        return css_percent(self.share(x - self.xs[0]))

    def down(self, y: float | str) -> float:
        """Pixels from the top of the plot; y is a value or the name of a row."""
        low, high = self.ys
        place = self.rows[y] if isinstance(y, str) else y
        return self.height * (high - place) / (high - low)

    def rectangle(self, xs: tuple[float, float], ys: tuple[float, float] | None) -> str:
        """A rectangle's attributes from its edges, as high as the plot without `ys`."""
        one, other = (float(self.height), 0.0) if ys is None else (self.down(ys[0]), self.down(ys[1]))
        width = css_percent(self.share(xs[1] - xs[0]))
        return f'x="{self.across(xs[0])}" y="{min(one, other):.2f}" width="{width}" height="{abs(one - other):.2f}"'


def css_percent(share: float) -> str:
    """A share of the plot's width as SVG has it."""
    return f"{100 * share:.3f}%"


def text(words: str, x: str, y: float, size: float, anchor: str = "middle", more: str = "") -> str:
    """One line, the middle of it at y; `more` are further attributes."""
    baseline = f'y="{y + MIDDLE * size:.2f}"'
    return f'<text x="{x}" {baseline} font-size="{size}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def room(share: float) -> str:
    """The room of a text in widths of the plot: the page hides a text that does not fit."""
    return f' data-room="{share:.5f}"'


def stroke(edge: Edge | None) -> str:
    """The attributes of an outline; none has a width of 0."""
    if edge is None or not edge.width:
        return ""
    dash = ' stroke-dasharray="3"' if edge.dotted else ""
    return f' stroke="{edge.colour}" stroke-width="{edge.width}"{dash}'


def box(shown: Box, plot: Plot) -> str:
    """A rectangle behind the marks."""
    rectangle = plot.rectangle((shown.left, shown.right), shown.heights)
    return f'<rect {rectangle} fill="{shown.fill or "none"}" opacity="{shown.opacity}"{stroke(shown.edge)}/>'


def note(shown: Above | Beside, plot: Plot) -> str:
    """A text beside the plot."""
    if isinstance(shown, Above):
        return text(shown.text, plot.across(shown.x), -shown.lift - LINE * shown.size / 2, shown.size)
    return text(shown.text, css_percent(shown.x), plot.down(shown.row), shown.size, "start")


def ticks(drawing: Drawing, plot: Plot) -> Iterator[str]:
    """The texts below the plot, then those at its left."""
    match drawing.across:
        case Named(places=places, texts=texts, size=size):
            yield from _across(list(places), list(texts), size, plot)
        case Percent(low=low, high=high, size=size):
            values = steps(low, high, MOST_TICKS)
            yield from _across(values, [percent(value) for value in values], size, plot)
        case Hidden():
            pass
    if isinstance(drawing.upward, Rows):
        for name in drawing.upward.names:
            yield text(name, f"{-GAP}", plot.down(name), drawing.upward.size, "end")


def _across(values: list[float], texts: list[str], size: int, plot: Plot) -> Iterator[str]:
    """Each text in the line that its line feeds put it into, with the room up to the nearest text in that line."""
    placed = [(row, value, line) for value, words in zip(values, texts) for row, line in enumerate(words.split("\n"))]
    nearest: dict[tuple[int, float], float] = {}
    for number in {row for row, _, _ in placed}:
        ordered = sorted({value for row, value, line in placed if row == number and line})
        gaps = [after - before for before, after in pairwise(ordered)]
        for at, value in enumerate(ordered):
            nearest[number, value] = min(gaps[max(0, at - 1) : at + 1], default=plot.xs[1])
    for row, value, line in placed:
        y = plot.height + GAP + size * (LINE * row + 0.5)
        if line:
            yield text(line, plot.across(value), y, size, more=room(plot.share(nearest[row, value])))


def steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, at most `most` steps between them.

    >>> steps(0, 29_000_000, 5), steps(0, 1, 5)
    ([0.0, 10000000.0, 20000000.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    least = (high - low) / most
    power = 10.0 ** floor(log10(least))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))
    return [round(low + number * step, 12) for number in range(floor((high - low) / step + 1e-9) + 1)]
