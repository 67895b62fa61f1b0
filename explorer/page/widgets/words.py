"""Headings and captions of what every edit repaints, as HTML.

Streamlit's own go through a parser of Markdown and make an anchor, asked for or not, each time that they are sent.
"""

from __future__ import annotations

from html import escape

import streamlit as st


def title(words: str, caption: str) -> None:
    st.html(f"<h1>{escape(words)}</h1><p class='caption'>{escape(caption)}</p>")


def heading(words: str) -> None:
    st.html(f"<h3>{escape(words)}</h3>")


def caption(words: str) -> None:
    st.html(f"<p class='caption'>{escape(words)}</p>")
