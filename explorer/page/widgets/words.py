"""Headings and captions of what every edit repaints, as HTML.

Streamlit's own go through a parser of Markdown and make an anchor, asked for or not, each time that they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import streamlit as st

from explorer.figures.palette import KIND_COLOURS


def title(words: str, caption: str) -> None:
    """The page's title with a caption."""
    st.html(f"<h1>{escape(words)}</h1><p class='caption'>{escape(caption)}</p>")


def heading(words: str) -> None:
    """A heading without an anchor."""
    st.html(f"<h3>{escape(words)}</h3>")


def kinds(shown: Iterable[str]) -> None:
    """The colours of kinds of operators."""
    entries = "".join(f"<span><i style='background:{KIND_COLOURS[kind]}'></i>{escape(kind)}</span>" for kind in shown)
    st.html(f"<div class='legend'>{entries}</div>")


def caption(words: str) -> None:
    """A line of small text."""
    st.html(f"<p class='caption'>{escape(words)}</p>")
