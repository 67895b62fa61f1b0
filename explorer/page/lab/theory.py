"""Step 3 of each guideline: the formula with sliders, the rows of the experiment on it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pandas
import streamlit as st

from explorer.data.metrics import human, percent
from explorer.figures import as_plotly, diagram
from explorer.figures.marks import Drawing, Labels
from explorer.lab import charts, theory
from explorer.lab.experiment import Experiment
from explorer.page.lab import controls
from explorer.page.lab.compare import with_printed
from explorer.page.widgets import chart, data_table

WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
SIZES = (7, 14, 28, 56, 112)


def _g1(made: Experiment) -> None:
    channels, size = _sliders(made)
    curve = theory.g1(channels, size)
    marks = theory.rows(made) if _same(made, channels, size) else theory.rows(made).iloc[:0]
    chart.show(charts.g1_curve(curve, marks), "g1 theory", "MAC over the ratio of output to input channels")
    at = curve.set_index("ratio")["relative"]
    relative = {ratio: at[ratio] for ratio in (2, 6, 12)}
    if len(marks):  # the rows of the table below, whose channels are whole numbers
        relative = dict(zip(relative, marks["mem_access"].iloc[1:] / marks["mem_access"].iloc[0]))
    ratios = ", ".join(f"1:{ratio} **{over:.2f}×**" for ratio, over in relative.items())
    st.markdown(f"At {channels} channels and {size}×{size}, of the memory access of 1:1: {ratios}.")
    _table(made)


def _g2(made: Experiment) -> None:
    channels, size = _sliders(made)
    curve = theory.g2(channels, size)
    marks = theory.rows(made) if _same(made, channels, size) else theory.rows(made).iloc[:0]
    chart.show(charts.g2_curve(curve, marks), "g2 theory", "MAC over the number of groups")
    last, one = curve.set_index("groups").loc[8], curve["mem_access"].iloc[0]
    wide, relative = last["channels"], last["mem_access"] / one
    if len(marks):  # the rows of the table below, whose channels are whole numbers
        wide = made.variants[-1].spec.input_channels
        relative = marks["mem_access"].iloc[-1] / marks["mem_access"].iloc[0]
    st.markdown(
        f"At the same FLOPs, 8 groups have {wide:.0f} instead of {channels} channels and move "
        f"**{relative:.2f}×** the memory. At the same channels they do an eighth of the multiply-adds "
        f"with **{last['same_channels'] / one:.2f}×** the memory."
    )
    _table(made)


def _g3(made: Experiment) -> None:
    left, right = chart.columns([2, 3])
    with left:
        rows = [variant.row for variant in made.variants]
        key = controls.kept("g3 drawn", rows)
        row = st.selectbox("Draw the block of", rows, index=len(rows) - 1, key=key, persist_state="session")
        variant = next(variant for variant in made.variants if variant.row == row)
        path = variant.graph.nodes[0].block
        drawn = as_plotly.figure(_in_two_lines(diagram.block(variant.graph, path)))
        chart.show(drawn, "g3 block", f"The operators of one block of {row}")
    with right:
        chart.show(charts.g3_shape(made.table), "g3 theory", "Fragments, branches and critical path of each block")
    _table(made)


def _in_two_lines(block: Drawing) -> Drawing:
    """The operator above its output: in one line they are wider than a box where four stand side by side."""
    marks = tuple(
        replace(mark, texts=tuple(text.replace(" · ", "<br>") for text in mark.texts))
        if isinstance(mark, Labels)
        else mark
        for mark in block.marks
    )
    return replace(block, height=1.5 * block.height, marks=marks)


def _g4(made: Experiment) -> None:
    shares = theory.g4(made)
    chart.show(charts.g4_shares(shares), "g4 theory", "Shares of operations and of memory access by kind of operator")
    rest = shares[(shares["row"] == made.variants[0].row) & (shares["kind"] != "convolution")]
    st.markdown(
        f"In the full unit, ReLU and the shortcut's addition are **{percent(rest['operations_share'].sum(), 1)}** of "
        f"the operations and **{percent(rest['mem_access_share'].sum())}** of the memory access."
    )
    _table(made)


def _sliders(made: Experiment) -> tuple[int, int]:
    """Channels of 1:1 and resolution; initially those of the experiment, for which its rows are marked."""
    first = made.variants[0].spec
    name = f"g{made.guideline}"
    left, right = st.columns(2)
    widths = sorted({*WIDTHS, first.input_channels})
    side = cast("int", first.resolution)  # an experiment's images are square
    sizes = sorted({*SIZES, side})
    # The key contains the experiment, so that another column resets the sliders.
    of = f"{first.input_channels} {first.resolution}"
    with left:
        channels = st.select_slider("Channels c₁ = c₂", widths, first.input_channels, key=f"{name} c {of}")
    with right:
        size = st.select_slider("Resolution h = w", sizes, side, key=f"{name} hw {of}")
    return channels, size


def _same(made: Experiment, channels: int, size: int) -> bool:
    first = made.variants[0].spec
    return (first.input_channels, first.resolution) == (channels, size)


def _table(made: Experiment) -> None:
    """The counts of the rows, with the deviation from equal FLOPs."""
    table = made.table
    shown = pandas.DataFrame(
        {
            "row": table["row"],
            "channels": with_printed(made, table),
            "mult-adds": [human(value) for value in table["mult_adds"]],
            "FLOPs difference": [percent(value, 1, "+") for value in table["flops_error"]],
            "MAC": [human(value) for value in table["mem_access"]],
            "MAC over the first": [f"{value:.2f}×" for value in table["mem_access"] / table["mem_access"].iloc[0]],
            "params": [human(value) for value in table["params"]],
            "kernels": table["kernels"],
        }
    )
    data_table.show(shown, key=f"g{made.guideline} counts")


PANELS = {1: _g1, 2: _g2, 3: _g3, 4: _g4}
