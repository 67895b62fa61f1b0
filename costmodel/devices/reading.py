"""A list of timings from a CSV file: read, checked row by row, nothing executed.

Every problem names the row as a spreadsheet counts it (row 1 is the first line) and the column. Separators are commas,
semicolons or tabs, or what a first line `sep=;` states; with the latter two a decimal comma is a number.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from archs.file_text import decoded, separated
from costmodel.devices import networks
from costmodel.devices.tables import NetworkTiming
from costmodel.errors import CostError

COLUMNS = ("network", "width", "resolution", "groups", "code", "latency_ms", "batch", "repeat")
NEEDED = ("network", "latency_ms")
MAX_BYTES = 2_000_000
MAX_ROWS = 5_000
MAX_COLUMNS = 64
MAX_PROBLEMS = 20
MAX_MS = 1e7
UNITS = {"latency_us": 1e-3, "latency_s": 1e3, "latency": None, "time": None, "ms": None}
"""Headers that mean the latency in another unit, or do not say which."""
FORMULA = re.compile(r"^[=+@]|^-[^0-9.,]")


class InvalidCell(NamedTuple):
    """One thing that is wrong: where, what was found, what is allowed."""

    row: int
    column: str
    text: str

    def __str__(self) -> str:
        where = f"row {self.row}" if self.row else "the file"
        return f"{where}, column {self.column}: {self.text}" if self.column else f"{where}: {self.text}"


class Line(NamedTuple):
    """A timing and the row that it stood in."""

    row: int
    timing: NetworkTiming


def read_path(path: str | Path) -> tuple[Line, ...]:
    """The timings of a file. Raises CostError with one line per problem."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"found a {type(path).__name__}; allowed: the path of a CSV with network and latency_ms")
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CostError(f"{path.name}: {size:,} bytes; a list of timings has up to {MAX_BYTES:,}")
        content = path.read_bytes()
    except OSError as error:
        raise CostError(f"{path}: {error.strerror}") from None
    return read(content, path.name)


def read(content: bytes, name: str) -> tuple[Line, ...]:
    """The timings of a file's content. Raises CostError with one line per problem."""
    if len(content) > MAX_BYTES:
        raise CostError(f"{name}: {len(content):,} bytes; a list of timings has up to {MAX_BYTES:,}")
    try:
        text = decoded(content)
    except ValueError:
        raise CostError(f"{name}: no text; save the sheet as CSV (UTF-8)") from None
    lines, problems = _lines(text)
    if problems:
        more = [f"and {len(problems) - MAX_PROBLEMS} more"] if len(problems) > MAX_PROBLEMS else []
        raise CostError("\n".join([f"{name}: {problem}" for problem in problems[:MAX_PROBLEMS]] + more))
    return lines


def _lines(text: str) -> tuple[tuple[Line, ...], list[InvalidCell]]:
    text, separator = separated(text, ";\t,")
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), MAX_ROWS + 1))
    except csv.Error as error:
        return (), [InvalidCell(0, "", f"no CSV: {error}")]
    rows = [[cell.strip() for cell in row] for row in rows]
    top = next((number for number, row in enumerate(rows) if any(row)), None)
    if top is None:
        return (), [InvalidCell(1, "", f"no header; needed: {', '.join(NEEDED)}; allowed: {', '.join(COLUMNS)}")]
    if len(rows) > MAX_ROWS:
        return (), [InvalidCell(0, "", f"over {MAX_ROWS:,} rows; allowed: up to {MAX_ROWS:,}")]
    if len(rows[top]) > MAX_COLUMNS:
        return (), [InvalidCell(top + 1, "", f"{len(rows[top]):,} columns; allowed: up to {MAX_COLUMNS}")]
    header = [cell.lower() for cell in rows[top]]
    if problems := list(_header(header, top + 1)):
        return (), problems
    found: list[Line] = []
    for number, row in enumerate(rows[top + 1 :], top + 2):
        if not any(row):
            continue
        if len(row) > len(header):
            extra = "a decimal comma in a file separated by commas?" if separator == "," else "too many cells"
            problems.append(InvalidCell(number, "", f"{len(row)} cells for {len(header)} columns; {extra}"))
            continue
        cells = dict(zip(header, row))
        cells["network"] = networks.spelled(cells.get("network", ""))
        bad, timing = _row(cells, number, separator)
        problems += bad
        if timing:
            found.append(Line(number, timing))
    if not found and not problems:
        problems.append(InvalidCell(2, "", "no timings; fill in latency_ms for the networks that were timed"))
    return tuple(found), [*problems, *_duplicates(found)]


