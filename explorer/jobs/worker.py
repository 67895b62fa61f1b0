"""Shared parts of the worker processes: JSON messages, errors as one sentence, memory limit, timing lock, their end.

A worker ends with the process that started it, whatever ends that one.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from archs import ArchError
from costmodel import CostError
from costmodel.timing import machine_lock
from explorer.jobs.address_space import MAX_ADDRESS_SPACE, limit_memory, out_of_memory

PR_SET_PDEATHSIG = 1  # of Linux's prctl


def send(**message: object) -> None:
    """One message to the server: a line of JSON."""
    print(json.dumps(message), flush=True)


def send_raw(content: bytes) -> None:
    """Bytes behind a message that says how many."""
    send(raw=len(content))
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def request(load: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The request: the first line of standard input. From here on the process ends with the one that started it.

    Args:
        load: is called before the request is waited for.
    """
    _end_with_server()
    load()
    return json.loads(sys.stdin.buffer.readline())


def rest() -> bytes:
    """The bytes behind the request."""
    return sys.stdin.buffer.read()


def _end_with_server() -> None:
    """A server that is killed stops no worker: the kernel does, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def working(
    device: str = "cpu", timing: bool = True, memory: int = MAX_ADDRESS_SPACE, uses_torch: bool = True
) -> Iterator[None]:
    """The worker's body: within the memory limit, alone on the machine if it times; errors become a `problem`."""
    try:
        limit_memory(device, memory, uses_torch)
        if timing:
            with machine_lock.exclusive():
                yield
        else:
            yield
    except (ArchError, CostError) as error:
        send(problem=str(error))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        send(problem=f"out of memory: it needs more than {memory / 1e9:.0f} GB")
