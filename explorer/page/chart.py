"""A figure on the page: full width, without plotly's buttons, in the ink of the visitor's theme."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

import plotly.graph_objects as go
import streamlit as st

CONFIG = {"displayModeBar": False, "responsive": True}
INK = {"light": "#16202c", "dark": "#e9eef5"}  # textColor of .streamlit/config.toml


def show(figure: go.Figure, key: str, alt: str, on_click: Callable[[], None] | None = None) -> None:
    """Draws a figure; `on_click` is called when a point of it is clicked and finds it in the session state."""
    ink = INK.get(st.context.theme.type or "")
    if ink:  # Streamlit's own grey for chart text is too pale for a projector
        figure.update_layout(font_color=ink, legend_font_color=ink)
        figure.update_xaxes(tickfont_color=ink, title_font_color=ink)
        figure.update_yaxes(tickfont_color=ink, title_font_color=ink)
        figure.update_traces(textfont_color=ink, selector={"type": "heatmap"})
        figure.update_traces(
            marker_colorbar_tickfont_color=ink, marker_colorbar_title_font_color=ink, selector={"name": "blocks"}
        )
    if on_click is None:
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
    else:
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt, on_select=on_click, selection_mode="points")


def legend(entries: Iterable[tuple[str, str, str]]) -> None:
    """Sign, colour and name of each trace of points (`explorer.scatter.legend`): plotly's own is cut off on a phone."""
    spans = [f"<span><b style='color:{colour}'>{sign}</b> {escape(name)}</span>" for sign, colour, name in entries]
    st.html(f"<div class='legend'>{''.join(spans)}</div>")
