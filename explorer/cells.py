"""The table as a grid that can be edited: Spec → DataFrame, and what was typed back → the cells to change.

Every kind of row has its own columns; the grid has those of all rows, empty where a row has no such column. Nothing is
judged here: a value that cannot be goes on to `explorer.edits`, which says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from archs import ArchError, Spec
from archs.rows import KINDS, Row

if TYPE_CHECKING:
    import pandas

ALWAYS = ("kind", "stage", "expansion", "channels", "repeat", "kernel", "stride")
"""Shown first, in the order of MobileNetV2's Table 2, where any row has them."""

LETTERS = {"expansion": "t", "channels": "c", "repeat": "n", "stride": "s", "kernel": "k", "groups": "g"}
"""The papers' column heads."""

DTYPES = {"number": "Float64", "whole": "Int64", "switch": "boolean", "word": "object"}


class Column(NamedTuple):
    """How a column is typed into: its `form` ("whole", "number", "switch", "word") and, for words, which."""

    name: str
    form: str
    words: tuple[str | int, ...] = ()
    optional: bool = False

    @property
    def title(self) -> str:
        name = self.name.replace("_", " ")
        return f"{LETTERS[self.name]} · {name}" if self.name in LETTERS else name


@cache
def column(cls: type[Row], name: str) -> Column:
    """What `cls` takes in a column, read off its type."""
    annotation = cls.model_fields[name].annotation
    optional = NoneType in get_args(annotation)
    if optional:
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    words = tuple(word for word in get_args(annotation) if isinstance(word, (str, int)))
    form = "word" if words else {bool: "switch", int: "whole", float: "number"}.get(annotation, "word")
    return Column(name, form, words, optional)


@cache
def columns(cls: type[Row]) -> tuple[Column, ...]:
    """The columns of one kind of row, those of the papers' tables first; where it stands is not among them."""
    names = [name for name in ALWAYS if name in cls.model_fields]
    names += [name for name in cls.model_fields if name not in names]
    return tuple(column(cls, name) for name in names if name != "stage")


def shown(spec: Spec, everything: bool = False) -> tuple[Column, ...]:
    """The grid's columns: the papers' always, of the others those that some row has moved off its default, or all."""
    found: dict[str, Column] = {"kind": Column("kind", "word", tuple(KINDS)), "stage": Column("stage", "word")}
    names = dict.fromkeys([*ALWAYS[2:], *[name for cls in KINDS.values() for name in _defaults(cls)]])
    for name in names:
        rows = [row for row in spec.rows if name in _defaults(type(row))]
        stated = name in ALWAYS or any(_stated(row, name) for row in rows)
        if rows and (everything or stated) and name not in found:
            seen = [column(type(row), name) for row in rows]
            words = tuple(dict.fromkeys(word for one in seen for word in one.words))
            found[name] = Column(name, seen[0].form, words, True)
    return tuple(found.values())


def _stated(row: Row, name: str) -> bool:
    """Whether a reader of the table wants the value: it was moved, or it is a number of groups that does something."""
    value = getattr(row, name)
    return value != _defaults(type(row))[name] or (name == "groups" and value > 1)


@cache
def _defaults(cls: type[Row]) -> dict[str, Any]:
    """Column → its default; pydantic's own table of them takes longer to be asked than all the rest."""
    return {name: field.default for name, field in cls.model_fields.items()}


def grid(spec: Spec, kept: tuple[Column, ...]) -> pandas.DataFrame:
    """One row per row of the table, numbered from 1; nothing where a row has no such column."""
    import pandas

    made = {
        one.name: pandas.array([getattr(row, one.name, None) for row in spec.rows], dtype=DTYPES[one.form])
        for one in kept
    }
    return pandas.DataFrame(made, index=pandas.RangeIndex(1, len(spec.rows) + 1, name="row"), copy=False)


def changes(typed: Mapping[int | str, Mapping[str, Any]]) -> dict[tuple[int, str], Any]:
    """What the grid reports as edited, as `explorer.edits.set_cells` takes it: row from 0 and column → value."""
    return {(int(row), name): _plain(value) for row, cells in typed.items() for name, value in cells.items()}


def _plain(value: Any) -> Any:
    """A browser knows one kind of number; whole ones are whole."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def attempted(spec: Spec, wanted: Mapping[tuple[int, str], Any]) -> Spec:
    """The table with those of the wanted cells that take their values, whether or not it builds."""
    for (index, name), value in wanted.items():
        try:
            spec = spec.edit_row(index, **{name: value})
        except ArchError:
            continue
    return spec


def said(wanted: Mapping[tuple[int, str], Any]) -> str:
    """The label of a version: `row 4, kernel: 5`."""
    words = [f"row {index + 1}, {name}: {'nothing' if v is None else v}" for (index, name), v in wanted.items()]
    return "; ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
