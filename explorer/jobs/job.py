"""Long work in a process of its own: the page stays responsive, a stop is a stop, and no page's work is in the timings.

One at a time per server, whatever it is: two at once would time each other. What the process prints, one JSON object
per line, is all that comes back; what it writes on standard error goes to the log.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from costmodel import CostError

log = logging.getLogger("explorer")

ROOT = Path(__file__).resolve().parents[2]
_machine = threading.Lock()
_current: Job | None = None


class Busy(CostError):
    """The machine is timing something else; the message says what, and how long it may take."""


@dataclass(kw_only=True)
class Job:
    """Work that was started. Ask it from any thread; it ends by itself, by `stop`, at `limit`, or with this process.

    A kind of work says what it is, which process does it, and what that process says.
    """

    title: ClassVar[str]
    """What it is, for those who wait: "a calibration"."""
    worker: ClassVar[tuple[str, ...]]
    """The process: arguments of this Python."""
    limit: float = 120.0
    """Seconds after which it is ended, whatever it does."""
    problem: str = ""
    """Why there is no result, once it has ended without one."""
    started: float = field(default_factory=time.monotonic)
    _stopped: bool = False
    _timed_out: bool = False
    _process: subprocess.Popen | None = None
    _thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether somebody, or its limit, has ended it."""
        return self._stopped

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        raise NotImplementedError

    @property
    def status(self) -> str:
        """What it is doing."""
        raise NotImplementedError

    @property
    def remaining(self) -> float | None:
        """Seconds to go, at the pace so far; None before there is a pace, and never over the limit."""
        passed = time.monotonic() - self.started
        if self.progress < 0.02:
            return None
        return max(0.0, min(passed / self.progress, self.limit) - passed)

    @property
    def end_reason(self) -> str:
        """Why it ended without a result."""
        if self._timed_out:
            return f"not done after {self.limit:.0f} s, so it was ended"
        return "stopped" if self._stopped else "it ended by itself"

    def start(self, request: dict[str, Any]) -> None:
        """Start the process and give it the request. Raises Busy where the machine is timing something else."""
        global _current
        if not _machine.acquire(blocking=False):
            raise Busy(f"{_busy()}, and two at once would time each other: try again when it has ended")
        self.started = time.monotonic()
        self._thread = threading.Thread(target=self._follow, args=(json.dumps(request),), daemon=True)
        _current = self
        self._thread.start()

    def stop(self) -> None:
        """End it; what was measured is kept where there is a use for it."""
        self._stopped = True
        if self._process:
            self._process.terminate()

    def wait(self) -> None:
        if self._thread:
            self._thread.join()

    def read(self, message: dict[str, Any]) -> None:
        """Take what the process says."""
        raise NotImplementedError

    def end(self) -> None:
        """The process has ended and reported no problem: sets `problem` where the result is missing."""
        raise NotImplementedError

    def _follow(self, request: str) -> None:
        global _current
        try:
            self._run(request)
            if not self.problem:
                self.end()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.exception("%s failed", self.title)
            self.problem = f"it ended unexpectedly: {error}"
        finally:
            _current = None
            _machine.release()

    def _run(self, request: str) -> None:
        command = (sys.executable, *self.worker)
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            self._process = process
            alarm = threading.Timer(self.limit, self._time_out)
            alarm.daemon = True
            alarm.start()
            try:
                if self._stopped:
                    process.terminate()
                assert process.stdin
                assert process.stdout
                for send in (lambda: process.stdin.write(request), process.stdin.close):
                    with suppress(BrokenPipeError):  # stopped before it read the request
                        send()
                for line in process.stdout:
                    message = json.loads(line)
                    self.problem = message.get("problem", "")
                    self.read(message)
                if process.wait() and not self._stopped:
                    errors.seek(0)
                    log.error("%s ended with %s: %s", self.title, process.returncode, errors.read()[-4000:])
            finally:
                alarm.cancel()
                process.kill()

    def _time_out(self) -> None:
        self._timed_out = True
        self.stop()


def current() -> Job | None:
    """What this server is timing now."""
    return _current


def _busy() -> str:
    job = _current
    if job is None:
        return "another run is just ending"
    left = f", about {job.remaining:.0f} s to go" if job.remaining else ""
    return f"{job.title} is going on on this machine{left}"
