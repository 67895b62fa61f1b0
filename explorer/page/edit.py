"""The open block's row: its choices as plain widgets, and the edits of whole rows. Enough to make every edit."""

from __future__ import annotations

from typing import Any

import streamlit as st

from archs import Spec
from archs.rows import KINDS
from explorer import cells, edits
from explorer.page import advice, state
from explorer.scenario import Scenario

STEPS = {"kernel": 2, "channels": 8, "inner": 8, "expanded": 8, "expansion": 1.0, "se": 0.05, "dropout": 0.1}
UNSTATED = {
    "dw_activation": "as the activation",
    "merge": "as in the paper",
}
NOTHING = ""


def row(scenario: Scenario) -> None:
    index = scenario.row
    if index is None:
        return
    spec = scenario.spec
    this = spec.rows[index]
    with st.container(horizontal=True, vertical_alignment="center"):
        blocks = f", which its {this.repeat} blocks share" if this.repeat > 1 else ""
        st.caption(f"Row {index + 1} of the table{blocks}.", width="content")
        if this.repeat > 1:
            position = scenario.paths_of(index).index(scenario.block)
            _button("Edit this block alone", "call_split", _split, index, position)
    with st.container(key="choices"):
        _word("kind", cells.Column("kind", "word", tuple(KINDS)), this.kind, index)
        _text("stage", this.stage, index)
        for column in cells.columns(type(this)):
            value = getattr(this, column.name)
            if column.words:
                _word(column.name, column, value, index)
            elif column.form == "switch":
                _put(column.name, value)
                st.checkbox(column.title, key=_key(column.name), on_change=_changed, args=(index, column.name))
            else:
                _number(column, value, index)
    problem = scenario.problem
    if problem and problem.control.startswith("cell "):
        state.show(problem)
    _rows(spec, index)
    state.show_problem("rows")
    advice.of_block(scenario)


def _key(name: str) -> str:
    return f"cell {name}"


def _put(name: str, value: Any) -> None:
    """The widget shows the table's value; a refused one stays as it was typed."""
    problem = state.scenario().problem
    if not (problem and problem.control == _key(name) and _key(name) in st.session_state):
        st.session_state[_key(name)] = value


def _word(name: str, column: cells.Column, value: Any, index: int) -> None:
    _put(name, NOTHING if value is None else value)
    st.selectbox(
        column.title,
        [*([NOTHING] if column.optional else []), *column.words],
        key=_key(name),
        format_func=lambda word: str(word).replace("_", " ") or UNSTATED.get(name, "not stated"),
        on_change=_changed,
        args=(index, name),
    )


def _text(name: str, value: str, index: int) -> None:
    _put(name, value)
    st.text_input(name, key=_key(name), on_change=_changed, args=(index, name))


def _number(column: cells.Column, value: float | None, index: int) -> None:
    """No limits: a value beyond them is refused with a reason."""
    whole = column.form == "whole"
    _put(column.name, value)
    st.number_input(
        column.title,
        value=None,
        step=STEPS.get(column.name, 1 if whole else 0.05),
        format=None if whole else "%.4g",
        placeholder="not stated",
        key=_key(column.name),
        on_change=_changed,
        args=(index, column.name),
    )


def _changed(index: int, name: str) -> None:
    value = st.session_state[_key(name)]
    wanted = {(index, name): None if value == NOTHING else value}
    spec = state.scenario().spec
    state.edit(
        _key(name), cells.said(wanted), lambda spec: edits.set_cells(spec, wanted), cells.attempted(spec, wanted), index
    )


def _rows(spec: Spec, index: int) -> None:
    """Insert, duplicate, move and delete; the stage as another kind of block."""
    last = len(spec.rows) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _button("Duplicate", "content_copy", _duplicate, index)
        _button("Earlier", "arrow_back", _move, index, index - 1, disabled=index == 0)
        _button("Later", "arrow_forward", _move, index, index + 1, disabled=index == last)
        _button("Delete", "delete", _delete, index, disabled=not last)
        with st.popover("Insert", icon=":material/add:"):
            st.selectbox("Kind of block", list(KINDS), key="insert kind", format_func=_spaced)
            _button("Before this row", "add_row_above", _insert, index)
            _button("After this row", "add_row_below", _insert, index + 1)
        stage = spec.rows[index].stage
        with st.popover(f"Replace {stage}", icon=":material/swap_horiz:"):
            st.selectbox(f"Every block of {stage} by", list(KINDS), key="stage kind", format_func=_spaced)
            _button("Replace the stage", "swap_horiz", _replace_stage, stage)


def _spaced(kind: str) -> str:
    return kind.replace("_", " ")


def _button(label: str, icon: str, do: Any, *args: Any, disabled: bool = False) -> None:
    st.button(label, key=f"row {label}", icon=f":material/{icon}:", on_click=do, args=args, disabled=disabled)


def _split(index: int, position: int) -> None:
    label = f"block {position + 1} of row {index + 1} alone"
    state.edit("rows", label, lambda spec: edits.split(spec, index, position), follow=index + bool(position))


def _duplicate(index: int) -> None:
    state.edit("rows", f"row {index + 1} duplicated", lambda spec: edits.duplicate(spec, index), follow=index + 1)


def _move(index: int, to: int) -> None:
    label = f"row {index + 1} moved to {to + 1}"
    rows = list(state.scenario().spec.rows)
    rows.insert(to, rows.pop(index))
    attempt = state.scenario().spec.edit(rows=tuple(rows))
    state.edit("rows", label, lambda spec: edits.move(spec, index, to), attempt, follow=to)


def _delete(index: int) -> None:
    rows = state.scenario().spec.rows
    attempt = state.scenario().spec.edit(rows=(*rows[:index], *rows[index + 1 :]))
    state.edit("rows", f"row {index + 1} deleted", lambda spec: edits.delete(spec, index), attempt)


def _insert(index: int) -> None:
    kind = st.session_state["insert kind"]
    label = f"{_spaced(kind)} inserted as row {index + 1}"
    state.edit("rows", label, lambda spec: edits.insert(spec, index, kind), follow=index)


def _replace_stage(stage: str) -> None:
    kind = st.session_state["stage kind"]
    state.edit("rows", f"{stage} of {_spaced(kind)}", lambda spec: edits.replace_stage(spec, stage, kind))
