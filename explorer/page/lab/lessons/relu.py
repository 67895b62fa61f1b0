"""Lessons of MobileNetV2: ReLU in few dimensions, residual against inverted residual."""

from __future__ import annotations

import streamlit as st

from explorer.data.metrics import percent
from explorer.lab.lessons import charts as lesson_charts
from explorer.lab.lessons import curves, questions
from explorer.lab.lessons import networks as lessons
from explorer.page.lab.lessons.lesson import lesson, networks_panel
from explorer.page.widgets import chart


@lesson(
    "ReLU in few dimensions",
    "MobileNetV2's Figure 1: a spiral is embedded into n dimensions by a random matrix T, cut by ReLU, and projected "
    "back by T⁻¹. With few dimensions much of the spiral is lost, with many it is kept.",
    questions.RELU,
)
def manifold() -> None:
    left, right = st.columns([3, 1])
    dimension = left.select_slider("Dimensions n", (2, 3, 4, 5, 8, 10, 15, 20, 30), 3, key="relu n")
    seed = right.number_input("Random matrix", 0, 999, 0, key="relu seed")
    chart.show(
        lesson_charts.manifold(curves.through_relu(dimension, seed), dimension),
        "relu spiral",
        "The spiral before and after ReLU",
    )
    shares = curves.survives(dimension, seed)
    linear = shares["straight"]
    st.markdown(
        f"**{percent(shares['recoverable'])}** of the points keep at least two dimensions above zero, enough for two "
        f"coordinates. The best linear layer after the ReLU recovers **{percent(linear, 1)}** of the spiral's "
        "variance. For this reason the 1×1 that reduces the channels has no ReLU: a *linear* bottleneck."
    )
    chart.show(lesson_charts.survival(_survival(), dimension), "relu survival", "Share that is kept, by dimension")
    st.caption("Means over 40 random matrices.")


@st.cache_data
def _survival():
    return curves.survival()


@lesson(
    "Residual and inverted residual",
    "A residual block has few channels inside, and its shortcut connects wide tensors; an inverted residual has many "
    "channels inside, and its shortcut connects narrow tensors. The 3×3 inside is dense in the first, depthwise in the "
    "second.",
    questions.RESIDUAL,
)
def residual() -> None:
    a, b, c = st.columns(3)
    channels = a.select_slider("Channels of the wide tensors", (48, 96, 144, 192, 288, 384), 144, key="res c")
    factor = b.select_slider("Wide / narrow", (2, 3, 4, 6), 6, key="res t")
    size = c.select_slider("Resolution", (7, 14, 28, 56), 28, key="res n")
    networks = lessons.residual_networks(channels, factor, size)
    table = lessons.totals(networks)
    narrow = channels // factor
    st.markdown(
        f"Between blocks the first has {channels}×{size}×{size} elements, the second {narrow}×{size}×{size}: "
        f"**1/{factor}** to keep for the shortcut. Peak activation memory: "
        f"{table['peak_activation'].iloc[0]:,} and {table['peak_activation'].iloc[1]:,} elements."
    )
    networks_panel("residual", networks, table)
