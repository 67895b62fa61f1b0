"""The spec: a network as the table that the papers print and that the user edits. Frozen, validated, JSON.

Every field is an int, a bool, a number in a range or a known word, so nothing free-form reaches the exported code.
The rows' columns are in `archs.tables.rows`, the graph of a spec in `archs.tables.lower`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from archs import bounded_json
from archs.errors import ArchError, Problem, shorten
from archs.guessed_words import OF_A_SPEC
from archs.guidance import guided
from archs.ir.operator import Shape
from archs.tables.rows import KINDS, AnyRow, Channels, Code, Groups, Identifier, Linear, Row
from archs.tables.validation import MAX_PROBLEMS, MAX_ROWS, Validated, plain

FORMAT = "archs.spec/1"
MAX_VALUES = 20_000  # of a JSON text; 256 rows with every column have 6,400
MAX_JSON = 1_000_000  # characters; the largest catalogue network takes 2,400
MAX_BLOCKS = 512  # rows × repeats


Side = Annotated[int, Field(ge=1, le=2048)]
Resolution = int | tuple[int, int]
"""The side of a square image, or (height, width), in pixels."""
KNOBS = ("width", "groups", "code")
"""Fields that record how the catalogue made the table."""
OF_A_FILE = "Spec.from_json(Path(name).read_text())"


def _square(resolution: Resolution) -> Resolution:
    """One number for a square image, so that equal images are equal specs."""
    if isinstance(resolution, tuple) and resolution[0] == resolution[1]:
        return resolution[0]
    return resolution


class Spec(Validated):
    """A network as its table, with the image that it takes.

    `name` is the catalogue's name, or the user's own; `input_channels` are those of the image; `rows` is a list of the
    row classes in `archs.rows`, or of dicts with their columns and `kind`; `resolution` is the side of a square image
    in pixels, or (height, width). `width`, `groups` and `code` record the knobs that the catalogue made it with. Raises
    ArchError with one line per bad cell.

    >>> from archs.tables.rows import Conv, GlobalPool, Linear
    >>> rows = [Conv(stage="stem", channels=8), GlobalPool(stage="head"), Linear(stage="head", channels=10)]
    >>> Spec(name="tiny", rows=rows, resolution=32)
    <Spec tiny: 3×32×32, 3 rows, 3 blocks>
    >>> Spec(name="tiny", rows=[{"kind": "conv", "stage": "stem", "channels": 8}, *rows[1:]], resolution=(32, 48))
    <Spec tiny: 3×32×48, 3 rows, 3 blocks>
    """

    _INSTEAD: ClassVar = OF_A_SPEC
    _ITEMS: ClassVar = "rows"
    name: Identifier
    rows: Annotated[tuple[AnyRow, ...], Field(min_length=1, max_length=MAX_ROWS, strict=False)]
    input_channels: Channels = 3
    resolution: Annotated[Side | Annotated[tuple[Side, Side], Field(strict=False)], AfterValidator(_square)] = 224
    width: Annotated[float, Field(gt=0, le=16)] | None = None
    groups: Groups | None = None
    code: Code | None = None

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, *values: Any, **fields: Any):
            rows = fields.get("rows")
            if isinstance(rows, (list, tuple)) and dict in map(type, rows):
                fields["rows"] = _rows_from(rows)
            super().__init__(*values, **fields)

    @model_validator(mode="after")
    def _few_blocks(self) -> Spec:
        if (blocks := sum(row.repeat for row in self.rows)) > MAX_BLOCKS:
            raise ValueError(f"{blocks} blocks in all; allowed: up to {MAX_BLOCKS}")
        return self

    @property
    def input_shape(self) -> Shape:
        """Channels, height and width of the image."""
        height, width = self.resolution if isinstance(self.resolution, tuple) else (self.resolution, self.resolution)
        return Shape(self.input_channels, height, width)

    @guided()
    def edit(self, **changes: Any) -> Spec:
        """A validated copy with the fields that `changes` names replaced.

        `width`, `groups` and `code` say how the rows were made, so they change with `rows` only. Raises ArchError.

        >>> import archs
        >>> archs.spec("mobilenet_v2").edit(resolution=(96, 128)).input_shape
        (3, 96, 128)
        """
        alone = [knob for knob in KNOBS if knob in changes and changes[knob] != getattr(self, knob)]
        if alone and "rows" not in changes:
            knob, value = alone[0], shorten(changes[alone[0]])
            raise ArchError(
                f"it records how the rows were made, which this would leave as they are; call "
                f"archs.spec({self.name!r}, {knob}={value}) for the published network, or edit the rows' columns",
                column=knob,
            )
        return Spec(**{**dict(self), **changes})

    @guided()
    def edit_row(self, index: int | str, **changes: Any) -> Spec:
        """A validated copy with the columns that `changes` names replaced in one row.

        `index` counts from 0 as in `spec.rows`, or is the name of a stage of one row. Raises ArchError; its message has
        the number of the row in the table and its index.

        >>> import archs
        >>> archs.spec("mobilenet_v2").edit_row("stage3", kernel=5).rows[3].kernel
        5
        """
        at = self._index(index)
        try:
            changed = type(self.rows[at])(**{**dict(self.rows[at]), **changes})
        except ArchError as error:
            raise error.at(row=at + 1) from None
        return self.replace_row(at, changed)

    @guided()
    def edit_stage(self, stage: str, **changes: Any) -> Spec:
        """A validated copy with the columns of `changes` replaced in every row of a stage. Raises ArchError.

        >>> import archs
        >>> [row.kernel for row in archs.spec("mobilenet_v2").edit_stage("stage2", kernel=5).rows[1:4]]
        [3, 5, 3]
        """
        at = [i for i, row in enumerate(self.rows) if row.stage == stage]
        if not at:
            raise ArchError(f"found {shorten(stage)}; allowed: {', '.join(self.stages)}", column="stage")
        edited = self
        for column, value in changes.items():
            having = [i for i in at if column in type(self.rows[i]).model_fields]
            if not having:
                columns = dict.fromkeys(name for i in at for name in type(self.rows[i]).model_fields)
                raise ArchError(f"no row of {stage} has it; allowed: {', '.join(columns)}", column=shorten(column))
            for i in having:
                edited = edited.edit_row(i, **{column: value})
        return edited

    @guided()
    def insert_row(self, index: int | str, row: AnyRow | dict[str, Any]) -> Spec:
        """A validated copy with a row before row `index` (from 0, or a stage's name); the number of rows appends it.

        A dict without a stage joins that of the row at `index`, or the last one. Raises ArchError.

        >>> import archs
        >>> archs.spec("mobilenet_v2").insert_row(1, archs.rows.Conv(stage="extra", channels=32)).stages[:3]
        ('stem', 'extra', 'stage1')
        """
        at = len(self.rows) if index == len(self.rows) else self._index(index)
        beside = self.rows[min(at, len(self.rows) - 1)]
        return self.edit(rows=(*self.rows[:at], _in_stage(row, beside.stage), *self.rows[at:]))

    @guided()
    def replace_row(self, index: int | str, row: AnyRow | dict[str, Any]) -> Spec:
        """A validated copy with another row, of any kind, for row `index` (from 0, or a stage's name).

        A dict without a stage keeps that of the row. Raises ArchError.

        >>> import archs
        >>> archs.spec("mobilenet_v2").replace_row("stem", {"kind": "pool"}).rows[0].kind
        'pool'
        """
        at = self._index(index)
        return self.edit(rows=(*self.rows[:at], _in_stage(row, self.rows[at].stage), *self.rows[at + 1 :]))

    @guided()
    def delete_row(self, index: int | str) -> Spec:
        """A validated copy without row `index` (from 0, or a stage's name). Raises ArchError for the only row.

        >>> import archs
        >>> len(archs.spec("mobilenet_v2").delete_row("stage7").rows)
        10
        """
        at = self._index(index)
        return self.edit(rows=(*self.rows[:at], *self.rows[at + 1 :]))

    @guided()
    def set_classes(self, classes: int) -> Spec:
        """A validated copy with another number of classes: the width of the last linear row. Raises ArchError.

        >>> import archs
        >>> archs.build(archs.spec("mobilenet_v2").set_classes(10)).output
        (10,)
        """
        linear = [i for i, row in enumerate(self.rows) if isinstance(row, Linear)]
        if not linear:
            raise ArchError("the network has no linear row; insert one at its end", column="classes")
        return self.edit_row(linear[-1], channels=classes)

    @guided(size="use resolution=")
    def set_input(self, *shape: Any, channels: int | None = None, resolution: Resolution | None = None) -> Spec:
        """A validated copy for other images. Raises ArchError, also for one number that could be either.

        Args:
            *shape: channels and side, or (channels, height, width), with or without a batch of 1.
            channels: of the image.
            resolution: the side of a square image in pixels, or (height, width).

        >>> import archs
        >>> archs.spec("mobilenet_v2").set_input(channels=1, resolution=96).input_shape
        (1, 96, 96)
        >>> archs.spec("mobilenet_v2").set_input(1, 96, 128).input_shape
        (1, 96, 128)
        """
        if shape:
            channels, resolution = _image(shape, channels, resolution)
        fields = {"input_channels": channels, "resolution": resolution}
        return self.edit(**{name: value for name, value in fields.items() if value is not None})

    if not TYPE_CHECKING:  # a type checker knows that there is no index

        def __getitem__(self, key: object) -> Any:
            if isinstance(key, str) and key in self.stages:
                use = f"use spec.edit_stage({key!r}, …), or spec.rows"
                raise TypeError(f"Spec takes no index, found [{key!r}]: {use}")
            super().__getitem__(key)

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(dict.fromkeys(row.stage for row in self.rows))

    def _index(self, index: int | str) -> int:
        index = plain(index)
        if isinstance(index, str):
            found = [i for i, row in enumerate(self.rows) if row.stage == index]
            if len(found) == 1:
                return found[0]
            if found:
                raise ArchError(f"{index} has {len(found)} rows, {found} of spec.rows; allowed: one of these, an index")
        elif type(index) is int and -len(self.rows) <= index < len(self.rows):
            return index % len(self.rows)
        raise ArchError(
            f"row index is {shorten(index)}; allowed: 0 to {len(self.rows) - 1}, or a stage: {', '.join(self.stages)}"
        )

    def __repr__(self) -> str:
        knobs = "".join(f", {knob} {getattr(self, knob)}" for knob in KNOBS if getattr(self, knob) is not None)
        blocks = sum(row.repeat for row in self.rows)
        return f"<Spec {self.name}{knobs}: {self.input_shape}, {len(self.rows)} rows, {blocks} blocks>"

    def __str__(self) -> str:
        """The table: one line per row, with its index in `rows` and the columns that differ from their default."""
        lines = [f"{i:>3}  {row.stage:<8} {row.kind:<17} {_cells(row)}" for i, row in enumerate(self.rows)]
        return "\n".join([repr(self), *lines])

    def _repr_html_(self) -> str:
        cells = [(i, row.stage, row.kind, _cells(row)) for i, row in enumerate(self.rows)]
        body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in line)}</tr>" for line in cells)
        head = "<tr><th>row</th><th>stage</th><th>kind</th><th>columns</th></tr>"
        return f"<p>{escape(repr(self))}</p><table>{head}{body}</table>"

    def to_json(self) -> str:
        """The spec as text: one line per row, the columns that differ from their default.

        >>> import archs
        >>> archs.spec("mobilenet_v2").to_json().splitlines()[5]
        '  {"kind": "conv", "stage": "stem", "channels": 32, "stride": 2, "activation": "relu6"},'
        """
        head = {"format": FORMAT} | self.model_dump(exclude={"rows"}, exclude_defaults=True)
        rows = [json.dumps({"kind": row.kind} | row.model_dump(exclude_defaults=True)) for row in self.rows]
        return json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"

    @staticmethod
    def from_json(text: str | bytes) -> Spec:
        """The spec of a text. Raises ArchError with one line per problem; nothing in the text is executed.

        >>> import archs
        >>> Spec.from_json(archs.spec("mobilenet_v2").to_json()) == archs.spec("mobilenet_v2")
        True
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"found a {type(text).__name__}; allowed: the text of a spec, {OF_A_FILE}")
        if len(text) > MAX_JSON:
            raise ArchError(f"the text has {len(text):,} characters; allowed: up to {MAX_JSON:,}")
        try:
            data = bounded_json.loads(text, MAX_VALUES)
        except ValueError as error:
            hint = f"; of a file: {OF_A_FILE}" if text[-5:] in (".json", b".json") else ""
            raise ArchError(f"{error}{hint}") from None
        if not isinstance(data, dict):
            raise ArchError(f"found {shorten(data)}; allowed: an object with format, name and rows")
        if data.pop("format", None) != FORMAT:
            raise ArchError(f"format: allowed: {FORMAT!r}; this text is of another version or no spec")
        rows = data.get("rows")
        if not isinstance(rows, list) or len(rows) > MAX_ROWS:
            raise ArchError(f"rows: allowed: a list of 1 to {MAX_ROWS} rows")
        data["rows"] = _rows_from(rows)
        return Spec(**{str(key): value for key, value in data.items()})


def _image(shape: tuple[Any, ...], channels: object, resolution: object) -> tuple[Any, Any]:
    """Channels and resolution of a shape in order. Raises ArchError."""
    sides = plain(getattr(shape[0], "shape", shape[0])) if len(shape) == 1 else shape
    if isinstance(sides, (tuple, list)) and channels is None and resolution is None:
        sides = sides[1:] if len(sides) == 4 and sides[0] == 1 else sides
        if len(sides) == len(shape) == 2:
            return shape
        if len(sides) == 3:
            return sides[0], tuple(sides[1:])
    found = ", ".join(map(shorten, shape))
    raise ArchError(f"set_input({found}): allowed: resolution=96, channels=1, or (channels, height, width)")


def _cells(row: Row) -> str:
    """The columns that differ from their default: `channels 24, repeat 2, stride 2`."""
    cells = row.model_dump(exclude_defaults=True, exclude={"stage"})
    return ", ".join(f"{column} {value}" for column, value in cells.items())


def _in_stage(row: Any, stage: str) -> Any:
    return {"stage": stage, **row} if isinstance(row, dict) else row


def _rows_from(rows: Sequence[Any]) -> tuple[AnyRow, ...]:
    """Rows of their columns and `kind`; what is a row already stays. Raises ArchError with every bad one."""
    made: list[Any] = []
    problems: list[Problem] = []
    for number, data in enumerate(rows, 1):
        if isinstance(data, Row):
            made.append(data)
            continue
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
