"""The tables per block, stage and layer: execution order, heat behind the numbers, the data one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas
import streamlit as st

from costmodel import CostError
from explorer.data import costs
from explorer.data import profiles as devices
from explorer.data.plain_text import csv_text
from explorer.editing.scenario import Scenario
from explorer.figures.palette import heat
from explorer.page.widgets import data_table, messages
from explorer.page.widgets import download as download_widget
from explorer.page.widgets.data_table import TableCell, TableHead

HEATED = ("mult_adds", "latency_ms", "params", "mem_access", "elementwise", "intensity", "fragments", "kernels")
Table: TypeAlias = pandas.DataFrame | dict[str, list[Any]]
MAX_HEATED = 20_000  # cells: beyond that the colours take longer than the counting

COLUMNS = {
    "block": "block",
    "stage": "stage",
    "path": "layer",
    "name": "layer",
    "kind": "kind",
    "operator": "operator",
    "input": "input",
    "output": "output",
    "mult_adds": "mult-adds",
    "params": "params",
    "mem_access": "MAC",
    "elementwise": "element-wise",
    "intensity": "intensity",
    "latency_ms": "ms",
    "kernels": "kernels",
    "fragments": "fragments",
    "branches": "branches",
    "depth": "depth",
    "unknown": "unknown",
}
HELP = {
    "latency_ms": "predicted on the chosen device",
    "mem_access": "memory access cost, full form, in elements",
    "elementwise": "elements that element-wise operators write, poolings read and copies move",
    "intensity": "multiply-adds per byte of memory access",
    "fragments": "convolution and pooling operators of the block (ShuffleNetV2, guideline G3)",
    "branches": "how many fragments can run side by side",
    "depth": "how many fragments must run in a row",
    "unknown": "operators that the importer does not know: their work is not in the figures",
}


def blocks(scenario: Scenario) -> None:
    level = st.segmented_control("Rows", ["blocks", "stages"], default="blocks", required=True, key="level")
    if level == "stages":
        table = costs.stages(scenario.counts)
        shown = ["stage", "output", "mult_adds", "params", "mem_access", "elementwise", "intensity", "kernels"]
    else:
        table = scenario.blocks
        shown = ["block", "kind", "output", "mult_adds", "params", "mem_access", "elementwise", "intensity"]
        shown += ["fragments", "branches", "depth"]
        shown[4:4] = ["latency_ms"] if "latency_ms" in table else []
    table_of(table, shown)
    if "latency_ms" in shown:
        of_device(scenario)
    download(table, scenario, level or "blocks")


def layers(scenario: Scenario) -> None:
    table = scenario.layers
    shown = ["path", "operator", "input", "output", "mult_adds", "params", "mem_access", "elementwise", "intensity"]
    if "latency_ms" in table:
        shown[4:4] = ["latency_ms"]
        if st.toggle("Slowest first", key="slowest", persist_state="session"):
            table = table.sort_values("latency_ms", ascending=False)
    table_of(table, shown, height=520)
    if "latency_ms" in shown:
        of_device(scenario)
    download(table, scenario, "layers")


def of_device(*scenarios: Scenario) -> None:
    """Whose a table's milliseconds are, and a warning where they are out of range."""
    out_of_range(*scenarios)
    for key in dict.fromkeys(one.profile for one in scenarios if one.profile):
        messages.caption(f"ms: predicted for {devices.owner(key)}.")


def out_of_range(*scenarios: Scenario) -> None:
    """A warning for each network outside of the device's calibrated range: its milliseconds have no interval."""
    said = []
    for scenario in scenarios:
        try:
            found = scenario.prediction
        except CostError:  # the tile has the reason
            continue
        if found and found.out_of_range:
            said.append(f"{scenario.title}, milliseconds: {found.interval_text}.")
    for words in dict.fromkeys(said):  # a network may be compared with itself
        messages.warning(words)


def table_of(table: pandas.DataFrame, shown: Sequence[str], height: int | None = None) -> None:
    """A table in the page's words; the stronger the colour, the larger the share of the column's largest."""
    view = table[list(shown)].reset_index(drop=True)
    data = view.style.apply(_heat, axis=None) if view.size <= MAX_HEATED else view
    config = {}
    for column in shown:
        title, help = COLUMNS[column], HELP.get(column)
        if view[column].dtype.kind in "iuf":
            number = "%.3f" if column == "latency_ms" else "%.2f" if view[column].dtype.kind == "f" else "localized"
            config[column] = st.column_config.NumberColumn(title, help=help, format=number)
        else:
            config[column] = st.column_config.TextColumn(title, help=help, pinned=column == shown[0])
    data_table.frame(data, column_config=config, height=height or min(38 + 35 * len(view), 560))


def short(table: Mapping[str, Sequence[Any]], shown: Sequence[str]) -> None:
    """A table of a few rows of words and numbers, as `table_of` colours it: HTML, so that an edit need not wait.

    The grid of `table_of` took a seventh of the server's time for an edit.
    """
    columns = [
        _words(table[column]) if isinstance(table[column][0], str) else _numbers(table[column]) for column in shown
    ]
    heads = [
        TableHead(COLUMNS[column], HELP.get(column, ""), not isinstance(table[column][0], str)) for column in shown
    ]
    data_table.html(heads, zip(*columns))


def _words(column: Sequence[str]) -> list[TableCell]:
    return [TableCell(word) for word in column]


def _numbers(column: Sequence[float]) -> list[TableCell]:
    """Whole numbers with separators, milliseconds with three decimals."""
    largest = max(*column, 0) or 1
    shown = [f"{value:.3f}" if isinstance(value, float) else f"{value:,}" for value in column]
    return [TableCell(text, f"background:{heat(value / largest)}") for value, text in zip(column, shown)]


def _heat(view: pandas.DataFrame) -> pandas.DataFrame:
    css = pandas.DataFrame("", index=view.index, columns=view.columns)
    for column in view.columns.intersection(HEATED):
        largest = view[column].max()
        if largest > 0:
            css[column] = [f"background-color: {heat(value / largest)}" for value in view[column]]
    return css


def download(table: Table, scenario: Scenario, what: str, key: str = "") -> None:
    """The table with all its columns, as CSV."""
    csv(table, scenario.file(), what, key)


def csv(table: Table, name: str, what: str, key: str = "") -> None:
    """A button that downloads a table as CSV. `key` stays where `what` changes: with another, it is made anew."""
    download_widget.button(
        f"{what.capitalize()} as CSV",
        lambda: csv_text(pandas.DataFrame(table)),
        f"{name} {what}.csv".replace(" ", "_"),
        "text/csv",
        f"csv {key or what}",
    )
