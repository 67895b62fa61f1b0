"""Processes of workers, one of which may be started before it is asked for.

A worker loads PyTorch before it reads its request: seconds in which its visitor still looks for a file. A page that
leads to such a job calls `prepare`, and the job takes the process that waits.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

log = logging.getLogger("explorer")

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0
"""How long a process waits before it is ended."""
_lock = threading.Lock()
_starting: set[tuple[str, ...]] = set()
_waiting: dict[tuple[str, ...], tuple[Worker, threading.Event]] = {}
"""Arguments → the process that waits, and what tells its thread that it is not needed any more; one of each."""


class Worker(NamedTuple):
    """A process of its own, and the file that its standard error goes to."""

    process: subprocess.Popen[bytes]
    errors: IO[str]


def prepare(arguments: tuple[str, ...], niceness: int) -> None:
    """Start a worker that waits for its request, unless one does already.

    Args:
        arguments: of this Python, as in `Job.worker`.
        niceness: of the process, above the server's.
    """
    with _lock:
        if _alive(arguments) or arguments in _starting:
            return
        _starting.add(arguments)
    try:
        threading.Thread(target=_hold, args=(arguments, niceness), daemon=True).start()
    except RuntimeError:  # no thread is to be had: the job starts a process of its own
        _starting.discard(arguments)


@contextmanager
def worker(arguments: tuple[str, ...], niceness: int) -> Iterator[Worker]:
    """The worker that waits, or one that is started now; it is killed at the end."""
    with _lock:
        found = _waiting.pop(arguments) if _alive(arguments) else None
    if found is None:
        with _started(arguments, niceness) as new:
            yield new
        return
    ready, released = found
    try:
        yield ready
    finally:
        ready.process.kill()
        released.set()


def _alive(arguments: tuple[str, ...]) -> bool:
    """Whether a process waits; one that has ended by itself is forgotten."""
    found = _waiting.get(arguments)
    if found is not None and found[0].process.poll() is not None:
        del _waiting[arguments]
        found[1].set()
        found = None
    return found is not None


def _hold(arguments: tuple[str, ...], niceness: int) -> None:
    """The thread of a waiting process. It stays as long as the process: Linux ends that with the thread it is of."""
    released = threading.Event()
    try:
        with _started(arguments, niceness) as new:
            with _lock:
                _starting.discard(arguments)
                _waiting[arguments] = new, released
            released.wait(SECONDS)
            with _lock:
                unused = _waiting.get(arguments, (None, None))[1] is released
                if unused:
                    del _waiting[arguments]
            if not unused:
                released.wait()
    except OSError:
        log.exception("no process waits for %s", arguments)
    finally:
        with _lock:
            _starting.discard(arguments)


@contextmanager
def _started(arguments: tuple[str, ...], niceness: int) -> Iterator[Worker]:
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # in a session of its own: Ctrl-C in the server's terminal is the server's to handle
            (sys.executable, *arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        try:
            if niceness and hasattr(os, "setpriority"):
                own = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PROCESS, process.pid, own + niceness)
            yield Worker(process, errors)
        finally:
            process.kill()
