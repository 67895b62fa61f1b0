"""A row as another kind of block: the columns that carry over, and the nearest form with which the network builds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from archs import ArchError, Spec, build
from archs.tables.rows import KINDS, Bottleneck, InvertedResidual, Row, ShuffleV1, ShuffleV2
from explorer.editing.repair import TRIES, Edited, explain, inputs, word

ALWAYS = ("stage", "repeat", "channels", "stride", "activation")
"""Columns that carry over unchanged; of the others, those that differ from their default."""

GROUPS = (1, 2, 3, 4, 8)  # those that ShuffleNetV1's paper has


def replace_block(spec: Spec, index: int, kind: str) -> Edited:
    """The network with row `index` (from 0) of another kind; stage, repeat, channels and stride carry over.

    Where the network does not build with the block as it is, the nearest form with which it does, with a note. Raises
    ArchError for an unknown kind, and with the first form's problem where no form builds.
    """
    if kind not in KINDS:
        raise ArchError(f"found {kind!r}; allowed: {', '.join(KINDS)}", "kind").at(row=index + 1)
    cls, old = KINDS[kind], spec.rows[index]
    wide = inputs(spec, index) or spec.input_channels
    first = carried(old, cls, wide)
    lost = [
        f"row {index + 1}: a {kind} row has no {column}; {getattr(old, column)} was dropped"
        for column in ("stride", "repeat", "channels")
        if column not in cls.model_fields and getattr(old, column, 1) != 1 and hasattr(old, column)
    ]
    return _first_that_builds(spec, index, first, lost)


def carried(old: Row, cls: type[Row], wide: int) -> Row:
    """A row of class `cls` with the columns that carry over from `old`; `wide` channels where that has none."""
    fields: dict[str, Any] = {"channels": wide}
    for column, field in type(old).model_fields.items():
        value = getattr(old, column)
        changed = value != field.default and not field.is_required()
        if column in cls.model_fields and (column in ALWAYS or (column == "kernel" and value > 1) or changed):
            fields[column] = value
    if cls is InvertedResidual and fields.get("expanded") is None:
        fields.setdefault("expansion", 6.0)  # MobileNetV2's t
    if cls is Bottleneck:
        fields.setdefault("inner", max(1, fields["channels"] // 4))  # ResNet's quarter
    while True:
        try:
            return cls(**{column: value for column, value in fields.items() if column in cls.model_fields})
        except ArchError as error:  # a value that the new kind does not take keeps its default there
            columns = {problem.column for problem in error.problems} & fields.keys()
            if not columns:
                raise
            fields = {column: value for column, value in fields.items() if column not in columns}


def _first_that_builds(spec: Spec, index: int, first: Row, notes: list[str]) -> Edited:
    refused: ArchError | None = None
    for row in islice(_forms(first), TRIES):
        edited = spec.edit(rows=(*spec.rows[:index], row, *spec.rows[index + 1 :]))
        try:
            build(edited)
        except ArchError as error:
            refused = refused or explain(edited, error)
            continue
        changed = [c for c in type(row).model_fields if getattr(row, c) != getattr(first, c)]
        words = [f"{c} {word(getattr(first, c))} → {word(getattr(row, c))}" for c in changed]
        notes += [f"row {index + 1}: {', '.join(words)}: the nearest form that fits here"] if words else []
        return Edited(edited, tuple(notes))
    assert refused is not None
    raise refused


def _forms(row: Row) -> Iterator[Row]:
    """The row, then its other forms: those that keep its width, then those that do not, the nearest first."""
    choices: list[dict[str, Any]] = [{}]
    if isinstance(row, ShuffleV2):
        choices += [{"downsample": "half"}, {"merge": "add"}]
    if isinstance(row, ShuffleV1):
        near = sorted({*GROUPS, row.groups}, key=lambda groups: abs(groups - row.groups))
        merges: tuple[dict[str, Any], ...] = ({}, {"merge": "add"})
        choices = [
            {**merge, "groups": groups, "group_first": first}
            for merge, groups, first in product(merges, near, (row.group_first, False))
        ]
    elif "groups" in type(row).model_fields:
        choices += [{"groups": groups} for groups in (*GROUPS[:0:-1], 1)]
    for choice in choices:
        yield row.model_copy(update=choice)
    if channels := getattr(row, "channels", None):
        for step in range(1, 13):
            for wide in (channels + step, channels - step):
                for choice in choices[:3]:
                    yield row.model_copy(update={"channels": min(max(1, wide), 16384), **choice})
