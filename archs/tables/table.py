"""The spec: a network as the table that the papers print, and that the user edits. Frozen, validated, JSON.

A `Spec` is an input and a list of rows (`archs.tables.rows`). Every field is an int, a bool, a number in a range or
a known
word, so nothing free-form ever reaches the exported code.
Validation is pydantic's; this file says what is allowed and words the errors: row, column, found, allowed.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from archs.errors import ArchError, Problem, shorten
from archs.tables.rows import (
    KIND_OF,
    KINDS,
    ActivationWord,
    AnyRow,
    Bottleneck,
    Channels,
    Conv,
    Fragments,
    GateWord,
    GlobalPool,
    Groups,
    Identifier,
    InvertedResidual,
    Kernel,
    Linear,
    Pool,
    Ratio,
    Row,
    Separable,
    ShuffleV1,
    ShuffleV2,
    Stride,
)

__all__ = [
    "FORMAT",
    "KINDS",
    "KIND_OF",
    "MAX_BLOCKS",
    "MAX_JSON",
    "ActivationWord",
    "AnyRow",
    "Bottleneck",
    "Channels",
    "Conv",
    "Fragments",
    "GateWord",
    "GlobalPool",
    "Groups",
    "Identifier",
    "InvertedResidual",
    "Kernel",
    "Linear",
    "Pool",
    "Ratio",
    "Row",
    "Separable",
    "ShuffleV1",
    "ShuffleV2",
    "Spec",
    "Stride",
    "allowed",
    "make",
]

FORMAT = "archs.spec/1"
MAX_JSON = 1_000_000  # characters; the largest catalogue network takes 2,400
MAX_BLOCKS = 512  # rows × repeats


class Spec(BaseModel):
    """A network as its table, with the image that it takes.

    `name` is the catalogue's name, or the user's own; `width`, `groups` and `code` record the knobs that the catalogue
    made it with. Raises ArchError (in `from_json` and `edit`) with one line per bad cell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Identifier
    rows: Annotated[tuple[AnyRow, ...], Field(min_length=1, max_length=256)]
    input_channels: Channels = 3
    resolution: Annotated[int, Field(ge=1, le=2048)] = 224
    width: Annotated[float, Field(gt=0, le=16)] | None = None
    groups: Groups | None = None
    code: Literal["paper", "megvii", "torchvision"] | None = None

    @model_validator(mode="after")
    def _few_blocks(self) -> Spec:
        if (blocks := sum(row.repeat for row in self.rows)) > MAX_BLOCKS:
            raise ValueError(f"{blocks} blocks in all; allowed: up to {MAX_BLOCKS}")
        return self

    def edit(self, **changes: Any) -> Spec:
        """A validated copy with the named fields replaced. Raises ArchError."""
        return make(Spec, **{**dict(self), **changes})

    def edit_row(self, index: int, **changes: Any) -> Spec:
        """A validated copy with the named columns of row `index` (from 0) replaced. Raises ArchError."""
        row = self.rows[index]
        try:
            changed = make(type(row), **{**dict(row), **changes})
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
            data = json.loads(text)
        except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
            raise ArchError(f"not a JSON text: {shorten(str(error), 200)}") from None
        if not isinstance(data, dict):
            raise ArchError(f"found {shorten(data)}; allowed: an object with format, name and rows")
        if data.pop("format", None) != FORMAT:
            raise ArchError(f"format: allowed: {FORMAT!r}; this text is of another version or no spec")
        rows = data.get("rows")
        if not isinstance(rows, list) or len(rows) > 256:
            raise ArchError("rows: allowed: a list of 1 to 256 rows")
        data["rows"] = _rows_from(rows)
        return make(Spec, **{str(key): value for key, value in data.items()})


def _rows_from(rows: list[Any]) -> tuple[Row, ...]:
    made, problems = [], []
    for number, data in enumerate(rows, 1):
        data = dict(data) if isinstance(data, dict) else {}
        kind = data.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            problems.append(Problem(f"found {shorten(kind)}; allowed: {', '.join(KINDS)}", number, "kind"))
            continue
        try:
            made.append(make(KINDS[kind], **{str(key): value for key, value in data.items()}))
        except ArchError as error:
            problems += error.at(row=number).problems
    if problems:
        raise ArchError(problems=problems[:20])
    return tuple(made)


def make(cls: type[BaseModel], **fields: Any) -> Any:
    """`cls(**fields)` whose errors are ArchErrors that name the column, the value found and the values allowed."""
    try:
        return cls(**fields)
    except ValidationError as error:
        raise ArchError(problems=[_problem(cls, e) for e in error.errors()[:20]]) from None


def _problem(cls: type[BaseModel], error: Any) -> Problem:
    column = str(error["loc"][0]) if error["loc"] else None
    found = shorten(error["input"])
    if error["type"] == "extra_forbidden":
        return Problem(f"no such column; allowed: {', '.join(cls.model_fields)}", column=shorten(column))
    if error["type"] == "missing":
        return Problem(f"found nothing; allowed: {allowed(cls, column)}", column=column)
    if column is None:
        return Problem(str(error["ctx"]["error"]))
    takes = allowed(cls, column)
    return Problem(f"found {found}; allowed: {takes}", column=column, found=found, allowed=takes)


def allowed(cls: type[BaseModel], column: str) -> str:
    """The values that a column takes, in words, read off its type: `a whole number from 1 to 4`."""
    field = cls.model_fields[column]
    annotation, metadata = field.annotation, list(field.metadata)
    optional = type(None) in get_args(annotation)
    if optional:  # Annotated[int, …] | None keeps its limits inside, Literal[…] | None its words
        annotation = next(a for a in get_args(annotation) if a is not type(None))
        if get_origin(annotation) is Annotated:
            annotation, metadata = get_args(annotation)[0], [m for f in get_args(annotation)[1:] for m in _limits(f)]
    return _in_words(annotation, metadata) + (" or nothing" if optional else "")


def _limits(field: Any) -> list[Any]:
    return list(getattr(field, "metadata", [field]))


def _in_words(annotation: Any, metadata: list[Any]) -> str:
    if words := get_args(annotation):
        if all(isinstance(w, (str, int)) for w in words):
            return ", ".join(map(str, words))
        return "a list of 1 to 256 rows"
    if annotation is bool:
        return "true or false"
    if annotation is str:
        return "lower-case letters, digits and _, a letter first, up to 40"
    limits = {name: getattr(m, name) for m in metadata for name in ("ge", "gt", "le", "lt") if hasattr(m, name)}
    odd = "odd " if any(isinstance(m, AfterValidator) for m in metadata) else ""
    number = f"a whole {odd}number" if annotation is int else "a number"
    low = f"from {limits['ge']:,}" if "ge" in limits else f"over {limits['gt']:,}"
    high = f"to {limits['le']:,}" if "le" in limits else f"to under {limits['lt']:,}"
    return f"{number} {low} {high}"
