"""The spec: a network as the table that the papers print, and that the user edits. Frozen, validated, JSON.

A `Spec` is an input and a list of rows; a row is one kind of block with exactly the columns of that kind. Every field
is an int, a bool, a number in a range or a known word, so nothing free-form ever reaches the exported code.
Validation is pydantic's; this file says what is allowed and words the errors: row, column, found, allowed.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from archs.errors import ArchError, Problem, shorten

FORMAT = "archs.spec/1"
MAX_JSON = 1_000_000  # characters; the largest catalogue network takes 2,400
MAX_BLOCKS = 512  # rows × repeats

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Channels = Annotated[int, Field(ge=1, le=16384)]
Stride = Annotated[int, Field(ge=1, le=4)]
Groups = Annotated[int, Field(ge=1, le=16384)]
Ratio = Annotated[float, Field(gt=0, le=1)]
ActivationWord = Literal["relu", "relu6", "sigmoid", "hard_sigmoid", "swish", "hard_swish", "none"]
GateWord = Literal["sigmoid", "hard_sigmoid"]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("an odd number")
    return value


Kernel = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


class Row(BaseModel):
    """What every row has: the stage it belongs to and how often it is repeated.

    A row's stride is that of its first block, the repeats have stride 1 (MobileNetV2, Table 2's caption).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stage: Identifier
    repeat: Annotated[int, Field(ge=1, le=64)] = 1

    @property
    def kind(self) -> str:
        return KIND_OF[type(self)]


class Conv(Row):
    """A convolution with batch norm and activation; a bias where there is no norm."""

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 1
    norm: bool = True
    activation: ActivationWord = "relu"


class Separable(Row):
    """MobileNetV1's block: depthwise k×k, then 1×1, each with batch norm and activation (its Figure 3, right)."""

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    activation: ActivationWord = "relu"


class InvertedResidual(Row):
    """MobileNetV2's block (its Table 1), MobileNetV3's and MnasNet's with squeeze-and-excite.

    The expanded width is stated either as `expansion`, the ratio t to the input channels, or as `expanded`, a width.
    `se` is the squeeze ratio, 0 for none; MobileNetV3 takes it of the expanded width rounded to 8, MnasNet of the
    block's input channels rounded down. The shortcut is added where input and output have one shape.
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    expansion: Annotated[float, Field(gt=0, le=64)] | None = None
    expanded: Channels | None = None
    activation: ActivationWord = "relu6"
    se: Annotated[float, Field(ge=0, le=1)] = 0.0
    se_of: Literal["expanded", "input"] = "expanded"
    gate: GateWord = "hard_sigmoid"
    shortcut: bool = True

    @model_validator(mode="after")
    def _one_width(self) -> InvertedResidual:
        if (self.expansion is None) == (self.expanded is None):
            raise ValueError(
                f"expansion is {self.expansion} and expanded is {self.expanded}; allowed: exactly one of the two"
            )
        return self


class ShuffleV1(Row):
    """ShuffleNetV1's unit (its Figure 2b, and 2c where the stride is over 1)."""

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 3
    bottleneck: Ratio = 0.25
    group_first: bool = True  # False in the first unit of stage 2: Table 1's caption
    shuffle: bool = True
    activation: ActivationWord = "relu"


class ShuffleV2(Row):
    """ShuffleNetV2's unit (its Figure 3c, and 3d where the stride is over 1 or the width changes).

    `split` is the share of the channels that the shortcut branch takes at stride 1 (the paper's 0.5). At stride 2,
    `downsample` says which published form: "keep", the shortcut branch keeps the input width and the main branch gives
    the rest (megvii); "half", both give half (torchvision).
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    split: Annotated[float, Field(gt=0, lt=1)] = 0.5
    downsample: Literal["keep", "half"] = "keep"
    shuffle: bool = True
    activation: ActivationWord = "relu"


class Bottleneck(Row):
    """ResNet's bottleneck: 1×1, 3×3, 1×1 and a shortcut (He et al. 2015, Figure 5 right).

    `inner` is the width between; the stride stands in the k×k convolution, or in the first 1×1 as the paper has it.
    Without `norm` and with `relu` and `shortcut` taken away it is the unit of ShuffleNetV2's guideline G4.
    """

    channels: Channels
    inner: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 1
    stride_first: bool = False
    norm: bool = True
    relu: bool = True
    shortcut: bool = True


class Fragments(Row):
    """Guideline G3's block: `fragments` 1×1 convolutions of one width, one after the other or side by side and added.

    ShuffleNetV2, appendix Figure 1.
    """

    channels: Channels
    fragments: Literal[1, 2, 4] = 1
    layout: Literal["series", "parallel"] = "series"


class Pool(Row):
    """Max or average pooling."""

    mode: Literal["max", "average"] = "max"
    kernel: Kernel = 3
    stride: Stride = 2


class GlobalPool(Row):
    """The mean of each map, to C×1×1, or to C features where `flat`."""

    flat: bool = False


class Linear(Row):
    """A fully connected layer with bias, after a dropout, before an activation."""

    channels: Channels = 1000
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    activation: ActivationWord = "none"


KINDS: dict[str, type[Row]] = {
    "conv": Conv,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
    "shuffle_v1": ShuffleV1,
    "shuffle_v2": ShuffleV2,
    "bottleneck": Bottleneck,
    "fragments": Fragments,
    "pool": Pool,
    "global_pool": GlobalPool,
    "linear": Linear,
}
"""The kinds of row by the word that the JSON and the page use."""

KIND_OF = {cls: kind for kind, cls in KINDS.items()}

AnyRow = Union[tuple(KINDS.values())]  # noqa: UP007 the members are computed


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
    return Problem(f"found {found}; allowed: {allowed(cls, column)}", column=column)


def allowed(cls: type[BaseModel], column: str) -> str:
    """The values that a column takes, in words, read off its type: `a whole number from 1 to 4`."""
    field = cls.model_fields[column]
    annotation, metadata = field.annotation, list(field.metadata)
    optional = type(None) in get_args(annotation)
    if optional:  # Annotated[int, …] | None keeps its limits inside
        inner = next(a for a in get_args(annotation) if a is not type(None))
        annotation, metadata = get_args(inner)[0], [m for f in get_args(inner)[1:] for m in _limits(f)]
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
