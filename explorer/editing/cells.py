"""The table as a grid that can be edited: Spec → what stands in its cells, and what was typed back → those to change.

The columns of a row depend on its kind; the grid has those of all rows, empty where a row has no such column. Values
are not validated here: `explorer.editing.edits` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import NoneType
from typing import Any, NamedTuple, get_args

from archs import ArchError, Spec
from archs.caching import cached
from archs.tables.rows import KINDS, Row

ALWAYS = ("kind", "stage", "expansion", "channels", "repeat", "kernel", "stride")
"""Shown first, in the order of MobileNetV2's Table 2, where any row has them."""

LETTERS = {"expansion": "t", "channels": "c", "repeat": "n", "stride": "s", "kernel": "k", "groups": "g"}
"""The papers' column heads."""

TITLES = {
    "se": "squeeze-and-excitation ratio",
    "se_of": "squeeze-and-excitation of",
    "gate": "squeeze-and-excitation gate",
    "dw_activation": "depthwise activation",
    "out_activation": "output activation",
}
"""Columns whose name in a spec is short."""


UNSTATED = {"dw_activation": "as the activation", "merge": "as in the paper"}
"""What an empty cell of a column means; elsewhere the cell is not stated."""


def unstated(name: str) -> str:
    """An empty cell of this column in words."""
    return UNSTATED.get(name, "not stated")


def titled(name: str) -> str:
    """A column of a spec in words."""
    return TITLES.get(name, name.replace("_", " "))


LONGEST = 60  # characters of a cell: no value takes more than 40


class Column(NamedTuple):
    """How a column is typed into: its `form` ("whole", "number", "switch", "word") and, for words, which."""

    name: str
    form: str
    words: tuple[str | int, ...] = ()
    optional: bool = False

    @property
    def title(self) -> str:
        name = titled(self.name)
        return f"{LETTERS[self.name]} · {name}" if self.name in LETTERS else name


KIND = Column("kind", "word", tuple(KINDS))


@cached(None, "pydantic takes longer to ask than all the rest")
def column(cls: type[Row], name: str) -> Column:
    """The values that a column of `cls` takes, from the type of its field."""
    annotation = cls.model_fields[name].annotation
    optional = NoneType in get_args(annotation)
    if optional:
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    words = tuple(word for word in get_args(annotation) if isinstance(word, (str, int)))
    forms: dict[Any, str] = {bool: "switch", int: "whole", float: "number"}
    form = "word" if words else forms.get(annotation, "word")
    return Column(name, form, words, optional)


@cached(None, "pydantic takes longer to ask than all the rest")
def columns(cls: type[Row]) -> tuple[Column, ...]:
    """The columns of one kind of row, those of the papers' tables first, without its stage."""
    names = [name for name in ALWAYS if name in cls.model_fields]
    names += [name for name in cls.model_fields if name not in names]
    return tuple(column(cls, name) for name in names if name != "stage")


def shown(spec: Spec, everything: bool = False) -> tuple[Column, ...]:
    """The grid's columns: the papers' always, of the others those that some row has moved off its default, or all."""
    found: dict[str, Column] = {"kind": KIND, "stage": Column("stage", "word")}
    names = dict.fromkeys([*ALWAYS[2:], *[name for cls in KINDS.values() for name in _defaults(cls)]])
    for name in names:
        rows = [row for row in spec.rows if name in _defaults(type(row))]
        stated = name in ALWAYS or any(_stated(row, name) for row in rows)
        if rows and (everything or stated) and name not in found:
            seen = [column(type(row), name) for row in rows]
            words = tuple(dict.fromkeys(word for one in seen for word in one.words))
            found[name] = Column(name, seen[0].form, words, any(one.optional for one in seen))
    return tuple(found.values())


def _stated(row: Row, name: str) -> bool:
    """Whether the grid shows the value: it is not the default, or it is a number of groups over 1."""
    value = getattr(row, name)
    return value != _defaults(type(row))[name] or (name == "groups" and value > 1)


@cached(None, "pydantic takes longer to ask than all the rest")
def _defaults(cls: type[Row]) -> dict[str, Any]:
    """Column → its default."""
    return {name: field.default for name, field in cls.model_fields.items()}


def lines(spec: Spec, grid: tuple[Column, ...]) -> list[list[str | bool | None]]:
    """The cells, row by row; None where a row has no such column."""
    return [[text(getattr(row, one.name)) if hasattr(row, one.name) else None for one in grid] for row in spec.rows]


def text(value: Any) -> str | bool:
    """A cell's value as text: a switch unchanged, None as empty text, whole numbers without a point."""
    return value if isinstance(value, bool) else "" if value is None else str(_plain(value))


def typed(spec: Spec, report: Any) -> dict[tuple[int, str], str | bool]:
    """(Row from 0, column) → the value typed there, from a browser's report, without entries of no cell."""
    found = {}
    for one in report if isinstance(report, list) else []:
        match one:
            case [int(index), str(name), str() | bool() as entry] if has(spec, index, name):
                found[index, name] = entry[:LONGEST] if isinstance(entry, str) else entry
    return found


def has(spec: Spec, index: int, name: str) -> bool:
    """Whether the table has such a cell; rows from 0."""
    return 0 <= index < len(spec.rows) and (name == "kind" or name in type(spec.rows[index]).model_fields)


def changes(spec: Spec, typed: Mapping[tuple[int, str], str | bool]) -> dict[tuple[int, str], Any]:
    """The typed values that differ from the table, as `edits.set_cells` takes them.

    A text that is no value of its column stays a text, for `set_cells` to refuse.
    """
    read = {
        (index, name): _read(KIND if name == "kind" else column(type(spec.rows[index]), name), entry)
        for (index, name), entry in typed.items()
    }
    return {(index, name): value for (index, name), value in read.items() if getattr(spec.rows[index], name) != value}


def _read(one: Column, entry: str | bool) -> Any:
    if isinstance(entry, bool):
        return entry
    if one.form in ("whole", "number"):
        return number_of(entry)
    entry = entry.strip()
    return next((word for word in one.words if text(word) == entry), None if entry == "" else entry)


def number_of(entry: str) -> float | str | None:
    """The number in a text, None for an empty text; any other text is returned unchanged.

    >>> number_of("48.0"), number_of("0.25"), number_of(""), number_of("four")
    (48, 0.25, None, 'four')
    """
    entry = entry.strip()
    with suppress(ValueError):
        return _plain(float(entry))
    return entry or None


def _plain(value: Any) -> Any:
    """A float without a fraction becomes an int."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def attempted(spec: Spec, wanted: Mapping[tuple[int, str], Any]) -> Spec:
    """The table with those of the wanted cells that take their values, whether or not it builds."""
    for (index, name), value in wanted.items():
        try:
            spec = spec.edit_row(index, **{name: value})
        except ArchError:
            continue
    return spec


def label(wanted: Mapping[tuple[int, str], Any]) -> str:
    """The label of a version: `row 4, kernel: 5`."""
    words = [
        f"row {index + 1}, {titled(name)}: {unstated(name) if value is None else value}"
        for (index, name), value in wanted.items()
    ]
    return "; ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
