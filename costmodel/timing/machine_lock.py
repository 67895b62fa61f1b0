"""One timing at a time on this machine, whichever process does it: a file lock that ends with its process.

Two timings at once would measure each other. Start at `exclusive`; `holder` tells whether the lock is taken.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # no file locks on this platform: timings are not coordinated
    fcntl = None  # type: ignore[assignment]

NAME = "cnn-cost-timing.lock"
POLL = 0.5  # seconds


def path() -> Path:
    """The lock file, shared by all users of this machine."""
    return Path(tempfile.gettempdir()) / NAME


@contextlib.contextmanager
def exclusive(waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
    """Hold the lock. While another process has it, `waiting` is called once with a description of that process.

    A machine without file locks or with an unusable lock file is not coordinated.
    """
    handle = _open()
    if handle is None:
        yield
        return
    announced = False
    try:
        while not _try(handle):
            if not announced:
                waiting(_read(handle))
                announced = True
            time.sleep(POLL)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(handle)  # releases the lock


def holder() -> str:
    """A description of the process that holds the lock; empty if none does."""
    handle = _open()
    if handle is None:
        return ""
    try:
        return "" if _try(handle) else _read(handle)
    finally:
        os.close(handle)


def _open() -> int | None:
    if fcntl is None:
        return None
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        handle = os.open(path(), flags, 0o666)
        with contextlib.suppress(OSError):  # of another user: writable as it is
            os.fchmod(handle, 0o666)
        return handle
    return None


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(handle: int) -> str:
    text = os.pread(handle, 40, 0).decode("ascii", "replace")
    return text if text.isprintable() and text else "another process"
