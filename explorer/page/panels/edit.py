"""The open block's row: its choices as plain controls, and the edits of whole rows. Enough to make every edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archs import Spec
from archs.tables.rows import KINDS
from explorer.editing import cells, edits
from explorer.editing.scenario import Scenario
from explorer.page.browser.memory import memory
from explorer.page.panels import advice
from explorer.page.state import session as state
from explorer.page.widgets import form
from explorer.page.widgets.form import Change, Part

STEPS = {"kernel": 2, "channels": 8, "inner": 8, "expanded": 8, "expansion": 1.0, "se": 0.05, "dropout": 0.1}
INSERTED, REPLACING = "kind to insert", "kind of the stage"
"""Memory: the kinds of block that the lists of Insert and Replace show."""


def row(scenario: Scenario) -> None:
    index = scenario.row
    if index is None:
        return
    this = scenario.spec.rows[index]
    controls = [_choice("kind", cells.KIND, this.kind), _stage(this.stage)]
    controls += [_control(column, getattr(this, column.name)) for column in cells.columns(type(this))]
    refused = scenario.problem.control if scenario.problem else ""
    form.show(
        "block form",
        [
            form.row("row", _which(scenario, index)),
            form.grid("choices", controls),
            *(state.problem_parts(refused) if refused.startswith("cell ") else ()),
            form.row("rows", _rows(scenario.spec, index)),
            *state.problem_parts("rows"),
            *advice.of_block(scenario),
        ],
        about=index,
    )


def _which(scenario: Scenario, index: int) -> list[Part]:
    repeat = scenario.spec.rows[index].repeat
    if repeat == 1:
        return [form.note("which", f"Row {index + 1} of the table.")]
    position = scenario.paths_of(index).index(scenario.block or "")
    return [
        form.note("which", f"Row {index + 1} of the table, which its {repeat} blocks share."),
        _button("Edit this block alone", "call_split", lambda index: _split(index, position)),
    ]


def _control(column: cells.Column, value: Any) -> Part:
    name, refused = f"cell {column.name}", state.is_refused(f"cell {column.name}")
    if column.words:
        return _choice(column.name, column, value)
    if column.form == "switch":
        return form.switch(name, column.title, value, _set(column.name), error=refused)
    step = STEPS.get(column.name, 1 if column.form == "whole" else 0.05)
    low = {"low": 1} if column.name == "kernel" else {}  # odd ones
    return form.number(name, column.title, value, _set(column.name), step, error=refused, **low)


def _choice(name: str, column: cells.Column, value: Any) -> Part:
    return form.choice(
        f"cell {name}",
        column.title,
        [*([None] if column.optional else []), *column.words],
        value,
        _set(name),
        lambda word: cells.unstated(name) if word is None else _spaced(str(word)),
        error=state.is_refused(f"cell {name}"),
    )


def _stage(stage: str) -> Part:
    return form.text("cell stage", "stage", stage, _set("stage"), error=state.is_refused("cell stage"))


def _set(name: str) -> form.Handler:
    return lambda change: _changed(name, change)


def _changed(name: str, change: Change) -> None:
    with state.guard("The edit"):
        spec = state.scenario().spec
        index = _row(spec, change)
        if index is None or not cells.has(spec, index, name):
            return
        wanted = {(index, name): change.value}
        make, attempt = lambda spec: edits.set_cells(spec, wanted), cells.attempted(spec, wanted)
        state.edit(f"cell {name}", cells.label(wanted), make, attempt, index)


def _row(spec: Spec, change: Change) -> int | None:
    """The row that the form was about at the time of the change, which may no longer be the one that is open."""
    match change.about:
        case int(index) if 0 <= index < len(spec.rows):
            return index
    return None


def _rows(spec: Spec, index: int) -> list[Part]:
    """Insert, duplicate, move and delete; the stage as another kind of block."""
    last = len(spec.rows) - 1
    stage = spec.rows[index].stage
    return [
        _button("Duplicate", "content_copy", _duplicate),
        _button("Earlier", "arrow_back", lambda index: _move(index, index - 1), disabled=index == 0),
        _button("Later", "arrow_forward", lambda index: _move(index, index + 1), disabled=index == last),
        _button("Delete", "delete", _delete, disabled=not last),
        form.fold(
            "insert",
            "Insert",
            "add",
            [
                _kind(INSERTED, "Kind of block"),
                _button("Before this row", "add_row_above", _insert),
                _button("After this row", "add_row_below", lambda index: _insert(index + 1)),
            ],
        ),
        form.fold(
            "replace",
            f"Replace {stage}",
            "swap_horiz",
            [
                _kind(REPLACING, f"Every block of {stage} by"),
                _button("Replace the stage", "swap_horiz", _replace_stage),
            ],
        ),
    ]


def _kind(key: str, label: str) -> Part:
    return form.choice(key, label, KINDS, _kind_of(key), lambda change: _choose_kind(key, change.value), _spaced)


def _kind_of(key: str) -> str:
    return memory().get(key, next(iter(KINDS)))


def _choose_kind(key: str, kind: str) -> None:
    memory()[key] = kind


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _button(label: str, icon: str, do: Callable[[int], None], disabled: bool = False) -> Part:
    return form.button(f"row {label}", label, icon, lambda change: _pressed(do, change), disabled=disabled)


def _pressed(do: Callable[[int], None], change: Change) -> None:
    index = _row(state.scenario().spec, change)
    if index is not None:
        do(index)


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
    kind = _kind_of(INSERTED)
    label = f"{_spaced(kind)} inserted as row {index + 1}"
    state.edit("rows", label, lambda spec: edits.insert(spec, index, kind), follow=index)


def _replace_stage(index: int) -> None:
    stage, kind = state.scenario().spec.rows[index].stage, _kind_of(REPLACING)
    state.edit("rows", f"{stage} of {_spaced(kind)}", lambda spec: edits.replace_stage(spec, stage, kind))