def _header(header: list[str], number: int) -> Iterator[InvalidCell]:
    for name in header:
        if name in UNITS and "latency_ms" not in header:
            scale = UNITS[name]
            advice = (
                "say the unit: name it latency_ms" if scale is None else f"multiply by {scale:g}; name it latency_ms"
            )
            yield InvalidCell(number, name, f"the latency is in milliseconds; {advice}")
        elif name and name not in COLUMNS:
            yield InvalidCell(number, name[:40], f"no such column; allowed: {', '.join(COLUMNS)}")
        if name and header.count(name) > 1:
            yield InvalidCell(number, name[:40], "stands twice")
    for name in NEEDED:
        if name not in header and not (name == "latency_ms" and UNITS.keys() & set(header)):
            yield InvalidCell(number, name, f"is missing; found: {', '.join(filter(None, header))[:120]}")


def _row(cells: dict[str, str], number: int, separator: str) -> tuple[list[InvalidCell], NetworkTiming | None]:
    problems = [
        InvalidCell(number, column, f"found {cell[:40]!r}, a formula; paste the value")
        for column, cell in cells.items()
        if FORMULA.match(cell)
    ]
    if problems:
        return problems, None
    if not cells.get("latency_ms"):  # a network of the kit that was not timed
        unknown = cells["network"] not in networks.names()  # a row with another separator has all of it in this cell
        return [InvalidCell(number, "network", _unknown(cells["network"]))] if unknown else [], None
    numbers: dict[str, float] = {}
    for column in ("latency_ms", "width", "resolution", "groups", "batch", "repeat"):
        if cells.get(column):
            try:
                numbers[column] = _number(cells[column], column, separator)
            except ValueError as error:
                problems.append(InvalidCell(number, column, str(error)))
    if problems:
        return problems, None
    knobs: dict[str, object] = {"width": numbers["width"]} if "width" in numbers else {}
    knobs |= {column: int(numbers[column]) for column in ("resolution", "groups") if column in numbers}
    knobs |= {"code": cells["code"]} if cells.get("code") else {}
    try:
        knobs = networks.stated(cells["network"], **knobs)
    except CostError as error:
        text = str(error)
        column = next((knob for knob in networks.KNOBS if f"{knob}:" in text), "network")
        return [InvalidCell(number, column, text.removeprefix(f"{column}: "))], None
    timing = NetworkTiming(
        cells["network"], tuple(knobs.items()), int(numbers.get("batch", 1)), numbers["latency_ms"], "your timings"
    )
    return [], timing


def _unknown(name: str) -> str:
    if not name:
        return "is empty; write the network's name"
    return f"found {name[:60]!r} and no latency_ms; another separator than the header's?"


def _number(cell: str, column: str, separator: str) -> float:
    """The number of a cell. Raises ValueError that says what is wrong with it."""
    text = cell.replace(",", ".") if separator != "," and cell.count(",") == 1 and "." not in cell else cell
    unit = re.fullmatch(r"([\d.]+)\s*(us|µs|μs|s|ms|fps|Hz)", text)
    if unit and column == "latency_ms":
        raise ValueError(f"found {cell[:40]!r}; write the number alone, in milliseconds")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        comma = "; write the decimal point as '.'" if "," in cell else ""
        empty = "; leave it empty if it was not timed" if column == "latency_ms" and cell.isalpha() else ""
        raise ValueError(f"found {cell[:40]!r}; allowed: a number{comma}{empty}")
    value = float(text)
    if column == "latency_ms" and not 0 < value < MAX_MS:
        raise ValueError(f"found {cell[:40]}; allowed: milliseconds over 0 and under {MAX_MS:,.0f}")
    if column != "latency_ms" and value <= 0:
        raise ValueError(f"found {cell[:40]}; allowed: a number over 0")
    if column in ("resolution", "groups", "batch", "repeat") and value != int(value):
        raise ValueError(f"found {cell[:40]}; allowed: a whole number")
    if column == "batch" and value > 4096:
        raise ValueError(f"found {cell[:40]}; allowed: 1 to 4096")
    return value


TWICE = 1.5
"""Two timings of one network that differ by more than this factor contradict each other."""


def _duplicates(lines: list[Line]) -> Iterator[InvalidCell]:
    first: dict[tuple[str, int], Line] = {}
    for line in lines:
        key = line.timing.title, line.timing.batch
        other = first.setdefault(key, line)
        low, high = sorted((line.timing.latency_ms, other.timing.latency_ms))
        if other is not line and high > TWICE * low:
            earlier = f"{line.timing.latency_ms:g} ms for {line.timing.title}, which row {other.row} times at"
            yield InvalidCell(line.row, "latency_ms", f"{earlier} {other.timing.latency_ms:g} ms; keep the right one")
