"""Lessons of MobileNetV3: the efficient last stage, hard-swish, squeeze-and-excite."""

from __future__ import annotations

import streamlit as st

from explorer.data.metrics import number, percent
from explorer.lab.lessons import charts as lesson_charts
from explorer.lab.lessons import curves, questions
from explorer.lab.lessons import networks as lessons
from explorer.page.lab.lessons.lesson import lesson, networks_panel, predicted_ms
from explorer.page.widgets import chart, data_table


@lesson(
    "The efficient last stage",
    "MobileNetV3 pools before the 1×1 convolution of the final features. Its input is then 1×1 instead of 7×7, and the "
    "block before it is removed.",
    questions.LAST_STAGE,
)
def last_stage() -> None:
    networks = lessons.last_stage_networks()
    table = lessons.totals(networks)
    for place, (label, tail) in zip(chart.columns(2), lessons.last_stage_tails().items()):
        with place:
            st.markdown(f"**{label}**: {tail['mult_adds'].sum() / 1e6:.1f} M mult-adds from this operator on")
            data_table.show(
                tail[["path", "operator", "output", "mult_adds", "params"]],
                key=f"tail {label}",
                columns={
                    "mult_adds": st.column_config.NumberColumn("mult-adds", format="localized"),
                    "params": st.column_config.NumberColumn(format="localized"),
                },
            )
    run = networks_panel("last stage", networks, table)
    saved = table["mult_adds"].iloc[0] - table["mult_adds"].iloc[1]
    times = [time.middle for time in run.time_ms] if run else predicted_ms(networks)
    here = ""
    if times:
        before, after = times
        source = "Measured here" if run else "Predicted here, until you measure"
        saved_ms = number(before - after, ".2f")
        here = f" {source}: **{saved_ms} ms** of {before:.2f} ms, **{percent(1 - after / before)}**."
    st.markdown(
        f"It saves {saved / 1e6:.1f} M multiply-adds, {percent(saved / table['mult_adds'].iloc[0])}. On the paper's "
        f"phone that was {lessons.PAPER_SAVED_MS:g} ms, {percent(lessons.PAPER_SAVED_SHARE)} of the running time "
        f"(section 5.1).{here}"
    )


@lesson(
    "Swish and hard-swish",
    "swish(x) = x·σ(x) needs an exponential; hard-swish replaces σ by ReLU6(x + 3)/6, which is piecewise linear.",
    questions.SWISH,
)
def swish() -> None:
    data = curves.swishes()
    chart.show(lesson_charts.swishes(data), "swishes", "Sigmoid and swish with their hard counterparts")
    worst = data.loc[data["error"].abs().idxmax()]
    st.markdown(
        f"The largest difference is **{abs(worst['error']):.3f}**, at x = ±{abs(worst['x']):.0f}. All three networks "
        "below have the same multiply-adds: no count shows the cost of an activation, so it has to be measured. "
        "MobileNetV3 has hard-swish in its stem and its second half: later feature maps are smaller, and so is the "
        "cost of their activations."
    )
    networks = lessons.swish_networks()
    networks_panel("swish", networks, lessons.totals(networks), bars=False)


@lesson(
    "Squeeze-and-excite",
    "Each channel is scaled by a factor computed from the means of all channels: pool, reduce, restore, scale. "
    "MobileNetV3 reduces to 1/4 of the expanded width.",
    questions.SQUEEZE,
)
def squeeze() -> None:
    ratios = (0.0625, 0.125, 0.25, 0.5, 1.0)
    ratio = st.select_slider("Squeeze ratio", ratios, 0.25, key="se ratio", format_func=lessons.reduction)
    networks = lessons.squeeze_networks(ratio)
    table = lessons.totals(networks)
    first, second = table.iloc[0], table.iloc[1]
    st.markdown(
        f"In MobileNetV3-Large it adds **{percent(second['mult_adds'] / first['mult_adds'] - 1, 1)}** multiply-adds, "
        f"but **{percent(second['params'] / first['params'] - 1)}** parameters, "
        f"**{percent(second['mem_access'] / first['mem_access'] - 1)}** memory access and "
        f"{second['kernels'] - first['kernels']} kernels. The paper reports no discernible latency cost "
        "(section 5.3)."
    )
    networks_panel("squeeze", networks, table)
