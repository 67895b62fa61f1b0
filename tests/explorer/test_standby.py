"""A worker that waits is taken by the next job, and ends when nobody takes it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from explorer.jobs import job, standby

ECHO = 'import os, sys; print(f\'{{"found": {os.getpid()}, "said": {sys.stdin.readline().strip()}}}\', flush=True)'


@dataclass(kw_only=True)
class Echo(job.Job):
    title: ClassVar[str] = "an echo"
    worker: ClassVar[tuple[str, ...]] = ("-c", ECHO)
    timing: ClassVar[bool] = False
    found: int = 0
    said: Any = None

    def read(self, message: dict[str, Any]) -> None:
        self.found, self.said = message["found"], message["said"]

    def end(self) -> None: ...


def waiting() -> int:
    """The process that waits, once it does."""
    deadline = time.monotonic() + 20
    while Echo.worker not in standby._waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    return standby._waiting[Echo.worker][0].process.pid


def run(request: dict[str, Any]) -> Echo:
    echo = Echo()
    echo.start(request)
    echo.wait()
    assert not echo.problem
    return echo


def gone(process: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_the_next_job_takes_it_and_the_one_after_has_its_own():
    Echo.prepare()
    Echo.prepare()
    process = waiting()
    first, second = run({"n": 1}), run({"n": 2})
    assert (first.found, first.said) == (process, {"n": 1})
    assert second.found != process
    assert second.said == {"n": 2}
    assert gone(process)


def test_it_ends_when_nobody_takes_it(monkeypatch):
    monkeypatch.setattr(standby, "SECONDS", 0.1)
    Echo.prepare()
    process = waiting()
    assert gone(process)
    assert Echo.worker not in standby._waiting
    assert run({}).found != process


def test_one_that_has_failed_is_not_taken():
    Echo.prepare()
    os.kill(waiting(), signal.SIGKILL)
    standby._waiting[Echo.worker][0].process.wait()
    assert run({"n": 3}).said == {"n": 3}
