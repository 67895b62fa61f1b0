"""The headline: which network this is, and its tiles."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer import tiles as figures
from explorer.page import state
from explorer.scenario import Scenario


def title(scenario: Scenario) -> None:
    graph = scenario.graph
    st.title(scenario.title, anchor=False)
    folded = " · batch norm folded" if scenario.folded else ""
    against = "" if scenario.baseline == scenario.spec else f" · changes against {scenario.compared.title}"
    st.caption(f"input {graph.input} · output {graph.output} · {len(graph.nodes)} operators{folded}{against}")
    state.show_problem("link")


def adjusted(scenario: Scenario) -> None:
    """What the last edit changed beyond what was asked."""
    if scenario.notes:
        st.info("Adjusted with it: " + "; ".join(scenario.notes), icon=":material/info:")


def tiles(scenario: Scenario) -> None:
    draw(figures.tiles(scenario), "tiles")


def draw(tiles: Sequence[figures.Tile], key: str) -> None:
    with st.container(key=key):
        for tile in tiles:
            st.metric(
                tile.title,
                tile.value,
                delta=tile.beside or None,
                delta_color="off",
                delta_arrow="off",
                help=tile.help,
                border=True,
            )
