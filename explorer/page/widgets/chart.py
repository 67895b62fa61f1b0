"""A figure on the page: full width, without plotly's buttons, in the ink of the visitor's theme.

Those that every edit repaints are drawn by `explorer.page.widgets.live` instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from explorer.figures import draw
from explorer.page.widgets import saver

CONFIG = {"displayModeBar": True, "modeBarButtons": [["toImage"]], "displaylogo": False, "responsive": True}
"""The camera is for `explorer.page.widgets.saver`; it is not seen."""
INK = {"light": "#16202c", "dark": "#e9eef5"}  # textColor of .streamlit/config.toml


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draws a figure, with the buttons that save it."""
    plain = figure
    ink = INK.get(st.context.theme.type or "")
    if ink:  # Streamlit's own grey for chart text is too pale for a projector
        figure = draw.Figure(inked(figure.to_dict(), ink))
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        saver.buttons([saver.Figure(key, "Save the figure", key)], key)
        saver.html(plain, key)


def inked(figure: dict[str, Any], ink: str) -> dict[str, Any]:
    """A figure with all text outside of the drawing in one colour; what was given stays as it was."""
    layout = dict(figure["layout"])
    for axis in {"xaxis", "yaxis", *(name for name in layout if name.startswith(("xaxis", "yaxis")))}:
        layout[axis] = _axis(layout.get(axis) or {}, ink)
    layout["font"] = {**layout.get("font", {}), "color": ink}
    layout["legend"] = {**layout.get("legend", {}), "font": {"color": ink}}
    return {**figure, "layout": layout}


def _axis(axis: dict[str, Any], ink: str) -> dict[str, Any]:
    """Its ticks and its title."""
    title = axis.get("title") or {}
    return {
        **axis,
        "tickfont": {**axis.get("tickfont", {}), "color": ink},
        "title": {**title, "font": {**title.get("font", {}), "color": ink}},
    }


def legend(entries: Iterable[tuple[str, str, str]]) -> None:
    """Sign, colour and name of each trace of points (`scatter.legend`): plotly's own is cut off on a phone."""
    spans = [f"<span><b style='color:{colour}'>{sign}</b> {escape(name)}</span>" for sign, colour, name in entries]
    st.html(f"<div class='legend'>{''.join(spans)}</div>")
