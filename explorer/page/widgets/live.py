"""The figures that every edit repaints, as SVG (`figures.svg`): the browser swaps their content, nothing else moves.

Plotly's chart, which Streamlit takes out and puts in anew with every change, took a second for the four of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import plotly.graph_objects as go

from explorer.figures import svg
from explorer.page.state import events as hearing
from explorer.page.widgets.components import Component

HTML = """<figure class="figure"><h3 hidden></h3><div class="drawing"></div>
<div class="tip" role="tooltip" hidden></div><figcaption hidden></figcaption></figure>"""

# Streamlit calls it when the data have changed. One stop of the tab key per figure, from which the arrow keys go on.
# Widths of texts are asked of a canvas, and the font once: the page would have to lay itself out to tell them.
JS = """
const figures = new WeakMap();
const widths = new Map();
const pen = document.createElement("canvas").getContext("2d");
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export default function ({ parentElement, data, setTriggerValue }) {
  if (!figures.has(parentElement)) figures.set(parentElement, begin(parentElement.querySelector(".figure")));
  const figure = figures.get(parentElement);
  figure.box.send = (said) => setTriggerValue("said", said);
  settle(figure.box, data.heard);
  word(figure.heading, data.heading);
  word(figure.caption, data.caption);
  swap(figure, data.svg);
}

function begin(root) {
  const [heading, drawing, tip, caption] = root.children;
  const { fontFamily: family } = getComputedStyle(drawing);
  const box = outboxOf(root);
  const figure = { root, box, heading, drawing, tip, caption, at: 0, width: 0, family };
  const markOf = (event) => event.target.closest(".mark");
  const press = (mark) => mark?.role === "button" && speak(box, "mark", null, [mark.dataset.name]);
  drawing.onclick = (event) => press(markOf(event));
  drawing.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") press(markOf(event));
    else if (event.key in STEPS) go(figure, figure.at + STEPS[event.key]);
    else if (event.key === "Home") go(figure, 0);
    else if (event.key === "End") go(figure, Infinity);
    else return;
    event.preventDefault();
  };
  drawing.onpointermove = drawing.onpointerdown = (event) => tell(figure, markOf(event), event.clientX, event.clientY);
  drawing.onpointerleave = (event) => event.pointerType === "touch" || tell(figure);
  drawing.addEventListener("focusin", (event) => {
    figure.at = marks(figure).indexOf(markOf(event));
    const box = event.target.getBoundingClientRect();
    if (event.target.matches(":focus-visible")) tell(figure, markOf(event), box.left + box.width / 2, box.bottom);
  });
  drawing.addEventListener("focusout", () => tell(figure));
  new ResizeObserver(([entry]) => { figure.width = entry.contentRect.width; fit(figure); }).observe(drawing);
  document.fonts.ready.then(() => { widths.clear(); fit(figure); });
  return figure;
}

function word(element, words) {
  if (element.textContent !== words) element.textContent = words;
  element.hidden = !words;
}

const marks = (figure) => [...figure.drawing.querySelectorAll(".mark")];

function swap(figure, svg) {
  const focused = figure.drawing.contains(document.activeElement);
  tell(figure);
  figure.drawing.innerHTML = svg;  // all text in it is escaped
  go(figure, figure.at, focused);
  fit(figure);
}

function go(figure, to, focus = true) {
  const all = marks(figure);
  if (!all.length) return;
  if (all[figure.at]) all[figure.at].tabIndex = -1;
  figure.at = Math.max(0, Math.min(to, all.length - 1));
  all[figure.at].tabIndex = 0;
  if (focus) all[figure.at].focus({ preventScroll: true });
}

function fit({ drawing, width, family }) {
  const svg = drawing.firstElementChild;
  if (!svg || !width) return;
  const plot = width - parseFloat(svg.style.marginLeft) - parseFloat(svg.style.marginRight);
  for (const text of svg.querySelectorAll("[data-room]")) {
    const fits = measured(text, family) + 5 <= text.dataset.room * plot;
    text.style.visibility = fits ? "" : "hidden";
  }
}

function measured(text, family) {
  const key = `${text.getAttribute("font-size")}px ${family}|${text.textContent}`;
  if (!widths.has(key)) {
    pen.font = key.split("|")[0];
    widths.set(key, pen.measureText(text.textContent).width);
  }
  return widths.get(key);
}

function tell({ root, tip }, mark, x, y) {
  if (tip.hidden && !mark) return;
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.getAttribute("aria-label");
  const frame = root.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const above = y + 18 + size.height > innerHeight;
  tip.style.left = `${Math.max(0, Math.min(x + 12 - frame.left, frame.width - size.width))}px`;
  tip.style.top = `${y - frame.top + (above ? -12 - size.height : 18)}px`;
}
"""
CSS = """
.figure { position: relative; margin: 0; font-family: var(--st-font); color: var(--st-text-color); }
.figure text { pointer-events: none; user-select: none; }
.figure .mark { outline: none; pointer-events: all; }
.figure .mark[role=button] { cursor: pointer; }
.figure .mark:focus-visible > :first-child { outline: 3px solid var(--st-primary-color); outline-offset: 1px; }
.figure figcaption { padding-top: 1rem; }
.figure .tip { position: absolute; z-index: 10; pointer-events: none; white-space: pre-line; width: max-content;
  max-width: min(24rem, 100%); padding: .4rem .7rem; font-size: 1rem; line-height: 1.4;
  color: var(--st-text-color); background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); box-shadow: 0 2px 8px rgba(0, 0, 0, .25); }
.figure .tip[hidden] { display: none; }
.figure .tip::first-line { font-weight: 600; }
"""

# in no shadow root: `explorer.page.widgets.saver`, and whoever waits for the page, look for the drawings in the page
_figure = Component("figure", html=HTML, css=CSS, js=hearing.JS + JS, isolate_styles=False)


def show(
    figure: go.Figure,
    key: str,
    alt: str,
    on_choose: Callable[[str], None] | None = None,
    heading: str = "",
    caption: str = "",
) -> None:
    """Draws a figure; `on_choose` is told the name of a mark that is pressed, as the browser says it."""
    drawn = svg.drawing(figure.to_dict(), key, alt, on_choose is not None)
    called = {} if on_choose is None else {"on_said_change": partial(hearing.hear, key, partial(_chosen, on_choose))}
    data = {"svg": drawn, "heading": heading, "caption": caption, "heard": hearing.heard(key)}
    _figure(key=key, data=data, **called)


def _chosen(on_choose: Callable[[str], None], said: list[Any]) -> None:
    match said:
        case [str(name)]:
            on_choose(name)
