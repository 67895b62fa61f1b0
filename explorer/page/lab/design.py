"""Design your own: two kinds of block at equal FLOPs, predicted and measured."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.data.metrics import percent
from explorer.lab import prediction
from explorer.lab.experiment import Settings, custom_design
from explorer.lab.lessons import design
from explorer.page.lab import compare, controls, measure, store
from explorer.page.state.session import guard
from explorer.page.widgets import data_table

TITLES = {kind: chosen.title for kind, chosen in design.KINDS.items()}
SIZES = (7, 14, 28, 56)
MAX_CHANNELS = 256


def render() -> None:
    st.title("Design your own", anchor=False)
    st.markdown(
        "Two stacks of ten blocks at the same multiply-adds: the channels of the second follow from those of the "
        "first. Predict which is faster before you measure."
    )
    with guard("Your design"):
        _design()


def _design() -> None:
    left, middle, right = st.columns([4, 4, 3], vertical_alignment="bottom")
    with left:
        first = _kind("First", "own first", "conv3")
    with middle:
        second = _kind("Second", "own second", "separable")
    with right:
        key = controls.kept("own size", SIZES)
        size = st.select_slider("Resolution", SIZES, 28, key=key, persist_state="session")
    step = design.KINDS[first].step
    start = max(step, 48 // step * step)
    key = controls.kept(f"own channels {first}", range(step, MAX_CHANNELS + 1, step))
    channels = st.slider("Channels of the first", step, MAX_CHANNELS, start, step, key=key, persist_state="session")
    target = design.mult_adds(first, channels, size)
    other = design.matching(second, target, size)
    names = [f"{TITLES[first]}, {channels}", f"{TITLES[second]}, {other}"]
    if first == second:
        st.info("Two of one kind: choose another for a comparison.", icon=":material/info:")
    networks = [(names[0], design.network(first, channels, size)), (names[1], design.network(second, other, size))]
    made = custom_design(networks, Settings())
    counted = made.table[["row", "mult_adds", "flops_error", "mem_access", "params", "elementwise", "kernels"]].copy()
    counted["flops_error"] = [percent(value, 1, "+") for value in counted["flops_error"]]
    data_table.show(counted, key="own counts", columns=_heads())
    if abs(made.table["flops_error"].iloc[1]) > 0.05:
        st.warning("No channels bring the second nearer to equal FLOPs: read the comparison with that in mind.")
    of = store.key(networks, made.settings)
    options = [*names, "neither"]
    guess = st.radio(
        "Which is faster?",
        options,
        index=None,
        horizontal=True,
        key=controls.kept(f"own guess {' or '.join(names)}", options),
        disabled=of in store.runs(),  # the guess cannot change after a measurement
        persist_state="session",
    )
    if not guess:
        st.info("Prediction and measurement follow once you have chosen one.")
        return
    run = measure.panel("own", networks)
    profile = prediction.profile_for(made.settings)
    if run or profile:
        compare.panel(made, run, prediction.predicted(made, profile) if profile else None)
    if run:
        ratio = run.ratio[1]
        faster = names[0] if ratio.low > 1 else names[1] if ratio.high < 1 else "neither"
        st.markdown(f"You said **{guess}**; measured: **{faster}**.")


def _kind(label: str, key: str, default: str) -> str:
    kinds = list(TITLES)
    return st.selectbox(
        label,
        kinds,
        kinds.index(default),
        key=controls.kept(key, kinds),
        format_func=TITLES.__getitem__,
        persist_state="session",
    )


def _heads() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "row": "network",
        "mult_adds": number("mult-adds", format="localized"),
        "flops_error": "FLOPs difference",
        "mem_access": number("MAC", format="localized"),
        "params": number("params", format="localized"),
        "elementwise": number("element-wise", format="localized"),
        "kernels": "kernels",
    }
