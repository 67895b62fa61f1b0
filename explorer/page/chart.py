"""A figure on the page: full width, without plotly's buttons, in the ink of the visitor's theme."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

CONFIG = {"displayModeBar": False, "responsive": True}
INK = {"light": "#16202c", "dark": "#e9eef5"}  # textColor of .streamlit/config.toml


def show(figure: go.Figure, key: str, alt: str, on_click: Callable[[], None] | None = None) -> None:
    """Draws a figure; `on_click` is called when a point of it is clicked and finds it in the session state."""
    ink = INK.get(st.context.theme.type or "")
    if ink:  # Streamlit's own grey for chart text is too pale for a projector
        _colour(figure, ink)
    if on_click is None:
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
    else:
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt, on_select=on_click, selection_mode="points")


def _colour(figure: go.Figure, ink: str) -> None:
    """The colour of all text outside of the drawing, set as plain values: plotly's `update_…` take 15 ms a figure."""
    layout = figure.layout.to_plotly_json()
    axes = {"xaxis", "yaxis", *(name for name in layout if name.startswith(("xaxis", "yaxis")))}
    for axis in axes:
        figure.layout[axis] = _inked(layout.get(axis) or {}, ink)
    for name in ("font", "legend"):
        text = layout.get(name) or {}
        figure.layout[name] = {**text, "color": ink} if name == "font" else {**text, "font": {"color": ink}}
    for trace in figure.data:
        if trace.type == "heatmap":
            trace["textfont"] = {**trace.textfont.to_plotly_json(), "color": ink}
        elif trace.name == "blocks":
            marker = trace.marker.to_plotly_json()
            trace["marker"] = {**marker, "colorbar": _inked(marker["colorbar"], ink)}


def _inked(axis: dict[str, Any], ink: str) -> dict[str, Any]:
    """An axis or a colour bar with its ticks and its title in `ink`."""
    title = axis.get("title") or {}
    return {
        **axis,
        "tickfont": {**axis.get("tickfont", {}), "color": ink},
        "title": {**title, "font": {**title.get("font", {}), "color": ink}},
    }


def legend(entries: Iterable[tuple[str, str, str]]) -> None:
    """Sign, colour and name of each trace of points (`explorer.scatter.legend`): plotly's own is cut off on a phone."""
    spans = [f"<span><b style='color:{colour}'>{sign}</b> {escape(name)}</span>" for sign, colour, name in entries]
    st.html(f"<div class='legend'>{''.join(spans)}</div>")
