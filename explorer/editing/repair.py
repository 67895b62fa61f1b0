"""Diagnosis of a table that does not build: the cell at fault, and the nearest value with which it builds.

Every edit ends with `check`. `archs` words the problem; this module adds the value found in the cell at fault and a
suggested fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from archs import ArchError, Spec, build
from archs.errors import Fix, Problem
from archs.tables.blocks import round8
from archs.tables.rows import Row, ShuffleV1, ShuffleV2

TRIES = 80  # builds that a search for one cell may take; a build takes 1 to 3 ms


class Edited(NamedTuple):
    """The network after an edit, with its adjustments of other cells, one sentence each."""

    spec: Spec
    notes: tuple[str, ...] = ()


class Refused(ArchError):
    """An edit whose table does not build; `attempt` is that table, to which a fix applies."""

    def __init__(self, problems: Iterable[Problem], attempt: Spec):
        super().__init__(problems=problems)
        self.attempt = attempt


@dataclass(frozen=True)
class Cell:
    """A cell of the table: the row counted from 0, and the column."""

    index: int
    column: str


def word(value: object) -> str:
    """A cell's value as text for a note."""
    return "nothing" if value is None else str(value)


def check(spec: Spec, edited: Cell | None = None) -> Spec:
    """The spec, if it builds. Raises Refused with the cell at fault and a value with which it builds.

    The search tries the `edited` cell first, as the user has just changed it, then the cell at fault.
    """
    try:
        build(spec)
    except ArchError as error:
        raise explain(spec, error, edited) from None
    return spec


def explain(spec: Spec, error: ArchError, edited: Cell | None = None) -> Refused:
    """The error of a build, with the value in the cell at fault and a suggested fix, where one is near."""
    problems = []
    for problem in error.problems:
        blamed = _blamed(spec, problem)
        if blamed:
            found = repr(getattr(spec.rows[blamed.index], blamed.column))
            problem = replace(problem, found=problem.found or found)
        cells = [cell for cell in (edited, blamed) if cell]
        fix = _search(spec, cells)
        problems.append(replace(problem, fix=fix, message=_allowing(spec, problem, fix)))
    return Refused(problems, spec)


def _allowing(spec: Spec, problem: Problem, fix: Fix | None) -> str:
    """The message, with the group counts that build where the operator's own list lacks the suggested one.

    A unit rounds its inner width to the groups, so other groups have another width than the one that the operator saw.
    """
    text, listed, allowed = problem.message.partition("; allowed: ")
    if not (fix and fix.row and listed and fix.column == "groups" and problem.column == "groups"):
        return problem.message
    if str(fix.value) in allowed.split(", "):
        return problem.message
    fitting = {one.value for made, one in _fixes(spec, Cell(fix.row - 1, "groups")) if _builds(made)}
    return f"{text}; allowed: {', '.join(map(str, sorted(v for v in fitting if isinstance(v, int))))}"


def repair(spec: Spec, limit: int = 24) -> Edited:
    """The spec with the nearest values in the cells at fault, each with a note. Raises ArchError.

    Row by row, as an error hides those of later rows: a cell is fixed when the table builds up to its row.
    """
    notes: list[str] = []
    for _ in range(limit):
        try:
            build(spec)
            return Edited(spec, tuple(notes))
        except ArchError as error:
            blamed = _blamed(spec, error.problems[0])
            fixed = next((m for m in _fixes(spec, blamed) if _builds(m[0], blamed.index + 1)), None) if blamed else None
            if fixed is None:
                raise explain(spec, error) from None
            notes.append(
                f"row {fixed[1].row}: {fixed[1].column} {word(_cell(spec, fixed[1]))} → {word(fixed[1].value)}"
            )
            spec = fixed[0]
    return Edited(check(spec), tuple(notes))


