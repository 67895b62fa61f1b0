"""Figures that only plotly draws, from plain dictionaries; the page's live figures have marks of their own (`marks`).

Plotly checks every property when tests draw a figure (`tests/explorer/test_draw.py`), not each time that one is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, log10
from typing import Any

import plotly.graph_objects as go
import plotly.io

from archs.caching import cached
from explorer.data.metrics import percent

Trace = dict[str, Any]
FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""The ticks of an axis from nothing to the whole."""
LABELLED = ((2.0, (1, 2, 5)), (4.0, (1, 3)), (inf, (1,)))
"""Decades of a logarithmic axis at most → the digits that have labels."""


def interval(
    values: Iterable[float], lows: Iterable[float], highs: Iterable[float], colour: str, thickness: int, width: int
) -> Trace:
    """An `error_x` or `error_y` from the ends of intervals; thickness and width in pixels."""
    triples = list(zip(values, lows, highs, strict=True))
    ends = {"array": [high - at for at, _, high in triples], "arrayminus": [at - low for at, low, _ in triples]}
    return {"type": "data", "symmetric": False, **ends, "color": colour, "thickness": thickness, "width": width}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with a title, which does not zoom, and more of plotly's properties."""
    return {"title": {"text": title, "font": {"size": 15}}, "tickfont": {"size": 13}, "fixedrange": True, **more}


def log_axis(title: str, values: Iterable[float], **more: Any) -> dict[str, Any]:
    """A logarithmic axis of positive values: 1, 2 and 5 of each decade have labels, of many decades fewer.

    Plotly neither turns nor leaves out labels of such an axis: at a phone's width they would touch.
    """
    shown = [value for value in values if value > 0]
    decades = log10(max(shown) / min(shown)) if shown else 0.0
    digits = next(digits for most, digits in LABELLED if decades <= most)
    ticks = [float(f"{digit}e{power}") for power in range(-3, 13) for digit in digits]
    return axis(title, **{"type": "log", "tickvals": ticks, "tickformat": "~g", **more})


def percents(*shares: float, sign: str = "") -> dict[str, Any]:
    """The ticks of an axis of shares: plotly's own format has no space before the sign."""
    return {"tickvals": list(shares), "ticktext": [percent(share, sign=sign) for share in shares]}


def layout(height: int, left: int, **axes: dict[str, Any]) -> dict[str, Any]:
    """The layout of points over a pair of axes, without a legend; the height and the left margin in pixels."""
    return {
        "height": height,
        "margin": {"l": left, "r": 12, "t": 10, "b": 50},
        "dragmode": False,
        "showlegend": False,
        "hoverlabel": {"font": {"size": 14}, "align": "left"},
        **axes,
    }


def figure(traces: Sequence[Trace], layout: dict[str, Any]) -> go.Figure:
    """A figure of traces like {"type": "bar", "x": …} and a layout, both as plotly's JSON has them."""
    template = _template(plotly.io.templates.default)
    return unchecked({"data": list(traces), "layout": {"template": template, **layout}})


def unchecked(plain: dict[str, Any]) -> go.Figure:
    """The figure of plotly's JSON without a check of its properties, which takes longer than all the rest."""
    return go.Figure(plain, _validate=False)


@cached(None, "converting a plotly template takes longer than drawing")
def _template(name: str | None) -> dict[str, Any] | None:
    """Streamlit's on the page, as it makes its own the default; it must not be changed."""
    return plotly.io.templates[name].to_plotly_json() if name else None
