"""The spec: a network as the table that the papers print and that the user edits. Frozen, validated, JSON.

Every field is an int, a bool, a number in a range or a known word, so nothing free-form reaches the exported code.
The rows' columns are in `archs.tables.rows`, the graph of a spec in `archs.tables.lower`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, model_validator

from archs import bounded_json
from archs.errors import ArchError, Problem, shorten
from archs.tables.rows import KINDS, AnyRow, Channels, Code, Groups, Identifier
from archs.tables.validation import MAX_PROBLEMS, MAX_ROWS, Validated

FORMAT = "archs.spec/1"
MAX_VALUES = 20_000  # of a JSON text; 256 rows with every column have 6,400
MAX_JSON = 1_000_000  # characters; the largest catalogue network takes 2,400
MAX_BLOCKS = 512  # rows × repeats


class Spec(Validated):
    """A network as its table, with the image that it takes.

    `name` is the catalogue's name, or the user's own; `width`, `groups` and `code` record the knobs that the catalogue
    made it with. Raises ArchError with one line per bad cell.
    """

    name: Identifier
    rows: Annotated[tuple[AnyRow, ...], Field(min_length=1, max_length=MAX_ROWS)]
    input_channels: Channels = 3
    resolution: Annotated[int, Field(ge=1, le=2048)] = 224
    width: Annotated[float, Field(gt=0, le=16)] | None = None
    groups: Groups | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _few_blocks(self) -> Spec:
        if (blocks := sum(row.repeat for row in self.rows)) > MAX_BLOCKS:
            raise ValueError(f"{blocks} blocks in all; allowed: up to {MAX_BLOCKS}")
        return self

    def edit(self, **changes: Any) -> Spec:
        """A validated copy with the named fields replaced. Raises ArchError."""
        return Spec(**{**dict(self), **changes})

    def edit_row(self, index: int, **changes: Any) -> Spec:
        """A validated copy with the named columns of row `index` (from 0) replaced. Raises ArchError."""
        row = self.rows[index]
        try:
            changed = type(row)(**{**dict(row), **changes})
        except ArchError as error:
            raise error.at(row=index + 1) from None
        return self.edit(rows=(*self.rows[:index], changed, *self.rows[index + 1 :]))

    def to_json(self) -> str:
        """The spec as text: one line per row, the columns that differ from their default."""
        head = {"format": FORMAT} | self.model_dump(exclude={"rows"}, exclude_defaults=True)
        rows = [json.dumps({"kind": row.kind} | row.model_dump(exclude_defaults=True)) for row in self.rows]
        return json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"

    @staticmethod
    def from_json(text: str | bytes) -> Spec:
        """The spec of a text. Raises ArchError with one line per problem; nothing in the text is executed."""
        if len(text) > MAX_JSON:
            raise ArchError(f"the text has {len(text):,} characters; allowed: up to {MAX_JSON:,}")
        try:
            data = bounded_json.loads(text, MAX_VALUES)
        except ValueError as error:  # a UnicodeDecodeError is a ValueError
            raise ArchError(f"not a JSON text: {shorten(str(error), 200)}") from None
        if not isinstance(data, dict):
            raise ArchError(f"found {shorten(data)}; allowed: an object with format, name and rows")
        if data.pop("format", None) != FORMAT:
            raise ArchError(f"format: allowed: {FORMAT!r}; this text is of another version or no spec")
        rows = data.get("rows")
        if not isinstance(rows, list) or len(rows) > MAX_ROWS:
            raise ArchError(f"rows: allowed: a list of 1 to {MAX_ROWS} rows")
        data["rows"] = _rows_from(rows)
        return Spec(**{str(key): value for key, value in data.items()})


def _rows_from(rows: list[Any]) -> tuple[AnyRow, ...]:
    made: list[Any] = []
    problems: list[Problem] = []
    for number, data in enumerate(rows, 1):
        data = dict(data) if isinstance(data, dict) else {}
        kind = data.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            problems.append(Problem(f"found {shorten(kind)}; allowed: {', '.join(KINDS)}", number, "kind"))
            continue
        try:
            made.append(KINDS[kind](**{str(key): value for key, value in data.items()}))
        except ArchError as error:
            problems += error.at(row=number).problems
    if problems:
        raise ArchError(problems=problems[:MAX_PROBLEMS])
    return tuple(made)
