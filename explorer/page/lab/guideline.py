"""One page per guideline: claim, predict first, theory, measure here, compare."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import streamlit as st

import costmodel
from archs import ArchError
from archs.catalogue.guidelines import SIZE
from costmodel import CostError
from explorer.lab import prediction
from explorer.lab.experiment import (
    LAYOUTS,
    MAX_BATCH,
    MAX_CHANNELS,
    MAX_RESOLUTION,
    MAX_THREADS,
    PLATFORMS,
    SCALES,
    Experiment,
    Settings,
    column,
    experiment,
    printed_platform,
)
from explorer.lab.record import to_csv
from explorer.lab.text import CLAIMS, in_one_line
from explorer.lab.verdict import Predicted
from explorer.lab.verdict import compare as compare_runs
from explorer.page.browser import effects
from explorer.page.lab import class_bar, compare, controls, measure, store, theory
from explorer.page.state.session import guard
from explorer.page.widgets import messages

T = TypeVar("T")
KINDS = {"paper": "the paper's", "exact": "FLOPs matched within 1 %", "own": "my own"}


def render(guideline: int) -> None:
    claim = CLAIMS[guideline]
    st.title(f"G{guideline}  {claim.title}", anchor=False)
    with guard("The class"):
        class_bar.show()
        class_bar.predicted(f"G{guideline}", in_one_line(store.orders().get(guideline, [])))
    with guard("The claim"):
        st.subheader("1  The claim", anchor=False)
        st.markdown(f"**{claim.sentence}** {claim.reason}")
        st.latex(claim.formula)
    try:
        made = _choose(guideline)
    except (ArchError, CostError) as error:
        messages.error(str(error))
        return
    with guard("Predict first"):
        predicted = _predict_first(made)
    if not predicted:
        st.info("Theory, measurement and the paper's figures follow once you have kept an order or skipped this step.")
        return
    with guard("Theory"):
        st.subheader("3  Theory", anchor=False)
        theory.PANELS[guideline](made)
    with guard("Measure here"):
        st.subheader("4  Measure here", anchor=False)
        run = measure.panel(f"g{guideline}", [(v.row, v.spec) for v in made.variants], made.settings)
        if run:
            store.results()[guideline] = made
            if store.membership():
                class_bar.measured(_topic(made), to_csv(made, run, compare_runs(made, run), "student"))
    with guard("Compare"):
        st.subheader("5  Compare", anchor=False)
        compare.panel(made, run, _predicted(made))


def _topic(made: Experiment) -> str:
    platform = printed_platform(made.guideline, made.platform)
    return f"G{made.guideline}, {platform} {made.column}, channels: {KINDS[made.kind]}"


def _choose(guideline: int) -> Experiment:
    """The experiment selected by the controls. Raises LabError."""
    left, middle, right = st.columns([2, 3, 4], vertical_alignment="bottom")
    with left:
        names = {platform: printed_platform(guideline, platform) for platform in PLATFORMS}
        platform = _segments("The paper's device", PLATFORMS, f"g{guideline} platform", "ARM", names)
    with middle:
        heads = {scale: column(guideline, platform, scale) for scale in SCALES}
        scale = _segments("Column", SCALES, f"g{guideline} scale", 1, heads)
    with right:
        kind = _segments("Channels", list(KINDS), f"g{guideline} kind", "paper", KINDS)
    channels, resolution, settings = None, SIZE, Settings()
    if kind == "own":
        channels = int(_number("Channels of the first row", 4, MAX_CHANNELS, 32, f"g{guideline} channels"))
    with st.expander("Resolution, batch, threads, layout"):
        a, b, c, d = st.columns(4)
        with a:
            resolution = int(_number("Resolution", 7, MAX_RESOLUTION, SIZE, f"g{guideline} resolution"))
        with b:
            batch = int(_number("Batch", 1, MAX_BATCH, 1, f"g{guideline} batch"))
        with c:
            threads = int(_number("Threads", 1, MAX_THREADS, 1, f"g{guideline} threads"))
        with d:
            layout = _segments("Layout", LAYOUTS, f"g{guideline} layout", "nchw")
        settings = Settings(batch, threads, layout)
    return experiment(guideline, platform, scale, kind == "exact", channels, resolution, settings)


def _segments(label: str, options: Sequence[T], key: str, default: T, titles: Mapping[T, str] | None = None) -> T:
    def title(option: T) -> str:
        return titles[option] if titles else str(option)

    return st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=controls.kept(key, options),
        format_func=title,
        persist_state="session",
    )


def _number(label: str, low: int, high: int, value: int, key: str) -> int:
    key = controls.kept(key, range(low, high + 1))
    return st.number_input(label, low, high, value, step=1, key=key, persist_state="session")


def _predict_first(made: Experiment) -> bool:
    """Step 2. Returns whether an order was entered or the step skipped."""
    st.subheader("2  Predict first", anchor=False)
    orders = store.orders()
    rows = [variant.row for variant in made.variants]
    if made.guideline in orders:
        order = orders[made.guideline]
        shown = " → ".join(order) if order else "skipped"
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(f"Your order, fastest first: **{shown}**")
        effects.button("Order again", f"g{made.guideline} again", partial(_order, made, None), right.button)
        return True
    chosen = st.multiselect(
        "All do the same multiply-adds. Choose them from the fastest to the slowest.",
        shuffled(rows, f"G{made.guideline}"),
        key=controls.kept(_unkept(made), rows, several=True),
        placeholder="the fastest first",
        select_all=False,
        persist_state="session",
    )
    left, right, _ = st.columns([1, 1, 3])
    effects.button(
        "Keep my order",
        f"g{made.guideline} keep",
        partial(_order, made, list(chosen)),
        left.button,
        type="primary",
        disabled=len(chosen) < len(rows),
        width="stretch",
    )
    effects.button("Skip", f"g{made.guideline} skip", partial(_order, made, []), right.button, width="stretch")
    return False


def _order(made: Experiment, rows: list[str] | None) -> Callable[[], None]:
    """Keeps an order; None takes it away."""
    if rows is None:
        st.session_state[_unkept(made)] = []
        store.orders().pop(made.guideline, None)
    else:
        store.orders()[made.guideline] = rows
    return st.rerun


def _unkept(made: Experiment) -> str:
    """The key of an order that is not complete, or not kept."""
    return f"g{made.guideline} order"


def shuffled(rows: Sequence[str], topic: str) -> list[str]:
    """The rows in an order that differs between visitors and topics and stays the same for one."""
    mixed, source = list(rows), random.Random(f"{store.seed()} {topic}")
    while mixed in (list(rows), list(rows)[::-1]):  # the paper's order, or its reverse, would be the answer
        source.shuffle(mixed)
    return mixed


def _predicted(made: Experiment) -> dict[str, Predicted] | None:
    try:
        profile = prediction.profile_for(made.settings)
        return prediction.predicted(made, profile) if profile else None
    except costmodel.CostError as error:
        messages.warning(f"No prediction: {error}", ":material/info:")
        return None
