"""What the theme in .streamlit/config.toml cannot say: the space around the page, its short tables and legends."""

from __future__ import annotations

import streamlit as st

# While an edit is worked out, Streamlit prepares each element to fade in a second, should it last longer than half of
# one, and the browser draws each by itself for that. The same fade by a number of our own is drawn only if it comes.
CSS = """
<style>
@property --fade { syntax: "<number>"; inherits: false; initial-value: 1; }
.stElementContainer[data-stale=true] { --fade: .33; opacity: var(--fade); transition: --fade 1s ease-in .5s; }
.stMainBlockContainer { padding: 3.9rem 2rem 3rem 2rem; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0; }
.stMainBlockContainer h3 { font-size: 1.25rem; padding: .3rem 0 0 0; }
.js-plotly-plot .modebar { display: none !important; }
.katex-display { padding: .4rem 0; }
.short { overflow: auto; max-height: 35rem; }
.short table { border-collapse: collapse; width: 100%; font-size: .875rem; }
.short th, .short td { border-bottom: 1px solid rgba(128, 128, 128, .3); padding: .35rem .5rem; text-align: left; }
.short td[style], .short th:nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .9rem; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem; vertical-align: -.08rem; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 3.9rem .8rem 2rem .8rem; }
}
</style>
"""


def apply() -> None:
    st.html(CSS)
