"""The exception class of `archs` and the structure of its messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Fix:
    """A suggested value: for a cell of the table, rows counted from 1, or without `row` for a field."""

    row: int | None
    column: str
    value: object

    def __str__(self) -> str:
        value = "nothing" if self.value is None else self.value
        return f"row {self.row}, column {self.column}: {value}" if self.row else f"{self.column}: {value}"


@dataclass(frozen=True)
class Problem:
    """One bad value: what was found and what is allowed, and where it stands as far as that is known.

    `row` counts from 1, as a reader of the table counts; `str` adds its index in `spec.rows`, which counts from 0.
    `column` is a column of the table or a field of the network; `path` is the node or block of the graph. `message`
    says all of it in words; `found` and `allowed` are its parts for whoever lays them out, `fix` is a suggested value,
    where a search found one.

    >>> print(Problem("found 4; allowed: a whole odd number from 1 to 31", row=3, column="kernel"))
    row 3, column kernel: found 4; allowed: a whole odd number from 1 to 31 (rows[2])
    """

    message: str
    row: int | None = None
    column: str | None = None
    path: str | None = None
    found: str | None = None
    allowed: str | None = None
    fix: Fix | None = None

    def __str__(self) -> str:
        return f"{self.text} (rows[{self.row - 1}])" if self.row else self.text

    @property
    def text(self) -> str:
        """The message with its place, for a reader of the table: without the row's index in `spec.rows`."""
        where = [f"row {self.row}"] if self.row else []
        where += [f"column {self.column}" if self.row else self.column] if self.column else []
        where += [self.path] if self.path else []
        text = f"{', '.join(where)}: {self.message}" if where else self.message
        return f"{text}; suggested fix: {self.fix}" if self.fix else text


class ArchError(ValueError):
    """An invalid network or argument: `str(error)` is one line per problem, to be shown to the user as it is.

    Operators say what is wrong and in which column, the builder adds the path and `build` the row.

    >>> import archs
    >>> try:
    ...     archs.spec("mobilenet_v2").edit_row(2, stride=9)
    ... except ArchError as error:
    ...     error.problems[0].column, error.problems[0].found, error.problems[0].allowed
    ('stride', '9', 'a whole number from 1 to 4')
    """

    def __init__(self, message: str = "", column: str | None = None, problems: Iterable[Problem] = ()):
        self.problems = tuple(problems) or (Problem(message, column=column),)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def text(self) -> str:
        """The message for a reader of the table, who counts its rows from 1 and needs no index."""
        return "\n".join(problem.text for problem in self.problems)

    def at(self, row: int | None = None, path: str | None = None) -> ArchError:
        """The same error with its place added where it names none: `row`, from 1, and `path`, of a node or block."""
        return ArchError(problems=[replace(p, row=p.row or row, path=p.path or path) for p in self.problems])


def shorten(value: object, limit: int = 60) -> str:
    """`repr` of a found value, cut to `limit` characters."""
    text = repr(value[: limit + 1] if isinstance(value, (str, bytes, list, tuple)) else value)
    return text if len(text) <= limit else text[:limit] + "…"
