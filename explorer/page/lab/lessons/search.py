"""Lessons of MobileNetV3's two searches: block by block with MnasNet's reward, layer by layer with NetAdapt."""

from __future__ import annotations

import streamlit as st

from explorer.data.metrics import number, percent
from explorer.figures.search import adaptation as adapt_figures
from explorer.figures.search import published_front as front_figures
from explorer.lab.lessons import questions, search_charts, searches
from explorer.page.lab.lessons.lesson import lesson
from explorer.page.widgets import chart, data_table, messages
from explorer.search.runs.published_front import BANDS, MARKS, published


@lesson(
    "Block-wise search",
    "MnasNet searches over kinds, kernels, widths and depths of blocks. Its reward joins accuracy and latency, "
    "accuracy · (latency / target)ʷ, so that a network near the target may miss it a little where that pays.",
    questions.BLOCKWISE,
)
def blockwise() -> None:
    left, right = st.columns(2)
    w = left.select_slider("w", searches.EXPONENTS[::-1], -0.07, key="block w", format_func=lambda w: number(w, "g"))
    target = right.select_slider("Target, ms on a Pixel 1", (30, 40, 50, 60, 70, 80, 90), 60, key="block target")
    chart.show(
        search_charts.rewards(target, w), "block rewards", "Networks of MnasNet's space with the line of equal reward"
    )
    chart.legend(search_charts.legend())
    st.markdown(
        f"With w = {number(w, 'g')} a network of twice the latency has the same reward if it is "
        f"**{percent(searches.worth_of_double(w), 1)}** more accurate. The target moves no choice as long as it "
        "is the same for all: it only scales the reward. "
        "With w = 0 latency does not count; the steeper w is, the faster is the preferred network."
    )
    data_table.show(
        searches.by_exponent(target),
        key="block table",
        columns={
            "w": st.column_config.NumberColumn(format="%.2f"),
            "latency_ms": st.column_config.NumberColumn("ms", format="%.1f"),
            "low_ms": st.column_config.NumberColumn("from, ms", format="%.1f", help="90 % interval"),
            "high_ms": st.column_config.NumberColumn("to, ms", format="%.1f"),
            "top1_pct": st.column_config.NumberColumn("estimated top-1, %", format="%.1f"),
        },
    )
    compared = list(dict.fromkeys((0.0, w)))
    preferred = " and with ".join(f"w = {number(one, 'g')}" for one in compared)
    st.markdown(f"**Stages of the network preferred with {preferred}**")
    data_table.wrapped(searches.by_stage(target, compared))
    messages.caption(
        f"{len(searches.drawn())} random networks, not a search to its end. Latencies are predicted from "
        "published ones of the phone, accuracies estimated from published networks: a difference of a point is no "
        "result."
    )
    st.subheader("Where the exponents come from", anchor=False)
    front = published()
    chart.show(front_figures.slopes(front, MARKS), "block slopes", "Slope of the published networks on the Pixel 1")
    chart.legend(front_figures.legend(front))
    small, large = (front.slope(*BANDS[w]) or 0.0 for w in (-0.15, -0.07))
    st.markdown(
        "w is chosen so that neighbours on the published front have equal rewards. On the Pixel 1, 1 % more latency "
        f"brings **{small:.2f} %** more accuracy from 10 to 25 ms and **{large:.2f} %** above 40 ms. MobileNetV3 "
        "searches its Small with w = −0.15 and its Large with −0.07 (section 4.1)."
    )


@lesson(
    "Layer-wise search",
    "NetAdapt starts from a network and takes its latency down step by step. Each step compares proposals, one per "
    "width, that save at least 1 % of it, and keeps the one that loses least accuracy per millisecond.",
    questions.LAYERWISE,
)
def layerwise() -> None:
    steps = searches.replayed()
    number = st.slider("Step", 0, len(steps) - 1, len(steps) - 1, key="layer step")
    step = steps[number]
    st.markdown(
        f"**Step {number}**: {step.change}. Predicted for a Pixel 1: {step.latency_ms:.1f} ms "
        f"({step.low_ms:.1f} to {step.high_ms:.1f}). Top-1, estimated: {step.score:.1f} %."
    )
    shown, unit = steps[: number + 1], "estimated top-1, %"
    chart.show(
        adapt_figures.staircase(shown, searches.TARGET_MS, unit), "layer steps", "Latency and accuracy over the steps"
    )
    inside = sum(one.chosen is not None and one.chosen.inside_interval for one in shown)
    messages.caption(
        f"A hollow point is a step whose gain lies within the interval of the prediction: {inside} of {number}."
    )
    st.subheader("Beside the networks published for the Pixel 1", anchor=False)
    chart.show(
        adapt_figures.beside_published(shown, searches.published_rows(), unit),
        "layer published",
        "The steps beside networks published for the Pixel 1",
    )
    for place, (title, spec) in zip(
        chart.columns(2), ((f"MnasNet-A1 after step {number}", step.spec), ("MobileNetV3-Large", searches.large()))
    ):
        with place:
            st.markdown(f"**{title}**, its inverted residuals")
            data_table.show(searches.blocks(spec), key=f"layer {title[:12]}")
    st.markdown(
        "Both make the early blocks narrow, where feature maps are large. MobileNetV3-Large differs from the last "
        "step in what no proposal changes: another head, hard-swish, wider squeeze-and-excite. The paper scores each "
        "proposal after fine-tuning; the estimate here sees little more than multiply-adds."
    )
