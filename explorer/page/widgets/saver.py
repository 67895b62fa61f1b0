"""Buttons that save figures as SVG and PNG, as the page shows them.

The browser does it: the server would need a browser of its own for it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st

from explorer.page.widgets.components import Component
from explorer.views.report import figure_html

SCALE = 2  # pixels of a PNG per pixel of the page

# A drawing of `explorer.page.widgets.live` is taken as it stands, its percentages, ink and font spelled out. Of a
# chart of
# plotly's, its own camera button is pressed, which `chart.CONFIG` asks for and `page.style` hides
JS = """
export default function ({ parentElement, data }) {
  const row = parentElement.querySelector(".saver"), shown = JSON.stringify(data.figures);
  if (row.dataset.shown === shown) return;  // a button that is replaced while it is pressed does nothing
  row.dataset.shown = shown;
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
      button.onclick = () => save(row, figure, format, data.scale);
      group.append(button);
    }
  }
}

async function save(row, { place, file }, format, scale) {
  const find = () => document.querySelector(`.${place} .drawing > svg, .${place} .modebar-btn`);
  while (row.isConnected && !find()) await new Promise((soon) => setTimeout(soon, 50));  // it may not be drawn yet
  const drawn = find();
  if (!drawn) return;
  if (drawn.matches("svg")) {
    const whole = alone(drawn);
    const text = new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" });
    give(format === "svg" ? text : await painted(text, whole, scale), `${file}.${format}`);
    return;
  }
  const { _context: context } = drawn.closest(".js-plotly-plot");
  context.toImageButtonOptions = { format, scale: format === "png" ? scale : 1, filename: file };
  drawn.click();
}

function alone(drawn) {
  const style = getComputedStyle(drawn), { width, height } = drawn.getBoundingClientRect();
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => parseFloat(style[`margin${side}`]));
  const [top, right, bottom, left] = sides;
  const plot = drawn.cloneNode(true);
  plot.removeAttribute("style");
  put(plot, { x: left, y: top, width, height, overflow: "visible" });
  const words = plot.querySelectorAll("text");  // as long in whichever font they will be shown
  drawn.querySelectorAll("text").forEach((text, number) =>
    put(words[number], { textLength: text.getComputedTextLength(), lengthAdjust: "spacingAndGlyphs" }));
  for (const part of plot.querySelectorAll("*")) {
    for (const { name, value } of [...part.attributes])
      if (value.endsWith("%") && part.tagName !== "stop") part.setAttribute(name, (parseFloat(value) * width) / 100);
    if (part.style.visibility === "hidden") part.remove();
  }
  const size = { width: left + width + right, height: top + height + bottom };
  const whole = made("svg", { ...size, fill: style.color, "font-family": style.fontFamily });
  whole.append(made("rect", { ...size, fill: style.getPropertyValue("--st-background-color") }), plot);
  plot.removeAttribute("fill");
  return whole;
}

const made = (tag, attributes) => put(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);

function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function painted(text, whole, scale) {
  const image = new Image(), address = URL.createObjectURL(text);
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = scale * whole.getAttribute("width");
  canvas.height = scale * whole.getAttribute("height");
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((done) => canvas.toBlob(done));
}

function give(content, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
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
    """A figure on the page: the key that it was drawn with, what it is, the file's name without its suffix."""

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
