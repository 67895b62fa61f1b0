"""The headline: which network this is, and its tiles."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.editing.scenario import Scenario
from explorer.page.frontend import bundle
from explorer.page.state import session as state
from explorer.page.widgets import tooltip, words
from explorer.page.widgets.components import Component
from explorer.views import tiles as figures

_tiles = Component(
    "tiles",
    html="<div class='tiles'></div>",
    css=bundle.style("tiles", "tooltip"),
    js=bundle.script("tiles"),
    isolate_styles=False,
)


def title(scenario: Scenario) -> None:
    """The network's name with its edits."""
    graph = scenario.graph
    folded = " · batch norm folded" if scenario.folded else ""
    base = scenario.compared
    against = "" if base.spec == scenario.spec else f" · changes against {base.title} with input {base.graph.input}"
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
    """The totals with their changes against the baseline."""
    draw(figures.tiles(scenario), "tiles")


def draw(tiles: Sequence[figures.Tile], key: str) -> None:
    """As one element: Streamlit's own tiles are seven, each drawn anew with every edit."""
    _tiles(key=key, data={"tiles": [{**tile._asdict(), "help": tooltip.html(tile.help)} for tile in tiles]})