def nearest(cls: type[BaseModel], column: str, value: Any) -> Any:
    """The allowed value nearest to a refused one: clamped, rounded, made odd, or the word most like it; None if none.

    >>> from archs.tables.rows import Conv
    >>> nearest(Conv, "kernel", 4), nearest(Conv, "activation", "hardswish")
    (5, 'hard_swish')
    """
    if column not in cls.model_fields:
        return None
    annotation = cls.model_fields[column].annotation
    if words := [w for part in (annotation, *get_args(annotation)) for w in get_args(part) if isinstance(w, str)]:
        return next(iter(get_close_matches(str(value), words, 1, 0.3)), None)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    clamped = min(max(value, 1), 16384) if abs(value) < 1e9 else 16384
    near = {round(clamped), round(clamped) + 1, *(1, 2, 4, 31, 64, 256, 2048), 0.0, 0.25, 0.5, 0.75, 1.0}
    for candidate in sorted(near, key=lambda v: (abs(v - value), -v)):
        for typed in (candidate, int(candidate), float(candidate)):
            if typed == candidate and _takes(cls, column, typed):
                return typed
    return None


def _takes(cls: type[BaseModel], column: str, value: Any) -> bool:
    try:
        cls(**{column: value})
    except ArchError as error:
        return not any(problem.column == column for problem in error.problems)
    return True


def _blamed(spec: Spec, problem: Problem) -> Cell | None:
    """The cell of a build's problem; the width of a block that has no such column."""
    if not problem.row:
        return None
    fields = type(spec.rows[problem.row - 1]).model_fields
    column = problem.column if problem.column and problem.column in fields else "channels"
    return Cell(problem.row - 1, column) if column in fields else None


def _cell(spec: Spec, fix: Fix) -> object:
    return getattr(spec.rows[(fix.row or 1) - 1], fix.column)


def _search(spec: Spec, cells: list[Cell]) -> Fix | None:
    return next((fix for cell in cells for fixed, fix in _fixes(spec, cell) if _builds(fixed)), None)


def _builds(spec: Spec, rows: int | None = None) -> bool:
    """Whether the table builds, or its first `rows` rows do."""
    try:
        build(spec if rows is None else spec.edit(rows=spec.rows[:rows]))
    except ArchError:
        return False
    return True


def _fixes(spec: Spec, cell: Cell) -> Iterator[tuple[Spec, Fix]]:
    """The spec with other values in one cell, the nearest first; then with another form of the block."""
    row = spec.rows[cell.index]
    tries = [(cell.column, value) for value in _values(spec, cell)][:TRIES]
    if isinstance(row, ShuffleV2) and row.downsample == "keep":
        tries.append(("downsample", "half"))
    if isinstance(row, (ShuffleV1, ShuffleV2)):
        tries.append(("merge", "add"))
    for column, value in tries:
        try:
            yield spec.edit_row(cell.index, **{column: value}), Fix(cell.index + 1, column, value)
        except ArchError:
            continue


def _values(spec: Spec, cell: Cell) -> list[Any]:
    current = getattr(spec.rows[cell.index], cell.column)
    values: list[Any]
    if cell.column in ("channels", "inner", "expanded"):
        now = current or 1
        values = [now + sign * step for step in range(1, 13) for sign in (1, -1)]
        values += [round8(now * factor / 8) for factor in range(9, 33)]
        if width := inputs(spec, cell.index):
            values += [width, width + 1, width + 2, round8(width + 8), 2 * width]
        values.sort(key=lambda channels: abs(channels - now))
    elif cell.column == "groups":
        values = sorted(range(1, 33), key=lambda g: (abs(g - current), g))
    elif cell.column == "kernel":
        values = sorted((1, 3, 5, 7), key=lambda k: abs(k - current))
    elif cell.column == "stride":
        values = [1, 2]
    elif cell.column == "split":
        values = [0.5, 0.25, 0.75]
    else:
        values = []
    return [value for value in dict.fromkeys(values) if value != current and value > 0]


def inputs(spec: Spec, index: int) -> int | None:
    """The channels that a row reads, or None where the rows before it do not build."""
    if index == 0:
        return spec.input_channels
    try:
        return build(spec.edit(rows=spec.rows[:index])).output.channels
    except ArchError:
        return None


def refused_row(error: ArchError, cls: type[Row], row: int, values: dict[str, Any]) -> ArchError:
    """The error of a refused cell, with its row and the nearest allowed value."""
    problems = []
    for problem in error.at(row=row).problems:
        value = nearest(cls, problem.column, values.get(problem.column)) if problem.column else None
        problems.append(replace(problem, fix=None if value is None else Fix(row, problem.column or "", value)))
    return ArchError(problems=problems)
