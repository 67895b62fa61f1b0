"""The table, edited in place. Cells that the network refuses stay as typed, with the reason beside them.

Later cells wait for a refused one, and all are applied as one edit; an edit made outside of the table discards them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from archs import Spec
from explorer.editing import cells, edits
from explorer.editing.scenario import Rejection, Scenario
from explorer.page.browser.memory import memory
from explorer.page.state import session as state
from explorer.page.widgets import form, sheet, words

KEY = "grid"
WAITING = "waiting cells"
HELP = {
    "kind": "The kind of block; another one keeps the row's width, stride and repeats where it has them.",
    "repeat": "How often the block is repeated; the stride is that of the first.",
    "expansion": "The ratio of the expanded width to the input's; or state `expanded`, the width itself.",
}


@dataclass(frozen=True)
class Waiting:
    """Cells typed into `base` and not applied: (row from 0, column) → the text; and the problem."""

    base: Spec
    typed: dict[tuple[int, str], str | bool]
    problem: Rejection

    def overlay(self) -> list[sheet.Overlay]:
        """A cell that the problem does not name waits for the named ones; where it names none, all are refused."""
        causes = {((cause.row or 0) - 1, cause.column): str(cause) for cause in self.problem.causes}
        otherwise = "" if causes.keys() & self.typed.keys() else self.problem.message
        return [sheet.Overlay(*cell, value, causes.get(cell, otherwise)) for cell, value in self.typed.items()]


def table(scenario: Scenario) -> None:
    spec = scenario.spec
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        words.caption(
            "The rows as the paper prints them: type into a cell, or choose a block in the picture and edit it there."
        )
    everything = right.toggle("All columns", key="all_columns", persist_state="session")
    waiting = _waiting(spec)
    with st.container():  # the table stays where it is in the page, and with it the keyboard in its cell
        if waiting:
            _refused(waiting)
    columns = cells.shown(spec, everything)
    overlay = waiting.overlay() if waiting else []
    label = f"The table of {spec.name}, row by row"
    sheet.show(KEY, label, columns, cells.lines(spec, columns), overlay, HELP, _typed)


def _refused(waiting: Waiting) -> None:
    """The problem with its suggested fixes, and the way back, as one form: a press during a run is not lost."""
    number = len(waiting.typed)
    label = "Put the cell back" if number == 1 else f"Put the {number} cells back"
    parts = state.parts_of(waiting.problem)
    form.show("grid form", [*parts, form.button("put back", label, "undo", lambda _: _put_back())])


def _waiting(spec: Spec) -> Waiting | None:
    waiting: Waiting | None = memory().get(WAITING)
    return waiting if waiting and waiting.base == spec else None


def _put_back() -> None:
    memory()[WAITING] = None


def _typed(content: list[Any]) -> None:
    """Applies the new cell and the waiting ones as one edit."""
    with state.guard("The edit"):
        scenario = state.scenario()
        spec, waiting = scenario.spec, _waiting(scenario.spec)
        typed = (waiting.typed if waiting else {}) | cells.typed(spec, [content])
        wanted = cells.changes(spec, typed)
        if not wanted:
            _put_back()
            return
        changed = scenario.edit(
            KEY, cells.label(wanted), lambda spec: edits.set_cells(spec, wanted), cells.attempted(spec, wanted)
        )
        pending = {cell: typed[cell] for cell in wanted}
        state.put(replace(changed, problem=None))
        memory()[WAITING] = Waiting(spec, pending, changed.problem) if changed.problem else None
