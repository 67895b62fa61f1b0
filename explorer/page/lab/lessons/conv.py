"""Lessons on convolutions: depthwise separable, MobileNetV1's multipliers, channel shuffle."""

from __future__ import annotations

import streamlit as st

from explorer.data.metrics import percent
from explorer.lab.lessons import charts as lesson_charts
from explorer.lab.lessons import curves, questions
from explorer.lab.lessons import networks as lessons
from explorer.page.lab.lessons.lesson import lesson, networks_panel
from explorer.page.widgets import chart


@lesson(
    "Depthwise separable convolution",
    "MobileNetV1 replaces a K×K convolution by a depthwise one (a filter per channel) and a 1×1 convolution that mixes "
    "the channels.",
    questions.SEPARABLE,
)
def separable() -> None:
    a, b, c, d = st.columns(4)
    c_in = a.select_slider("C_in", (8, 16, 32, 64, 128, 256, 512), 64, key="sep in")
    c_out = b.select_slider("C_out", (1, 8, 16, 32, 64, 128, 256, 512), 128, key="sep out")
    kernel = c.select_slider("K", (1, 3, 5, 7), 3, key="sep k")
    size = d.select_slider("N", (7, 14, 28, 56, 112), 56, key="sep n")
    networks = lessons.separable_networks(c_in, c_out, kernel, size)
    table = lessons.totals(networks)
    counted, formula = table["mult_adds_ratio"].iloc[1], lessons.separable_ratio(c_out, kernel)
    left, right = st.columns(2)
    with left:
        st.latex(
            r"\frac{N^2 K^2 C_{in} + N^2 C_{in} C_{out}}{N^2 K^2 C_{in} C_{out}} = \frac{1}{C_{out}} + \frac{1}{K^2}"
            rf" = {formula:.4f}"
        )
        st.markdown(
            f"Counted on the two graphs: **{counted:.4f}**.\n\nThe article prints the ratio as C_out + K·K, here "
            f"**{lessons.article_ratio(c_out, kernel)}**. That is no ratio: it is the separable cost per pixel and "
            f"input channel, not divided by the standard cost K²·C_out = {kernel**2 * c_out:,}."
        )
        if formula >= 1:
            st.warning("At this size the separable form has more multiply-adds than the standard one.")
    with right:
        chart.show(
            lesson_charts.separable_ratio(lessons.separable_curve(kernel), c_out, formula),
            "sep ratio",
            "Separable over standard multiply-adds, over the output channels",
        )
    networks_panel("separable", networks, table)


@lesson(
    "Width and resolution multipliers",
    "MobileNetV1 has two multipliers: α scales the channels of every layer, ρ scales the resolution. Multiply-adds are "
    "about proportional to α²ρ², parameters to α²; parameters do not depend on ρ.",
    questions.MULTIPLIERS,
)
def multipliers() -> None:
    left, middle, right = st.columns([2, 2, 3])
    width = left.slider("Width α", 0.1, 1.4, 0.5, 0.05, key="mult width")
    resolution = middle.select_slider("Resolution 224·ρ", range(96, 257, 32), 160, key="mult size")
    titles = {"mult_adds": "mult-adds", "params": "params", "mem_access": "MAC"}
    with right:
        metric = st.segmented_control(
            "Show", list(titles), default="mult_adds", required=True, key="mult metric", format_func=titles.__getitem__
        )
    table = lessons.multipliers(width, resolution)
    chart.show(lesson_charts.multipliers(table, metric), "mult grid", f"{titles[metric]} by width and resolution")
    chosen = table[table["chosen"]].iloc[0]
    st.markdown(
        f"Counted: **{chosen['share']:.3f}** of the full network's multiply-adds; the rule α²ρ² says "
        f"**{chosen['rule']:.3f}**. The first layer, the depthwise layers and the classifier are proportional to α, "
        "not to α²."
    )
    networks = lessons.multiplier_networks(width, resolution)
    networks_panel("multipliers", networks, lessons.totals(networks))


@lesson(
    "Channel shuffle",
    "Two group convolutions in a row do not mix their groups. ShuffleNetV1 permutes the channels between them: "
    "reshape to (g, n), transpose, flatten.",
    questions.SHUFFLE,
)
def shuffle() -> None:
    left, right = st.columns(2)
    groups = left.select_slider("Groups g", (1, 2, 3, 4, 6, 8), 3, key="shuffle g")
    size = right.slider("Channels per group n", 1, 6, 4, key="shuffle n")
    channels = groups * size
    chart.show(
        lesson_charts.shuffle(curves.shuffle_frames(channels, groups)),
        "shuffle",
        "Channels before and after the shuffle",
    )
    without, with_shuffle = (curves.groups_reached(channels, groups, shuffles) for shuffles in (False, True))
    st.markdown(
        f"A group of the second convolution reads from **{without}** group of the first without the shuffle and from "
        f"**{with_shuffle}** with it. Order afterwards: {', '.join(map(str, curves.shuffled(channels, groups)))}."
    )
    in_network = groups if groups in (2, 3, 4, 8) else 3
    networks = lessons.shuffle_networks(in_network)
    table = lessons.totals(networks)
    cost = table["mem_access"].iloc[0] / table["mem_access"].iloc[1] - 1
    st.markdown(
        f"In ShuffleNetV1 1× with g = {in_network} the shuffles have no multiply-adds, but they read and write "
        f"**{percent(cost, 1)}** more memory and launch {table['kernels'].iloc[0] - table['kernels'].iloc[1]} kernels. "
        "A FLOP counter does not report them."
    )
    networks_panel("shuffle", networks, table)
