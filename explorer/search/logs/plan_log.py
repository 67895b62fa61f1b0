"""A file of JSON lines: the plan of a search, then a line per entry. A killed run of the same plan continues from it.

A line that was cut short is taken back; a file of another plan is refused, never overwritten. What an entry is, the
subclasses know.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from math import isnan, nan
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from archs import ArchError
from archs.errors import shorten

Entry = TypeVar("Entry")
TYPES: dict[Any, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str, "bool": bool}
LARGEST = 1e300
"""Of a number: sums and products of a few stay finite."""
LONGEST = 300  # characters of a reason


class PlanLog(ABC, Generic[Entry]):
    """The entries of one plan in a file. `plan` is JSON."""

    FORMAT: ClassVar[str]
    OF: ClassVar[str]
    """What it is a log of, with its article."""
    UNIT: ClassVar[str]
    """What an entry is, in the plural."""

    def __init__(self, path: Path, plan: Mapping[str, Any]):
        self.path = path
        self.entries: list[Entry] = []
        self._header = line_of({"format": self.FORMAT, "plan": dict(plan)})
        content = path.read_bytes() if path.exists() else b""
        whole, _, _ = content.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        if not lines:
            if not self._header.startswith(content):
                raise self._no_log()
            self._write(self._header, 0)
            return
        self._check(lines[0])
        for number, line in enumerate(lines[1:], 2):
            try:
                self.entries.append(self.read(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ArchError(
                    f"{path}, line {number} is damaged ({reason_of(error)}); remove it and the lines after it"
                ) from None
        self._end = len(whole) + 1

    @abstractmethod
    def read(self, row: Any) -> Entry:
        """An entry from its JSON. Raises ValueError, KeyError or TypeError for one that is damaged."""

    @abstractmethod
    def row(self, entry: Entry) -> dict[str, Any]:
        """An entry as JSON."""

    def append(self, entry: Entry) -> None:
        """Write an entry. Raises ArchError where it cannot be written; the entries before stay."""
        self._write(line_of(self.row(entry)), self._end)
        self.entries.append(entry)

    def _check(self, line: bytes) -> None:
        try:
            found = json.loads(line)
            theirs = found["plan"]
            known = found["format"] == self.FORMAT and isinstance(theirs, dict)
        except (ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            raise self._no_log()
        ours = json.loads(self._header)["plan"]
        if differing := sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)):
            name = differing[0]
            raise ArchError(
                f"{self.path} is of another search: {name} is {shorten(theirs.get(name))} there and "
                f"{shorten(ours.get(name))} here; allowed: equal arguments, or another file"
            )

    def _no_log(self) -> ArchError:
        return ArchError(f"{self.path} is no log of {self.OF}; allowed: one, or a new file")

    def _write(self, content: bytes, at: int) -> None:
        """Write behind the whole lines; a line that is cut short by a full disk is taken back."""
        try:
            with self.path.open("r+b" if self.path.exists() else "wb") as file:
                file.truncate(at)
                file.seek(at)
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), at)
                    raise
        except OSError as error:
            raise self.full(self.path, error) from None
        self._end = at + len(content)

    def full(self, path: Path, error: OSError) -> ArchError:
        """The error for a file that cannot be written."""
        kept = f"the {len(self.entries)} {self.UNIT} before are kept" if self.entries else "nothing was there yet"
        return ArchError(f"{path} cannot be written ({error.strerror or error}); {kept}; run it again to continue")


def line_of(document: Mapping[str, Any]) -> bytes:
    """A document as one line of JSON."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def reason_of(error: Exception) -> str:
    """The first line of why a file was refused, cut short."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return first[:LONGEST] if isinstance(error, ArchError) else shorten(first)


def without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose NaN are null, as JSON has no NaN."""
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in row.items()}


def with_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `without_nan`. Raises ArchError for what is no row."""
    if not isinstance(row, Mapping):
        raise ArchError(f"found {shorten(row)}; allowed: an object")
    return {name: nan if value is None else value for name, value in row.items()}


def check_types(kind: type[Any], row: Mapping[str, Any]) -> None:
    """Raises ArchError for a row without a field of a dataclass `kind`, or with a key that is none, and for a number,
    text or bool that is none; NaN is a float.
    """
    names = [field.name for field in fields(kind)]
    if differing := sorted(names ^ row.keys()):
        lack = "missing" if differing[0] in names else "unknown"
        raise ArchError(f"{shorten(differing[0])} is {lack}; allowed: {', '.join(names)}")
    for field in fields(kind):
        value: Any = row.get(field.name)
        types = TYPES.get(field.type)
        if types is None:
            continue
        is_other = not isinstance(value, types) or isinstance(value, bool) != (field.type == "bool")
        if is_other or (not isinstance(value, str) and value == value and abs(value) > LARGEST):
            raise ArchError(f"{field.name} is {shorten(value)}; allowed: {field.type}")
