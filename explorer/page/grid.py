"""The table, edited in place. What was typed lies over the table that the grid was opened with, until that changes.

So a refused cell stays as it was typed, with what is wrong beside it, and what is typed elsewhere waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from archs import Spec
from explorer import cells, edits
from explorer.page import state
from explorer.scenario import Problem, Scenario

HELP = {
    "kind": "The kind of block; another one keeps the row's width, stride and repeats where it has them.",
    "repeat": "How often the block is repeated; the stride is that of the first.",
    "expansion": "The ratio of the expanded width to the input's; or state `expanded`, the width itself.",
}


@dataclass(frozen=True)
class Grid:
    """What the grid was opened with, and what the edits in it have come to."""

    base: Spec
    result: Spec
    revision: int
    done: dict[tuple[int, str], Any] = field(default_factory=dict)
    refused: Problem | None = None

    @property
    def key(self) -> str:
        return f"grid {self.revision}"


def take() -> None:
    """What was typed since the last run, before anything is drawn, so that one run repaints everything."""
    grid: Grid | None = st.session_state.get("grid")
    typed = st.session_state.get(grid.key) if grid else None
    if grid is None or typed is None:
        return
    wanted = cells.changes(typed["edited_rows"])
    scenario = state.scenario()
    if wanted == grid.done or scenario.spec != grid.result:
        return
    new = {cell: value for cell, value in wanted.items() if grid.done.get(cell, cell) != value}
    changed = scenario.edit(
        "grid", cells.said(new), lambda _: edits.set_cells(grid.base, wanted), cells.attempted(grid.base, wanted)
    )
    state.put(replace(changed, problem=None))
    adjusted = changed.notes or any(column in ("kind", "expansion", "expanded") for _, column in new)
    if changed.problem is None and adjusted:  # cells changed that nobody typed into: the grid is opened anew
        st.session_state["grid"] = Grid(changed.spec, changed.spec, grid.revision + 1)
    else:
        st.session_state["grid"] = replace(grid, result=changed.spec, done=wanted, refused=changed.problem)


def table(scenario: Scenario) -> None:
    grid: Grid | None = st.session_state.get("grid")
    if grid is None or grid.result != scenario.spec or (grid.done and grid.key not in st.session_state):
        grid = Grid(scenario.spec, scenario.spec, grid.revision + 1 if grid else 0)
        st.session_state["grid"] = grid
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.caption(
        "The rows as the paper prints them: type into a cell, or choose a block in the picture and edit it there."
    )
    everything = right.toggle("All columns", key="all_columns", persist_state="session")
    if grid.refused:
        waiting = len(grid.done)
        state.show(grid.refused)
        st.button(
            "Put the cell back" if waiting == 1 else f"Put the {waiting} cells back",
            key="put back",
            on_click=_put_back,
            icon=":material/undo:",
        )
    kept = cells.shown(grid.base, everything)
    st.data_editor(
        cells.grid(grid.base, kept),
        key=grid.key,
        column_config={column.name: _config(column) for column in kept},
        placeholder="",
        height=38 + 35 * min(14, len(grid.base.rows)),
        alt=f"The table of {scenario.spec.name}, row by row",
    )


def _put_back() -> None:
    spec = state.scenario().spec
    st.session_state["grid"] = Grid(spec, spec, st.session_state["grid"].revision + 1)


def _config(column: cells.Column) -> Any:
    tip = HELP.get(column.name)
    if column.words:
        return st.column_config.SelectboxColumn(
            column.title, options=list(column.words), required=column.name == "kind", help=tip
        )
    if column.form == "switch":
        return st.column_config.CheckboxColumn(column.title, help=tip)
    if column.form == "word":
        return st.column_config.TextColumn(column.title, help=tip)
    # No limits here: a value beyond them is refused with a reason, where the grid would swallow it without one
    return st.column_config.NumberColumn(column.title, step=1 if column.form == "whole" else None, help=tip)
