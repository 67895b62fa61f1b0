"""The parts of the page's live figures: frozen marks in the units of their axes, without a renderer.

`svg` renders a `Drawing` as SVG text and `as_plotly` as a plotly figure; `diagram` and `charts` make drawings. Figures
that only plotly draws have no marks: `draw`.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
Fields = tuple[str, ...]
"""The facts of one mark; the first is its name."""
Hover = tuple[str, ...]
"""The lines of a hover text as `str.format` templates of a mark's fields."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An outline; width in pixels."""

    width: float
    colour: str
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class ColourScale:
    """The colours of values from 0 to `high`, and its colour bar at the right of the plot; sizes in pixels."""

    title: str
    high: float
    stops: tuple[tuple[float, str], ...]
    """Shares of `high` in ascending order from 0 to 1, each with its `rgba(…)`."""
    thickness: int = 14
    length: float = 1.05
    """In heights of the plot, with the space above and below."""
    most_ticks: int = 5
    title_size: int = 14
    tick_size: int = 13


@dataclass(frozen=True, slots=True)
class Columns:
    """Upright bars, coloured by a value; each has a hover text and can be pressed."""

    name: str
    middles: tuple[float, ...]
    widths: tuple[float, ...]
    bases: tuple[float, ...]
    heights: tuple[float, ...]
    values: tuple[float, ...]
    scale: ColourScale
    edges: tuple[Edge, ...]
    fields: tuple[Fields, ...]
    hover: Hover


@dataclass(frozen=True, slots=True)
class Strip:
    """Upright bars of one height on one base, each in a colour of its own, without hover texts."""

    name: str
    middles: tuple[float, ...]
    widths: tuple[float, ...]
    base: float
    height: float
    colours: tuple[str, ...]
    fields: tuple[Fields, ...]


@dataclass(frozen=True, slots=True)
class Segments:
    """Horizontal bars, one per row of the axis, cut into segments with a text inside where it fits."""

    rows: tuple[str, ...]
    """The row of each segment."""
    starts: tuple[float, ...]
    lengths: tuple[float, ...]
    thickness: float
    """In rows."""
    colours: tuple[str, ...]
    edges: tuple[Edge, ...]
    texts: tuple[str, ...]
    text_colours: tuple[str, ...]
    text_size: int
    fields: tuple[Fields, ...]
    hover: Hover


@dataclass(frozen=True, slots=True)
class Dots:
    """Circles; the diameter in pixels."""

    name: str
    points: tuple[Point, ...]
    diameter: int
    colour: str
    edge: Edge


@dataclass(frozen=True, slots=True)
class Arrows:
    """Polylines, each with a head at its end; width and the head's length in pixels."""

    name: str
    lines: tuple[tuple[Point, ...], ...]
    colour: str
    width: int
    head: int


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts, each in the middle of a box with a hover text."""

    name: str
    points: tuple[Point, ...]
    texts: tuple[str, ...]
    text_size: int
    hovers: tuple[Hover, ...]
    """Without fields; the first of several lines is a title."""
    names: tuple[str, ...]
    half_width: float
    half_height: float


Mark = Columns | Strip | Segments | Dots | Arrows | Labels


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle behind the marks, as high as the plot where `heights` is None."""

    left: float
    right: float
    heights: tuple[float, float] | None = None
    fill: str | None = None
    opacity: float = 1
    edge: Edge | None = None


@dataclass(frozen=True, slots=True)
class Above:
    """A text above the plot, `lift` pixels higher than the others."""

    text: str
    x: float
    lift: int
    size: int


@dataclass(frozen=True, slots=True)
class Beside:
    """A text at the right of a row; `x` in widths of the plot."""

    text: str
    row: str
    x: float
    size: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """An axis that is not drawn; from left to right, or from bottom to top."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Named:
    """A horizontal axis with texts, whose lines are divided by line feeds, at given places."""

    low: float
    high: float
    places: tuple[float, ...]
    texts: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Percent:
    """A horizontal axis of shares, in percent."""

    low: float
    high: float
    size: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A vertical axis of names, from bottom to top."""

    names: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Margin:
    """The space around the plot in pixels."""

    left: int
    right: int
    top: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure: marks over boxes in a plot of two axes, with notes beside it; the height with margins, in pixels."""

    height: float
    margin: Margin
    across: Named | Percent | Hidden
    upward: Rows | Hidden
    marks: tuple[Mark, ...]
    boxes: tuple[Box, ...] = ()
    notes: tuple[Above | Beside, ...] = ()
