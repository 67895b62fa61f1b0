"""What the theme in .streamlit/config.toml cannot say: the tiles' grid and how close the page sits to its top."""

from __future__ import annotations

import streamlit as st

# Three tiles in a row on a laptop, two on a phone, one row on a wide screen: every figure in view without scrolling,
# none of them cut. Streamlit's columns cannot change their number.
CSS = """
<style>
.stMainBlockContainer { padding: 2.2rem 2rem 3rem 2rem; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0; }
.stMainBlockContainer h3 { font-size: 1.25rem; padding: .3rem 0 0 0; }
.st-key-tiles { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .6rem; }
.st-key-tiles > * { width: 100% !important; min-width: 0 !important; }
.st-key-tiles [data-testid="stMetric"] { padding: .55rem .9rem; height: 100%; }
.st-key-tiles [data-testid="stMetric"] > div { padding: 0; }
.st-key-tiles [data-testid="stMetricLabel"] * { white-space: normal; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .9rem; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem; vertical-align: -.08rem; }
@media (min-width: 1600px) { .st-key-tiles { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
@media (max-width: 640px) {
  .st-key-tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .stMainBlockContainer { padding: 3.9rem .8rem 2rem .8rem; }
}
</style>
"""


def apply() -> None:
    st.html(CSS)
