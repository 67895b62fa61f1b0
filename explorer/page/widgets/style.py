"""What the theme in .streamlit/config.toml cannot say: the space around the page, its short tables and legends."""

from __future__ import annotations

import streamlit as st

# Streamlit has each element begin to fade with every edit, should it take longer than half a second, and the browser
# draws each by itself from then on. Here one clock waits for that half second, and then they fade as they did.
CSS = """
<style>
.stApp[data-test-script-state=running] { animation: long 0s .5s forwards; }
@keyframes long { to { --long: 1; } }
.stElementContainer[data-stale=true] { opacity: 1; transition: none; }
@container style(--long: 1) {
  .stElementContainer[data-stale=true] { opacity: .33; transition: opacity 1s ease-in; }
}
.stMainBlockContainer { padding: 3.9rem 2rem 3rem 2rem; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0; }
.stMainBlockContainer h3 { font-size: 1.25rem; font-weight: 600; letter-spacing: -.005em; padding: .3rem 0 0 0; }
.stMainBlockContainer :is(h1, h3) { margin: 0; line-height: 1.2; }
.stHtml h3 { margin-bottom: -1rem; }
.stMainBlockContainer :is(h1, h3, .caption, figcaption) { text-wrap: pretty; overflow-wrap: anywhere; }
.stMainBlockContainer :is(.caption, figcaption) { margin: 0; font-size: .875rem; line-height: 1.6; opacity: .6; }
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
