"""Edits of the table: Spec → Edited (the new spec and its adjustments). Pure; each is validated by building.

Rows are counted from 0 here and from 1 in messages, as a reader of the table counts. A bad edit raises ArchError, whose
problems hold row, column, the value found, the values allowed and a suggested fix.
Whole-network edits are in `explorer.editing.whole_network`, other kinds of block in `explorer.editing.convert`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archs import ArchError, Spec
from archs.errors import Fix, Problem
from archs.tables.rows import KINDS, InvertedResidual, Row, ShuffleV1
from explorer.editing.convert import carried, replace_block
from explorer.editing.repair import Cell, Edited, check, inputs, nearest, refused_row

__all__ = [
    "Edited",
    "apply_fix",
    "delete",
    "duplicate",
    "insert",
    "move",
    "replace_block",
    "replace_stage",
    "set_cell",
    "set_cells",
    "set_field",
    "split",
]


def set_cell(spec: Spec, index: int, column: str, value: Any) -> Edited:
    """The network with another value in one cell.

    `column="kind"` replaces the block. `expansion` and `expanded` state one width: setting one clears the other.

    >>> import archs
    >>> set_cell(archs.spec("mobilenet_v2"), 3, "kernel", 5).spec.rows[3].kernel
    5
    """
    return set_cells(spec, {(index, column): value})


def set_cells(spec: Spec, changes: Mapping[tuple[int, str], Any]) -> Edited:
    """The network with other values in several cells, as an edited grid gives them; valid as a whole or not at all.

    Raises ArchError that names every refused cell at once.
    """
    by_row: dict[int, dict[str, Any]] = {}
    for (index, column), value in changes.items():
        _row(spec, index)
        by_row.setdefault(index, {})[column] = value
    rows = list(spec.rows)
    problems: list[Problem] = []
    notes: list[str] = []
    kinds = {index: values.pop("kind") for index, values in by_row.items() if "kind" in values}
    for index, values in by_row.items():
        if index in kinds or not values:
            continue
        cls = type(rows[index])
        values = _one_width(cls, values)
        try:
            rows[index] = cls(**{**dict(rows[index]), **values})
        except ArchError as error:
            problems += refused_row(error, cls, index + 1, values).problems
    if problems:
        raise ArchError(problems=problems)
    edited = spec.edit(rows=tuple(rows))
    for index, kind in kinds.items():
        if kind != edited.rows[index].kind:
            edited, more = replace_block(edited, index, kind)
            notes += more
        for column, value in by_row[index].items():  # cells of the new kind, whose columns differ
            edited = set_cell(edited, index, column, value).spec
    cells = [Cell(index, column) for index, column in changes if column != "kind"]
    return Edited(check(edited, cells[0] if len(cells) == 1 else None), tuple(notes))


def _one_width(cls: type[Row], values: dict[str, Any]) -> dict[str, Any]:
    if cls is InvertedResidual:
        for column, other in (("expansion", "expanded"), ("expanded", "expansion")):
            if values.get(column) is not None and values.get(other) is None:
                return {**values, other: None}
    return values


def set_field(spec: Spec, name: str, value: Any) -> Edited:
    """The network with another `resolution`, `input_channels` or `name`."""
    if name not in ("resolution", "input_channels", "name"):
        raise ArchError(f"found {name!r}; allowed: resolution, input_channels, name", "field")
    try:
        edited = spec.edit(**{name: value})
    except ArchError as error:
        near = nearest(Spec, name, value) if name != "name" else None
        do = None if near is None else Fix(None, name, near)
        problems = [replace(problem, fix=do) for problem in error.problems]
        raise ArchError(problems=problems) from None
    return Edited(check(edited))


def apply_fix(spec: Spec, proposed: Fix) -> Edited:
    """The network with the `fix` of a problem applied."""
    if proposed.row:
        return set_cell(spec, proposed.row - 1, proposed.column, proposed.value)
    return set_field(spec, proposed.column, proposed.value)


def insert(spec: Spec, index: int, new: Row | str) -> Edited:
    """The network with a row before row `index`; at `len(spec.rows)` after the last.

    A word is a kind of block: one with the width, kernel and activation of the row before it, in its stage, stride 1.
    """
    if not 0 <= index <= len(spec.rows):
        raise ArchError(f"found {index + 1}; allowed: 1 to {len(spec.rows) + 1}", "row")
    if isinstance(new, Row):
        return Edited(check(spec.edit(rows=(*spec.rows[:index], new, *spec.rows[index:]))))
    if new not in KINDS:
        raise ArchError(f"found {new!r}; allowed: {', '.join(KINDS)}", "kind").at(row=index + 1)
    before = spec.rows[max(0, index - 1)]
    width = getattr(before, "channels", None) or inputs(spec, index) or spec.input_channels
    row = carried(before, KINDS[new], width).model_copy(update={"repeat": 1})
    if "stride" in type(row).model_fields:
        row = row.model_copy(update={"stride": 1})
    # Placed as it is, then as the kind it is: the form that fits this place
    placed = spec.edit(rows=(*spec.rows[:index], row, *spec.rows[index:]))
    return replace_block(placed, index, new)


def duplicate(spec: Spec, index: int) -> Edited:
    """The network with a copy after row `index`. The copy has stride 1, as the repeats of a row have."""
    row = _row(spec, index)
    changes: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    if getattr(row, "stride", 1) > 1:
        changes["stride"] = 1
        notes = (f"row {index + 2}: stride 1, as the repeats of a row have",)
    if isinstance(row, ShuffleV1) and not row.group_first:
        changes["group_first"] = True
    copy = row.model_copy(update=changes)
    return Edited(check(spec.edit(rows=(*spec.rows[: index + 1], copy, *spec.rows[index + 1 :]))), notes)


def split(spec: Spec, index: int, position: int) -> Edited:
    """The same network with repeat `position` (from 0) of a row as a separate row, to be edited alone.

    >>> import archs
    >>> [row.repeat for row in split(archs.spec("mobilenet_v2"), 4, 2).spec.rows[4:7]]
    [2, 1, 1]
    """
    row = _row(spec, index)
    if not 0 <= position < row.repeat:
        raise ArchError(f"found {position + 1}; allowed: 1 to {row.repeat}", "repeat").at(row=index + 1)
    rows = []
    for before, repeat in ((0, position), (position, 1), (position + 1, row.repeat - position - 1)):
        later = {"stride": 1} if before and "stride" in type(row).model_fields else {}  # as a row's repeats have it
        if repeat:
            rows.append(row.model_copy(update={"repeat": repeat, **later}))
    return Edited(check(spec.edit(rows=(*spec.rows[:index], *rows, *spec.rows[index + 1 :]))))


def delete(spec: Spec, index: int) -> Edited:
    """The network without row `index`."""
    _row(spec, index)
    return Edited(check(spec.edit(rows=(*spec.rows[:index], *spec.rows[index + 1 :]))))


def move(spec: Spec, index: int, to: int) -> Edited:
    """The network with row `index` standing at `to`, both counted in the table as it is now is and will be.

    Among rows of another stage it takes their stage, so that a stage stays in one piece.
    """
    row = _row(spec, index)
    _row(spec, to)
    rows = [*spec.rows[:index], *spec.rows[index + 1 :]]
    neighbours = [other.stage for other in rows[max(0, to - 1) : to + 1]]
    notes: tuple[str, ...] = ()
    if row.stage not in neighbours:
        notes = (f"row {to + 1}: stage {row.stage} → {neighbours[0]}, among whose rows it stands",)
        row = row.model_copy(update={"stage": neighbours[0]})
    return Edited(check(spec.edit(rows=(*rows[:to], row, *rows[to:]))), notes)


def replace_stage(spec: Spec, stage: str, kind: str) -> Edited:
    """The network with every row of a stage of another kind."""
    found = [index for index, row in enumerate(spec.rows) if row.stage == stage]
    if not found:
        stages = dict.fromkeys(row.stage for row in spec.rows)
        raise ArchError(f"found {stage!r}; allowed: {', '.join(stages)}", "stage")
    notes: list[str] = []
    for index in found:
        if spec.rows[index].kind != kind:
            spec, more = replace_block(spec, index, kind)
            notes += more
    return Edited(check(spec), tuple(notes))


def _row(spec: Spec, index: int) -> Row:
    if not 0 <= index < len(spec.rows):
        raise ArchError(f"found {index + 1}; allowed: 1 to {len(spec.rows)}", "row")
    return spec.rows[index]
