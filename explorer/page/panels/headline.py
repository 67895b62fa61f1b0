"""The headline: which network this is, and its tiles."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.editing.scenario import Scenario
from explorer.page.state import session as state
from explorer.page.widgets import tip, words
from explorer.page.widgets.components import CONTROLS, Component
from explorer.views import tiles as figures

JS = """
const shown = new WeakMap();

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".tiles");
  const tiles = shown.get(root) ?? [];
  shown.set(root, tiles);
  data.tiles.forEach(({ title, value, beside, help }, place) => {
    const tile = tiles[place] ??= tileOf(root);
    tile.help = help;
    for (const [part, words] of Object.entries({ title, value, beside }))
      if (tile[part].textContent !== words) tile[part].textContent = words;
  });
  for (const tile of tiles.splice(data.tiles.length)) tile.root.remove();
}

function tileOf(root) {
  const [title, value, beside] = ["dt", "dd", "dd"].map((tag) => made(tag, {}));
  const tile = { title, value, beside };
  value.className = "value";
  beside.className = "beside";
  tile.root = made("dl", {}, made("div", { className: "label" }, title, mark(() => tile.help)), value, beside);
  root.append(tile.root);
  return tile;
}
"""
# Four columns on a laptop, two on a phone, one row on a wide screen; the latency takes two. Every figure is in view
# without scrolling, none of them cut.
CSS = """
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .6rem; font: 1rem var(--st-font);
  color: var(--st-text-color); }
.tiles dl { margin: 0; padding: .55rem .9rem; border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); }
.tiles dl:first-child { grid-column: span 2; }
.tiles .label { display: flex; justify-content: space-between; gap: .4rem; font-size: .875rem; line-height: 1.4; }
.tiles dt { font-weight: 400; }
.tiles dd { margin: 0; }
.tiles .value { font-size: 1.7rem; line-height: 1.35; }
.tiles .beside { font-size: .875rem; line-height: 1.4; opacity: .8; }
@media (min-width: 1600px) { .tiles { grid-template-columns: repeat(8, minmax(0, 1fr)); } }
@media (max-width: 640px) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""

_tiles = Component(
    "tiles", html="<div class='tiles'></div>", css=CSS + tip.CSS, js=CONTROLS + tip.JS + JS, isolate_styles=False
)


def title(scenario: Scenario) -> None:
    graph = scenario.graph
    folded = " · batch norm folded" if scenario.folded else ""
    against = "" if scenario.baseline == scenario.spec else f" · changes against {scenario.compared.title}"
    words.title(
        scenario.title,
        f"input {graph.input} · output {graph.output} · {len(graph.nodes)} operators{folded}{against}",
    )
    state.show_problem("link")


def adjusted(scenario: Scenario) -> None:
    """What the last edit changed beyond what was asked."""
    if scenario.notes:
        st.info("Adjusted with it: " + "; ".join(scenario.notes), icon=":material/info:")


def tiles(scenario: Scenario) -> None:
    draw(figures.tiles(scenario), "tiles")


def draw(tiles: Sequence[figures.Tile], key: str) -> None:
    """As one element: Streamlit's own tiles are seven, each drawn anew with every edit."""
    _tiles(key=key, data={"tiles": [{**tile._asdict(), "help": tip.html(tile.help)} for tile in tiles]})
