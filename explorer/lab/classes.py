"""Classes in SQLite: a code that students join with, their predictions and results, kept over restarts of the server.

Start at `Classes`. Every text comes from outside: it is bounded and made plain before it is stored, and results are
validated by `record.read`. No page here.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from explorer.data.plain_text import plain
from explorer.errors import LabError
from explorer.lab import record

VARIABLE = "CNN_COST_DATA"
"""Environment variable: the folder of the database instead of the user's data folder."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is read as another
CODE = re.compile(f"[{LETTERS}]{{6}}")
STUDENT = re.compile("[0-9a-f]{32}")
MAX_CLASSES, MAX_STUDENTS, MAX_TOPICS = 500, 200, 64
MAX_NAME, MAX_ANSWER = 60, 300  # characters
UNUSED = 180 * 86_400.0  # seconds after which an unused class is removed
SCHEMA = """
CREATE TABLE IF NOT EXISTS classes (code TEXT PRIMARY KEY, key TEXT NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    code TEXT NOT NULL REFERENCES classes ON DELETE CASCADE, student TEXT NOT NULL, name TEXT NOT NULL,
    topic TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (code, student, topic, kind));
"""


class Contribution(NamedTuple):
    """A prediction ("the fastest → … → the slowest", or an option) or a result (CSV of `record`) of a student."""

    student: str
    """The name, with a number where two students have the same."""
    topic: str
    """What it is about: "G1", or the title of a lesson."""
    content: str
    at: float
    """Seconds since 1970."""


class Classes:
    """The database. Every method raises LabError where it cannot be used, or where a text is not valid."""

    def __init__(self, path: Path | None = None):
        self.path = path or folder() / "classes.sqlite3"

    def create(self) -> tuple[str, str]:
        """(code, key) of a new class: students join with the code, the key shows the results."""
        key = secrets.token_urlsafe(16)
        with self._open() as base:
            base.execute("DELETE FROM classes WHERE used < ?", (time.time() - UNUSED,))
            if base.execute("SELECT count(*) FROM classes").fetchone()[0] >= MAX_CLASSES:
                raise LabError(f"this server has {MAX_CLASSES} classes; delete one that is not used any more")
            code = "".join(secrets.choice(LETTERS) for _ in range(6))
            base.execute("INSERT INTO classes VALUES (?, ?, ?)", (code, _hash(key), time.time()))
        return code, key

    def exists(self, code: str) -> bool:
        with self._open() as base:
            return _found(base, code)

    def allows(self, code: str, key: str) -> bool:
        """Whether the key is that of the class."""
        with self._open() as base:
            row = base.execute("SELECT key FROM classes WHERE code = ?", (code,)).fetchone()
        return row is not None and secrets.compare_digest(row[0], _hash(key))

    def predict(self, code: str, student: str, name: str, topic: str, answer: str) -> None:
        """Store a student's prediction; a later one for the same topic replaces it."""
        self._store(code, student, name, topic, "prediction", plain(answer, MAX_ANSWER))

    def result(self, code: str, student: str, name: str, topic: str, text: str) -> None:
        """Store a student's result, a CSV of `record.to_csv`; a later one for the same topic replaces it."""
        record.read(text, "the result")
        self._store(code, student, name, topic, "result", text)

    def predictions(self, code: str) -> list[Contribution]:
        """In the order of their arrival."""
        return self._entries(code, "prediction")

    def results(self, code: str) -> list[Contribution]:
        return self._entries(code, "result")

    def delete(self, code: str) -> None:
        """Delete the class with all its predictions and results."""
        with self._open() as base:
            base.execute("DELETE FROM classes WHERE code = ?", (code,))

    def _store(self, code: str, student: str, name: str, topic: str, kind: str, content: str) -> None:
        if not STUDENT.fullmatch(student):
            raise LabError("student: found no identifier of this lab")
        name, topic = plain(name, MAX_NAME), plain(topic, MAX_NAME)
        if not name or not topic:
            raise LabError("name: the field is empty; enter your name or that of your machine")
        with self._open() as base:
            if not _found(base, code):
                raise LabError(f"class {plain(code, 12)}: not found on this server; ask your teacher for the code")
            others = base.execute(
                "SELECT count(DISTINCT student) FROM entries WHERE code = ? AND student != ?", (code, student)
            ).fetchone()[0]
            topics = base.execute(
                "SELECT count(DISTINCT topic) FROM entries WHERE code = ? AND student = ? AND topic != ?",
                (code, student, topic),
            ).fetchone()[0]
            if others >= MAX_STUDENTS or topics >= MAX_TOPICS:
                raise LabError(f"class {code} is full: up to {MAX_STUDENTS} students with {MAX_TOPICS} topics each")
            now = time.time()
            base.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",
                (code, student, name, topic, kind, content, now),
            )
            base.execute("UPDATE entries SET name = ? WHERE code = ? AND student = ?", (name, code, student))
            base.execute("UPDATE classes SET used = ? WHERE code = ?", (now, code))

    def _entries(self, code: str, kind: str) -> list[Contribution]:
        with self._open() as base:
            names = _names(
                base.execute(
                    "SELECT student, name FROM entries WHERE code = ? GROUP BY student ORDER BY min(at)", (code,)
                ).fetchall()
            )
            rows = base.execute(
                "SELECT student, topic, content, at FROM entries WHERE code = ? AND kind = ? ORDER BY at", (code, kind)
            ).fetchall()
        return [Contribution(names[student], topic, content, at) for student, topic, content, at in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection with one transaction."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=10)) as base, base:
                base.execute("PRAGMA foreign_keys = ON")
                base.executescript(SCHEMA)
                yield base
        except (OSError, sqlite3.Error) as error:
            raise LabError(
                f"the classes of this server are not available: {error}. Set {VARIABLE} to a writable folder"
            ) from error


def folder() -> Path:
    """The folder of this server's lasting data."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "cnn-cost"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _found(base: sqlite3.Connection, code: str) -> bool:
    return base.execute("SELECT 1 FROM classes WHERE code = ?", (code,)).fetchone() is not None


def _names(students: list[tuple[str, str]]) -> dict[str, str]:
    """Student → name, numbered where an earlier student has the same one."""
    found: dict[str, str] = {}
    for student, name in students:
        number, shown = 1, name
        while shown in found.values():
            number += 1
            shown = f"{name} ({number})"
        found[student] = shown
    return found
