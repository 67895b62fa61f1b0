"""Step 5: the paper, the prediction and the measurement side by side, with verdicts and explanations."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
import streamlit as st

from explorer.data.plain_text import plain
from explorer.lab import charts
from explorer.lab.experiment import PLATFORMS, Experiment
from explorer.lab.record import to_csv
from explorer.lab.run import Run
from explorer.lab.text import CLAIMS
from explorer.lab.verdict import (
    AGREES,
    CLOSE,
    DIFFERS,
    NOISY,
    Predicted,
    agreement,
    agreement_sentence,
    compare,
    describe_row,
    disagreeing_rows,
    pairs_right,
)
from explorer.page.lab import store
from explorer.page.widgets import chart, messages

MARKS = {AGREES: "✓ agrees", DIFFERS: "✗ differs here", CLOSE: "≈ too close to call", NOISY: "? too noisy to tell"}

KERNELS = (
    "Where the mult-adds per second fall while the mult-adds stay, the time goes into memory or into starting "
    "operators; where they stay, it goes into arithmetic. PyTorch's names: `_slow_conv2d_forward` is a matrix product, "
    "one per convolution and one per group; `copy_` spreads the bias over the output before it; `cat` joins the "
    "groups; `mkldnn_convolution` is a convolution of another library; `clamp_min` is ReLU."
)


def panel(made: Experiment, run: Run | None, predicted: Mapping[str, Predicted] | None) -> None:
    table = compare(made, run, predicted)
    missing = [] if run else ["Not measured yet."]
    if not predicted:
        missing.append("No prediction: there is no device profile for these settings (`python -m explorer calibrate`).")
    if missing:
        st.caption(" ".join(missing))
    name = f"g{made.guideline}"
    chart.show(charts.comparison(table), f"{name} comparison", "Time over the first row's: paper, prediction, measured")
    st.dataframe(_shown(table), hide_index=True, key=f"{name} table")
    if run:
        _verdicts(made, table)
        _download(made, run, table)
    if made.guideline:
        _your_order(made, table, run)
        _questions(made)


def _verdicts(made: Experiment, table: pandas.DataFrame) -> None:
    """The number of rows that agree; explanations of the rows that do not, and of all rows in an expander."""
    if made.guideline:
        said = agreement_sentence(*agreement(table), disagreeing_rows(table))
        st.markdown(f"**The paper's direction ({made.platform}, {made.column}) {said}.**")
    show_disagreeing(made, table)
    with st.expander("Why, row by row"):
        for number in range(len(table)):
            _describe(made, table, number)
        st.caption(KERNELS)


def show_disagreeing(made: Experiment, table: pandas.DataFrame, name: str = "") -> None:
    """The rows that do not agree with the paper's direction, each with its explanation."""
    for number, word in enumerate(table["verdict"]):
        if word in (DIFFERS, CLOSE, NOISY):
            _describe(made, table, number, name)


def _describe(made: Experiment, table: pandas.DataFrame, number: int, name: str = "") -> None:
    row = table.iloc[number]
    said = messages.literal(describe_row(made, table, number))
    st.markdown(f"{MARKS.get(row['verdict'], row['verdict'])}: **{name}{row['row']}**, {said}.")


def _shown(table: pandas.DataFrame) -> pandas.DataFrame:
    def ratios(column: str) -> list[str]:
        return ["" if value != value else f"{value:.2f}" for value in table[column]]

    intervals = ["" if a != a else f"{a:.2f} … {b:.2f}" for a, b in zip(table["low"], table["high"])]
    shown = pandas.DataFrame(
        {
            "row": table["row"],
            "channels": table["channels"],
            "off equal FLOPs": [f"{value:+.1%}" for value in table["flops_error"]],
            "paper, GPU": ratios("paper_GPU"),
            "paper, ARM": ratios("paper_ARM"),
            "predicted": ratios("predicted"),
            "measured": ratios("measured"),
            "interval": intervals,
            "ms": ["" if value != value else f"{value:.3g}" for value in table["time_ms"]],
            "verdict": [MARKS.get(word, word) for word in table["verdict"]],
        }
    )
    return shown.loc[:, (shown != "").any()]  # nothing measured or predicted: no empty columns


def _download(made: Experiment, run: Run, table: pandas.DataFrame) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        machine = st.text_input(
            "Your name or this machine's, for the class", key="lab machine", max_chars=60, persist_state="session"
        )
    with right:
        st.download_button(
            "Result as CSV",
            to_csv(made, run, table, machine or ""),
            file_name=f"g{made.guideline}_{plain(machine) or 'result'}.csv".replace(" ", "_").replace("/", "_"),
            mime="text/csv",
            on_click="ignore",
            key=f"g{made.guideline} csv",
            icon=":material/download:",
        )


def _your_order(made: Experiment, table: pandas.DataFrame, run: Run | None) -> None:
    order = store.orders().get(made.guideline)
    if not order or set(order) != set(table["row"]):
        return
    columns = {f"paper_{platform}": (f"paper_{platform}",) * 2 for platform in PLATFORMS}
    if run:
        columns["measured"] = ("low", "high")
    lines = []
    for column, (low, high) in columns.items():
        spans = dict(zip(table["row"], zip(table[low], table[high])))
        right, pairs = pairs_right(order, spans)
        lines.append(f"**{right} of {pairs}** pairs as {charts.SERIES[column][0]} has them")
    st.markdown(f"Your order, {' → '.join(order)}, has {'; '.join(lines)}. Only pairs that a column tells apart count.")


def _questions(made: Experiment) -> None:
    claim = CLAIMS[made.guideline]
    st.markdown("**Think about it**")
    for question, answer in zip(claim.questions, claim.answers):
        with st.expander(question):
            st.markdown(answer)
