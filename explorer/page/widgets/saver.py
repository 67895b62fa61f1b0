"""Buttons that save figures as SVG and PNG, as the page shows them.

The browser does it: the server would need a browser of its own for it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import plotly.graph_objects as go

from explorer.page.frontend import bundle
from explorer.page.widgets import download
from explorer.page.widgets.components import Component
from explorer.views.report import figure_html

SCALE = 2  # pixels of a PNG per pixel of the page

_saver = Component(
    "figure_saver", html="<div class='saver'></div>", css=bundle.style("saver"), js=bundle.script("saver")
)


class SavedFigure(NamedTuple):
    """A figure on the page: the key that it was drawn with, what it is, the file's name without its suffix."""

    key: str
    label: str
    file: str


def buttons(figures: list[SavedFigure], key: str) -> None:
    """One row: for each figure its name, SVG and PNG."""
    shown = [
        {"place": _place(figure.key), "label": figure.label, "file": _file_name(figure.file)} for figure in figures
    ]
    width = "content" if len(shown) == 1 else "stretch"  # one stands in a row with what else there is
    _saver(key=f"saver {key}", data={"figures": shown, "scale": SCALE}, width=width)


def html(figure: go.Figure, key: str, file: str) -> None:
    """The figure with plotly inside, to be turned and zoomed without a network; made when it is asked for."""
    download.button(
        "HTML",
        partial(figure_html, figure),
        f"{_file_name(file)}.html",
        "text/html",
        f"html {key}",
        help="With plotly inside: it opens without a network.",
    )


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _place(key: str) -> str:
    """The class that Streamlit gives an element with this key."""
    return f"st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key.strip())}"
