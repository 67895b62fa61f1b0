"""Buttons that save figures as SVG and PNG, drawn by the plotly that has drawn them on the page.

The browser does it: the server would need a browser of its own for it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st

from explorer.page.components import Component
from explorer.report import figure_html

SCALE = 2  # pixels of a PNG per pixel of the page

# Plotly's own camera button, which `chart.CONFIG` asks for and `page.style` hides, reads the format when it is pressed
JS = """
export default function ({ parentElement, data }) {
  const row = parentElement.querySelector(".saver");
  row.replaceChildren();
  for (const figure of data.figures) {
    const group = document.createElement("span");
    group.append(figure.label);
    row.append(group);
    for (const format of ["svg", "png"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = format.toUpperCase();
      button.setAttribute("aria-label", `${figure.label} as ${format.toUpperCase()}`);
      button.onclick = () => {
        const drawn = document.querySelector(`.${figure.place} .js-plotly-plot`);
        if (!drawn) return;
        const scale = format === "png" ? data.scale : 1;
        drawn._context.toImageButtonOptions = { format, scale, filename: figure.file };
        drawn.querySelector(".modebar-btn").click();
      };
      group.append(button);
    }
  }
}
"""
CSS = """
.saver { display: flex; flex-wrap: wrap; gap: .5rem 1.3rem; font: .875rem var(--st-font); }
.saver span { display: inline-flex; align-items: center; gap: .5rem; color: var(--st-text-color); }
.saver button { font: .875rem var(--st-font); min-height: 2.5rem; padding: 0 .75rem; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
  color: var(--st-text-color); background: var(--st-background-color); }
.saver button:hover, .saver button:focus-visible { border-color: var(--st-primary-color);
  color: var(--st-primary-color); }
"""

_saver = Component("figure_saver", html="<div class='saver'></div>", css=CSS, js=JS)


class Figure(NamedTuple):
    """A figure on the page: the key that `chart.show` drew it with, what it is, the file's name without its suffix."""

    key: str
    label: str
    file: str


def buttons(figures: list[Figure], key: str) -> None:
    """One row: for each figure its name, SVG and PNG."""
    shown = [
        {"place": _place(figure.key), "label": figure.label, "file": _file_name(figure.file)} for figure in figures
    ]
    width = "content" if len(shown) == 1 else "stretch"  # one stands in a row with what else there is
    _saver(key=f"saver {key}", data={"figures": shown, "scale": SCALE}, width=width)


def html(figure: go.Figure, key: str) -> None:
    """The figure with plotly inside, to be turned and zoomed without a network; made when it is asked for."""
    st.download_button(
        "HTML",
        partial(figure_html, figure),
        file_name=f"{_file_name(key)}.html",
        mime="text/html",
        on_click="ignore",
        key=f"html {key}",
        help="With plotly inside: it opens without a network.",
    )


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _place(key: str) -> str:
    """The class that Streamlit gives an element with this key."""
    return f"st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key.strip())}"
