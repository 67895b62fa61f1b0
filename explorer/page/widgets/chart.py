"""A figure on the page: full width, without plotly's buttons, in the ink of the visitor's theme.

Those that every edit repaints are drawn by `explorer.page.widgets.live` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.figures import draw
from explorer.page.widgets import saver

CONFIG = {"displayModeBar": True, "modeBarButtons": [["toImage"]], "displaylogo": False, "responsive": True}
"""The camera is for `explorer.page.widgets.saver`; it is not seen."""
PRESENTATION = "presentation view"
"""Session state: whether chart text is enlarged for a projector."""
LEGIBLE = 20  # px, of all chart text in the presentation view
GROWTH = 1.4  # of a chart's height and margins there
INK = {"light": "#16202c", "dark": "#e9eef5"}  # textColor of .streamlit/config.toml


def show(figure: go.Figure, key: str, alt: str, on_choose: Callable[[str], None] | None = None, file: str = "") -> None:
    """Draws a figure, with the buttons that save it as `file`; `on_choose` gets the name of a pressed point, unchecked.

    The name is the first entry of the point's `customdata`.
    """
    plain = figure
    ink = INK.get(st.context.theme.type or "")
    if ink:  # Streamlit's own grey for chart text is too pale for a projector
        figure = draw.unchecked(inked(figure.to_dict(), ink))
    if st.session_state.get(PRESENTATION):
        figure = go.Figure(enlarged(figure.to_plotly_json()))
    if on_choose is None:
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
    else:
        pressed = partial(_pressed, key, on_choose)
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt, on_select=pressed, selection_mode="points")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        saver.buttons([saver.SavedFigure(key, "Save the figure", file or key)], key)
        saver.html(plain, key, file or key)


def columns(shares: int | Sequence[float]) -> Sequence[DeltaGenerator]:
    """Columns for figures or tables; in the presentation view one below the other, as large text needs the width."""
    if st.session_state.get(PRESENTATION):
        return [st.container() for _ in range(shares if isinstance(shares, int) else len(shares))]
    return st.columns(shares)


def _pressed(key: str, on_choose: Callable[[str], None]) -> None:
    match st.session_state.get(key, {}).get("selection", {}).get("points"):
        case [{"customdata": [str() | int() as name, *_]}, *_]:
            on_choose(str(name))


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


def enlarged(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure whose text is at least LEGIBLE px, with the height and the margins that it needs."""
    layout = _legible(figure["layout"])
    layout["font"] = _sized(layout.get("font"))
    for axis in {"xaxis", "yaxis", *(name for name in layout if name.startswith(("xaxis", "yaxis")))}:
        given = layout.get(axis) or {}
        title = given.get("title") or {}
        title = {"text": title} if isinstance(title, str) else title
        layout[axis] = {
            **given,
            "tickfont": _sized(given.get("tickfont")),
            "title": {**title, "font": _sized(title.get("font"))},
            "automargin": True,
        }
    layout["legend"] = {**layout.get("legend", {}), "font": _sized(layout.get("legend", {}).get("font"))}
    layout["hoverlabel"] = {"font": {"size": LEGIBLE}}
    if "uniformtext" in layout:  # plotly shrinks the text of bars to this size before it hides it
        layout["uniformtext"] = {**layout["uniformtext"], "minsize": LEGIBLE}
    layout["height"] = GROWTH * (layout.get("height") or 450)
    layout["margin"] = {side: GROWTH * width for side, width in layout.get("margin", {}).items()}
    traces = [{**_legible(trace), "textfont": _sized(trace.get("textfont"))} for trace in figure["data"]]
    for bars in (trace for trace in traces if trace.get("type") == "bar" and trace.get("textposition") == "outside"):
        bars["constraintext"] = "none"  # plotly shrinks a text that is higher than its bar
    return {**figure, "layout": layout, "data": traces}


def _sized(font: dict[str, Any] | None) -> dict[str, Any]:
    return {**(font or {}), "size": max(LEGIBLE, (font or {}).get("size") or 0)}


def _legible(part: Any) -> Any:
    """A part of a figure with every font at least LEGIBLE px."""
    if isinstance(part, dict):
        return {
            name: _sized(value) if name.endswith("font") and isinstance(value, dict) else _legible(value)
            for name, value in part.items()
            if name != "template"
        } | ({"template": part["template"]} if "template" in part else {})
    return [_legible(each) for each in part] if isinstance(part, (list, tuple)) else part


def legend(entries: Iterable[tuple[str, str, str]]) -> None:
    """Sign, colour and name of each trace of points (`tradeoff.legend`): plotly's own is cut off on a phone."""
    spans = [f"<span><b style='color:{colour}'>{sign}</b> {escape(name)}</span>" for sign, colour, name in entries]
    st.html(f"<div class='legend'>{''.join(spans)}</div>")
