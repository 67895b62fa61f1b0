"""All four guidelines: the 13 comparisons per column with their verdicts on this machine, and explanations."""

from __future__ import annotations

import pandas
import streamlit as st

from explorer.lab import tally
from explorer.lab.experiment import PLATFORMS, SCALES
from explorer.lab.record import to_csv
from explorer.lab.verdict import compare
from explorer.page.lab import controls, measure, store
from explorer.page.lab.compare import MARKS, show_disagreeing
from explorer.page.state.session import guard
from explorer.page.widgets import data_table, download

KINDS = ("the paper's", "FLOPs matched within 1 %")


def render() -> None:
    st.title("All guidelines", anchor=False)
    st.markdown(
        "The four tables have 13 comparisons of a row with the first row, for the channels of the GPU column and for "
        "those of the ARM column (printed as CPU in Tables 2 to 4). For each the paper's direction is compared with "
        "this machine's."
    )
    with guard("The comparisons"):
        _comparisons()


def _comparisons() -> None:
    left, right = st.columns(2)
    with left:
        key = controls.kept("held scale", SCALES)
        scale = st.segmented_control(
            "Column", SCALES, default=1, required=True, key=key, format_func=_heads, persist_state="session"
        )
    with right:
        kind = st.segmented_control(
            "Channels",
            KINDS,
            default="the paper's",
            required=True,
            key=controls.kept("held kind", KINDS),
            persist_state="session",
        )
    columns = {platform: tally.column(platform, scale, kind != "the paper's") for platform in PLATFORMS}
    measure.measure_all([made for platform in PLATFORMS for made in columns[platform]])
    measured: dict[str, tally.Measured] = {}
    for platform, experiments in columns.items():
        runs = [(made, store.run_of(made)) for made in experiments]
        measured[platform] = [(made, compare(made, run)) for made, run in runs if run]
    for platform in PLATFORMS:
        st.markdown(f"**{tally.sentence(platform, scale, measured[platform])}.**")
        for made, table in measured[platform]:
            show_disagreeing(made, table, f"G{made.guideline} ")
    data_table.show(_shown(tally.table(scale, measured)), key="held table", height="content")
    _download([made for platform in PLATFORMS for made in columns[platform]])


def _heads(scale: int) -> str:
    return f"×{scale}"


def _shown(table: pandas.DataFrame) -> pandas.DataFrame:
    shown = pandas.DataFrame({"": table["guideline"], "row": table["row"]})
    for platform in PLATFORMS:
        low, high = table[f"low_{platform}"], table[f"high_{platform}"]
        shown[f"paper, {platform}"] = [f"{value:.2f}" for value in table[f"paper_{platform}"]]
        shown[f"here, {platform} channels"] = [
            "" if value != value else f"{value:.2f} [{a:.2f}, {b:.2f}]"
            for value, a, b in zip(table[f"measured_{platform}"], low, high)
        ]
        shown[f"verdict, {platform}"] = [MARKS.get(word, word) for word in table[f"verdict_{platform}"]]
    return shown


def _download(experiments: list) -> None:
    texts = [to_csv(made, run, compare(made, run)) for made in experiments if (run := store.run_of(made))]
    if texts:
        download.button(
            "Results as CSV",
            lambda: "".join(texts),
            "guidelines.csv",
            "text/csv",
            "held csv",
            "One file of all the runs above; the teacher's page reads it.",
        )
