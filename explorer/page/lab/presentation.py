"""The presentation view of the lab: chart text of at least 20 px and larger words, for a projector."""

from __future__ import annotations

import streamlit as st

from explorer.page.widgets import chart

STYLE = "<style>.stMain p, .stMain li { font-size: 1.35rem; } .stMain h1 { font-size: 3rem; }</style>"


def toggle() -> None:
    """The switch; it holds for all pages of the lab."""
    on = st.toggle(
        "Presentation view",
        key=chart.PRESENTATION,
        persist_state="session",
        help="Larger text in charts and on the page, to be read from a distance.",
    )
    if on:
        st.html(STYLE)
