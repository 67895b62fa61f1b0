"""Try where results go before the work begins, and end commands on signals with one line."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from costmodel import CostError

ROOM = 16_000_000  # bytes; a profile with its raw timings takes up to 12,000,000
TEXT = 1_000_000  # bytes of a spec, a device profile or a Python file
INTERRUPTED = 130
"""The exit status after SIGINT and SIGTERM, as shells have it."""


def require_suffix(path: Path | None, suffix: str) -> None:
    """Raises CostError for a path of another suffix: the suffix says what the file holds.

    >>> require_suffix(Path("mine.json"), ".json"), require_suffix(None, ".json")
    (None, None)
    """
    if path is not None and path.suffix.lower() != suffix:
        raise CostError(f"{path}: found suffix {path.suffix!r}; allowed: {suffix}")


def require_folder(path: Path) -> None:
    """Raises CostError for a path that names a file: one with a suffix of letters that is no folder yet.

    >>> require_folder(Path("parts")), require_folder(Path("run.1"))
    (None, None)
    """
    if path.suffix[1:].isalpha() and not path.is_dir():
        raise CostError(f"{path}: found suffix {path.suffix!r}; allowed: a folder")


def check(path: Path, room: int = ROOM) -> None:
    """Raises CostError where a file cannot be written: no folder, a directory, not permitted, a full disk."""
    if path.is_dir():
        raise CostError(f"{path} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise CostError(f"{path.parent} is no directory; create it first")
    if path.exists() and not os.access(path, os.W_OK):
        raise CostError(f"{path}: not permitted to overwrite it")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", suffix=".draft") as draft:
            draft.write(bytes(room))
            draft.flush()
    except OSError as error:
        raise CostError(f"{path}: cannot be written there ({error.strerror})") from None


def or_temporary(path: Path | None, name: str) -> Path:
    """The path of a result, or one among the temporary files, for what an interrupt leaves.

    >>> or_temporary(Path("mine.json"), "cpu"), or_temporary(None, "a/b").name
    (PosixPath('mine.json'), 'a_b.json')
    """
    plain = re.sub(r"[^\w.-]", "_", name)
    return path or Path(tempfile.gettempdir()) / f"{plain}.json"


@contextmanager
def signals() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as SIGINT does; in a thread other than the main one nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
