"""Where a sweep's parts are computed: processes of this machine, or a Dask cluster. The sweep itself is not here.

Both are executors of `concurrent.futures`. dask's `distributed` is needed for the second one alone.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from archs import ArchError
from archs.errors import shorten

T = TypeVar("T")

WINDOW = 2
"""Calls that wait per worker: a sweep of any size takes no more memory."""
TIMEOUT = 20
"""Seconds until a scheduler must answer."""


def results(
    function: Callable[..., T], calls: list[tuple[Any, ...]], workers: int, scheduler: str | None = None
) -> Iterator[T]:
    """The function's results in the order in which they are done, at most `WINDOW` calls per worker under way.

    `scheduler`: the address of a Dask scheduler, whose workers are taken instead of `workers` processes here. Raises
    ArchError for a cluster that is not there and for workers that were killed.
    """
    if workers == 1 and scheduler is None:
        yield from (function(*call) for call in calls)
        return
    remaining = iter(calls)
    running: set[Future[T]] = set()
    with _dask(scheduler) if scheduler else _processes(workers) as (executor, count), _killed():
        while True:
            while len(running) < WINDOW * count and (call := next(remaining, None)):
                running.add(executor.submit(_then_freeze, function, *call))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def _then_freeze(function: Callable[..., T], *arguments: Any) -> T:
    """Call it in a process that does nothing else: its caches are not searched for garbage at the next call."""
    found = function(*arguments)
    gc.freeze()
    return found


@contextmanager
def _processes(workers: int) -> Iterator[tuple[Executor, int]]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_interrupts)
    try:
        yield pool, workers
    finally:  # after an interrupt, calls under way end and are dropped, and others are not begun
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal: the one that writes the results ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _dask(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError:
        raise ArchError(
            "--dask needs the package distributed; install it with `python -m pip install distributed`"
        ) from None
    try:
        client = Client(address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        reason = shorten(str(error))
        raise ArchError(f"no Dask scheduler at {shorten(address)} ({reason}); allowed: tcp://HOST:PORT") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ArchError(f"the Dask cluster at {shorten(address)} has no workers; start one with `dask worker`")
        yield client.get_executor(pure=False), threads


@contextmanager
def _killed() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise ArchError(LOST) from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # distributed's, which need not be installed
            raise ArchError(LOST) from None
        raise


LOST = "a worker process was killed; parts that were written stay, and the same command continues the sweep"
