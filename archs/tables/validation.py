"""Validation of rows and specs: pydantic checks, and every error is an `ArchError` that names column and values.

Which values are allowed is defined in `archs.tables.rows` and `archs.tables.table`, by the types of the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from archs.errors import ArchError, Problem, shorten
from archs.guidance import NoSequence, similar, unknown_attribute

MAX_ROWS = 256
MAX_PROBLEMS = 20  # of one error; more would fill the page


class Validated(NoSequence, BaseModel):
    """A frozen model of known columns. Its constructor raises ArchError with one problem per bad column."""

    _INSTEAD: ClassVar[Mapping[str, str]] = {}
    """Attribute that it has not → what to call."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, *values: Any, **fields: Any):
            if values:
                shown = ", ".join(f"{column}=…" for column in type(self).model_fields)
                raise TypeError(f"found {len(values)} values without a column; allowed: {type(self).__name__}({shown})")
            try:
                super().__init__(**fields)
            except ValidationError as error:
                numbers = {column: plain(value) for column, value in fields.items()}
                if any(numbers[column] is not value for column, value in fields.items()):
                    type(self).__init__(self, **numbers)
                    return
                by_column = {each["loc"][:1]: each for each in reversed(error.errors())}  # a union has one per member
                found = list(reversed(by_column.values()))[:MAX_PROBLEMS]
                raise ArchError(problems=[_problem(type(self), each, fields) for each in found]) from None

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # pydantic's own
                return super().__getattr__(name)
            raise AttributeError(unknown_attribute(type(self), name), name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            what, call = ("row", "edit_row(index, ") if "stage" in type(self).model_fields else ("Spec", "edit(")
            raise ArchError(f"a {what} does not change; an edited copy: spec.{call}{name}=…)", column=name)


def plain(value: Any) -> Any:
    """A number of numpy's or torch's as Python's, also in a list or a tuple; every other value as it is.

    >>> import numpy
    >>> plain(numpy.int64(8)), plain("8"), plain((numpy.int64(96), 128)), plain(numpy.array([96, 128]))
    (8, '8', (96, 128), (96, 128))
    """
    if isinstance(value, (list, tuple)):
        found = [plain(each) for each in value]
        return type(value)(found) if any(a is not b for a, b in zip(found, value)) else value
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) < 2 and hasattr(value, "tolist"):
        found = value.tolist()
        return tuple(found) if isinstance(found, list) else found
    return value


def _problem(cls: type[BaseModel], error: Any, fields: dict[str, Any]) -> Problem:
    if not error["loc"]:  # a check of several columns, which words its own message
        return Problem(str(error["ctx"]["error"]))
    column, found = str(error["loc"][0]), shorten(fields.get(str(error["loc"][0]), error["input"]))
    if error["type"] == "extra_forbidden":
        use = similar(column, cls.model_fields)
        meant = f"; use {use}" if use else ""
        return Problem(f"no such column; allowed: {', '.join(cls.model_fields)}{meant}", column=shorten(column))
    if column == "rows" and len(error["loc"]) > 1:
        found = shorten(error["input"])
        return Problem(f"found {found}; allowed: a row of archs.rows: Conv(stage=…, channels=…)", error["loc"][1] + 1)
    takes = allowed(cls, column)
    if error["type"] == "missing":
        return Problem(f"found nothing; allowed: {takes}", column=column)
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
        members: list[Any] = [get_args(w)[0] if get_origin(w) is Annotated else w for w in words]
        if int in members:  # a number, or a pair of them
            bounds = [m for limit in get_args(words[members.index(int)])[1:] for m in _limits(limit)]
            return f"{_in_words(int, bounds)}, or (height, width)"
        if all(isinstance(w, (str, int)) for w in words):
            return ", ".join(map(str, words))
        return f"a list of 1 to {MAX_ROWS} rows"
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
