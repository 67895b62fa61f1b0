"""Figures from plain dictionaries: plotly's objects, made, checked and taken apart again, took most of an edit's time.

Every property is checked when tests draw a figure (`tests/test_draw.py`), not each time that somebody edits a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io

from archs.caching import cached

Trace = dict[str, Any]


class Figure(go.Figure):
    """A plotly figure that stays the dictionary that it was made of until somebody asks for a part of it."""

    def __init__(self, plain: dict[str, Any]):
        self._plain: dict[str, Any] | None = plain

    def __getattr__(self, name: str) -> Any:
        """Called for what is missing, which is all of plotly's until it is made."""
        plain = self.__dict__.get("_plain")
        if plain is None:
            raise AttributeError(name)
        self._plain = None
        super().__init__(plain, _validate=False)
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """The dictionary itself, not a copy, as long as nobody has asked for a part of the figure."""
        return self._plain or super().to_dict()


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


def figure(traces: Sequence[Trace], layout: dict[str, Any]) -> Figure:
    """A figure of traces like {"type": "bar", "x": …} and a layout, both as plotly's JSON has them."""
    return Figure({"data": list(traces), "layout": {"template": _template(plotly.io.templates.default), **layout}})


@cached(None, "converting a plotly template takes longer than drawing")
def _template(name: str | None) -> dict[str, Any] | None:
    """Streamlit's on the page, as it makes its own the default; it must not be changed."""
    return plotly.io.templates[name].to_plotly_json() if name else None
