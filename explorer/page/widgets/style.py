"""What the theme in .streamlit/config.toml cannot say: the space around the page, its short tables and legends."""

from __future__ import annotations

import streamlit as st

from explorer.page.frontend import bundle


def apply() -> None:
    """The page's style sheet."""
    st.html(f"<style>{bundle.style('page')}</style>")
