"""What the theme in .streamlit/config.toml cannot say: the grids of tiles and choices, the space around the page."""

from __future__ import annotations

import streamlit as st

# Four columns on a laptop, two on a phone, one row on a wide screen; the latency takes two. Every figure is in view
# without scrolling, none of them cut. Streamlit's columns cannot change their number.
CSS = """
<style>
.stMainBlockContainer { padding: 3.9rem 2rem 3rem 2rem; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0; }
.stMainBlockContainer h3 { font-size: 1.25rem; padding: .3rem 0 0 0; }
.st-key-tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .6rem; }
.st-key-tiles > :first-child { grid-column: span 2; }
.st-key-tiles > * { width: 100% !important; min-width: 0 !important; height: 100% !important; }
.st-key-tiles > * > * { height: 100%; }
.st-key-tiles [data-testid="stMetric"] { padding: .55rem .9rem; height: 100%; }
.st-key-tiles [data-testid="stMetric"] > div { padding: 0; }
.st-key-tiles [data-testid="stMetricLabel"] * { white-space: normal; overflow: visible; }
.js-plotly-plot .modebar { display: none !important; }
.katex-display { padding: .4rem 0; }
.st-key-choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.6rem, 1fr)); gap: .5rem .8rem; }
.st-key-choices > * { width: 100% !important; min-width: 0 !important; align-self: end; }
.short { overflow: auto; max-height: 35rem; }
.short table { border-collapse: collapse; width: 100%; font-size: .875rem; }
.short th, .short td { border-bottom: 1px solid rgba(128, 128, 128, .3); padding: .35rem .5rem; text-align: left; }
.short td[style], .short th:nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .9rem; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem; vertical-align: -.08rem; }
@media (min-width: 1600px) { .st-key-tiles { grid-template-columns: repeat(8, minmax(0, 1fr)); } }
@media (max-width: 640px) {
  .st-key-tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .stMainBlockContainer { padding: 3.9rem .8rem 2rem .8rem; }
}
</style>
"""


def apply() -> None:
    st.html(CSS)
