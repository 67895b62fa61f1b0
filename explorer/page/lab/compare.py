"""Step 5: the paper, the prediction and the measurement side by side, with verdicts and explanations."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
import streamlit as st

from explorer.data.metrics import percent
from explorer.data.plain_text import plain
from explorer.lab import charts
from explorer.lab.experiment import PLATFORMS, Experiment, printed_channels, printed_platform
from explorer.lab.prediction import on_papers_devices, papers_device
from explorer.lab.published import printed
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
from explorer.page.widgets import chart, data_table, download, messages

MARKS = {AGREES: "✓ agrees", DIFFERS: "✗ differs here", CLOSE: "≈ too close to call", NOISY: "? too noisy to tell"}

KERNELS = (
    "Where the mult-adds per second fall at equal mult-adds, memory or the launch of operators takes the time; where "
    "they do not, arithmetic does. PyTorch's names: `_slow_conv2d_forward` is a matrix product, "
    "one per convolution and one per group; `copy_` spreads the bias over the output before it; `cat` joins the "
    "groups; `mkldnn_convolution` is a convolution of another library; `clamp_min` is ReLU."
)
FUSED = " They take ReLU as a part of the convolution before it: it starts no kernel, and its removal saves little."


def panel(made: Experiment, run: Run | None, predicted: Mapping[str, Predicted] | None) -> None:
    """The run beside the prediction and the paper, with a verdict per row."""
    table = compare(made, run, predicted, on_papers_devices(made) if made.guideline else None)
    missing = [] if run else ["Not measured yet."]
    if not predicted:
        missing.append("No prediction: there is no device profile for these settings (`python -m explorer calibrate`).")
    if missing:
        st.caption(" ".join(missing))
    name = f"g{made.guideline}"
    chart.show(
        charts.comparison(table, made.guideline),
        f"{name} comparison",
        "Time over the first row's: paper, prediction, measured",
    )
    data_table.show(_shown(made, table), key=f"{name} table")
    _as_printed(made)
    _papers_devices(made)
    if run:
        _verdicts(made, table)
        _download(made, run, table)
    if made.guideline:
        _your_order(made, table, run)
        _questions(made)


def _verdicts(made: Experiment, table: pandas.DataFrame) -> None:
    """The number of rows that agree; explanations of the rows that do not, and of all rows in an expander."""
    if made.guideline:
        sentence = agreement_sentence(*agreement(table), disagreeing_rows(table))
        st.markdown(
            f"**The paper's direction ({printed_platform(made.guideline, made.platform)}, {made.column}) {sentence}.**"
        )
    show_disagreeing(made, table)
    with st.expander("Explanation of each row"):
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
    description = messages.literal(describe_row(made, table, number))
    st.markdown(f"{MARKS.get(row['verdict'], row['verdict'])}: **{name}{row['row']}**, {description}.")


def _as_printed(made: Experiment) -> None:
    """What the table prints otherwise than this page, with the reason."""
    sentences = [
        f"{row}: the table prints {channels} channels. {reason}."
        for row, (channels, reason) in printed_channels(made).items()
    ]
    platform = printed_platform(made.guideline, "ARM")
    cells = printed(made.guideline, "ARM", made.scale)
    if cells and platform != "ARM":
        sentences.append(f"{platform} is the table's word; the text names the device: ARM, {cells[0].device}.")
    if sentences:
        st.caption(" ".join(sentences))


def _papers_devices(made: Experiment) -> None:
    """Whose the predictions for the paper's devices are, and how far off they may be."""
    if made.guideline:
        devices = [papers_device(platform) for platform in PLATFORMS]
        errors = [f"{one.device}, mean error {one.errors.leave_one_out_pct:.1f} %" for one in devices]
        st.caption(
            f"Predicted for the paper's devices: {'; '.join(errors)} on networks left out. Both fits are to "
            "the paper's printed speeds, those of these tables too. Batches and threads are the paper's."
            + (FUSED if made.guideline == 4 and all(one.fused for one in devices) else "")
        )


def _shown(made: Experiment, table: pandas.DataFrame) -> pandas.DataFrame:
    def ratios(column: str) -> list[str]:
        return ["" if value != value else f"{value:.2f}" for value in table[column]]

    paper: dict[str, list[str]] = {}
    for platform in PLATFORMS:
        cells = printed(made.guideline, platform, made.scale)
        head = f"paper, {printed_platform(made.guideline, platform)}"
        paper[head] = ratios(f"paper_{platform}")
        if cells:
            paper[f"{head}, {cells[0].unit_text}"] = [cell.speed for cell in cells]
        paper[f"predicted, paper's {printed_platform(made.guideline, platform)}"] = ratios(f"device_{platform}")
    intervals = ["" if a != a else f"{a:.2f} … {b:.2f}" for a, b in zip(table["low"], table["high"])]
    shown = pandas.DataFrame(
        {
            "row": table["row"],
            "channels": with_printed(made, table),
            "FLOPs difference": [percent(value, 1, "+") for value in table["flops_error"]],
            **paper,
            "predicted": ratios("predicted"),
            "measured": ratios("measured"),
            "interval": intervals,
            "ms": ["" if value != value else f"{value:.3g}" for value in table["time_ms"]],
            "verdict": [MARKS.get(word, word) for word in table["verdict"]],
        }
    )
    return shown.loc[:, (shown != "").any()]  # nothing measured or predicted: no empty columns


def with_printed(made: Experiment, table: pandas.DataFrame) -> list[str]:
    """The channels of each row; beside them those of the paper's table where it prints others."""
    others = printed_channels(made)
    return [
        f"{channels} (printed: {others[row][0]})" if row in others else str(channels)
        for row, channels in zip(table["row"], table["channels"])
    ]


def _download(made: Experiment, run: Run, table: pandas.DataFrame) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    member = store.membership()
    if member:
        machine, right = member.name, left
    else:
        with left:
            machine = st.text_input(
                "Your name or this machine's, for the file", key="lab machine", max_chars=60, persist_state="session"
            )
    with right:
        download.button(
            "Result as CSV",
            lambda: to_csv(made, run, table, machine or ""),
            f"g{made.guideline}_{plain(machine) or 'result'}.csv".replace(" ", "_").replace("/", "_"),
            "text/csv",
            f"g{made.guideline} csv",
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
        platform = printed_platform(made.guideline, column.removeprefix("paper_"))
        whose = "measured order" if column == "measured" else f"paper's {platform} order"
        lines.append(f"the {whose} in **{right} of {pairs}** pairs")
    st.markdown(
        f"Your order, {' → '.join(order)}, matches {'; '.join(lines)}. Pairs whose times do not differ are not counted."
    )


def _questions(made: Experiment) -> None:
    claim = CLAIMS[made.guideline]
    st.markdown("**Questions**")
    for question, answer in zip(claim.questions, claim.answers):
        with st.expander(question):
            st.markdown(answer)
