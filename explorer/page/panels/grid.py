"""The table, edited in place. What the network does not take lies over the table, as it was typed.

So a refused cell stays, with what is wrong beside it, and what is typed elsewhere waits for it; an edit that is made
elsewhere takes all of that away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from archs import Spec
from explorer.editing import cells, edits
from explorer.editing.scenario import Problem, Scenario
from explorer.page.state import session as state
from explorer.page.state.memory import memory
from explorer.page.widgets import sheet, words

KEY = "grid"
WAITING = "waiting cells"
HELP = {
    "kind": "The kind of block; another one keeps the row's width, stride and repeats where it has them.",
    "repeat": "How often the block is repeated; the stride is that of the first.",
    "expansion": "The ratio of the expanded width to the input's; or state `expanded`, the width itself.",
}


@dataclass(frozen=True)
class Waiting:
    """The cells that were typed into `base` and are not in it, row from 0 and column → as typed, and why not."""

    base: Spec
    typed: dict[tuple[int, str], str | bool]
    problem: Problem

    def over(self) -> list[sheet.Over]:
        """A cell that the problem does not name waits for those that it names; where it names none, all are refused."""
        causes = {((cause.row or 0) - 1, cause.column): str(cause) for cause in self.problem.causes}
        otherwise = "" if causes.keys() & self.typed.keys() else self.problem.message
        return [sheet.Over(*cell, value, causes.get(cell, otherwise)) for cell, value in self.typed.items()]


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
    kept = cells.shown(spec, everything)
    over = waiting.over() if waiting else []
    label = f"The table of {spec.name}, row by row"
    sheet.show(KEY, label, kept, cells.lines(spec, kept), over, HELP, _typed)


def _refused(waiting: Waiting) -> None:
    number = len(waiting.typed)
    state.show(waiting.problem)
    st.button(
        "Put the cell back" if number == 1 else f"Put the {number} cells back",
        key="put back",
        on_click=_put_back,
        icon=":material/undo:",
    )


def _waiting(spec: Spec) -> Waiting | None:
    waiting: Waiting | None = memory().get(WAITING)
    return waiting if waiting and waiting.base == spec else None


def _put_back() -> None:
    memory()[WAITING] = None


def _typed(said: list[Any]) -> None:
    """One edit of what was typed and of what waits."""
    with state.guard("The edit"):
        scenario = state.scenario()
        spec, waiting = scenario.spec, _waiting(scenario.spec)
        typed = (waiting.typed if waiting else {}) | cells.typed(spec, [said])
        wanted = cells.changes(spec, typed)
        if not wanted:
            _put_back()
            return
        changed = scenario.edit(
            KEY, cells.label(wanted), lambda spec: edits.set_cells(spec, wanted), cells.attempted(spec, wanted)
        )
        kept = {cell: typed[cell] for cell in wanted}
        state.put(replace(changed, problem=None))
        memory()[WAITING] = Waiting(spec, kept, changed.problem) if changed.problem else None
