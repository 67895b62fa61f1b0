"""Long work in a process of its own, so that the page stays responsive and a stop ends it.

Jobs that time something exclude each other on the whole machine. Other jobs run beside them in two queues, MAX_OTHERS
at once of each: those of seconds never wait for those that may take an hour. The worker prints one JSON object per
line, {"raw": n} with n bytes behind it; its standard error goes to the log. Start at `Job`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from costmodel import CostError
from costmodel.timing import machine_lock
from explorer.jobs import standby

log = logging.getLogger("explorer")

MAX_OTHERS = 2  # jobs at once that time nothing, of each queue
MAX_WAITING = 40  # jobs that time nothing, waiting and running, of each queue
ABANDONED = 30.0  # seconds without a visitor after which a job ends
POLL = 0.5
NICENESS = 10  # of jobs that time nothing, above the server's
_timing = threading.Lock()
_others: list[Job] = []  # those that time nothing, in the order of their starts; the first MAX_OTHERS of a queue run
_turn = threading.Condition()
_current: Job | None = None


class Busy(CostError):
    """The machine is occupied by `reason`, which says how long it may take; `advice` is for who asked once."""

    def __init__(self, reason: str, advice: str = "try again later"):
        super().__init__(f"{reason}: {advice}")
        self.reason = reason


@dataclass(kw_only=True)
class Job:
    """Work in a process of its own. It ends by itself, by `stop`, at `limit`, or after its visitor has left.

    Methods are thread-safe. A subclass defines the worker and reads its messages.
    """

    title: ClassVar[str]
    """For messages: "a calibration"."""
    worker: ClassVar[tuple[str, ...]]
    """Arguments of this Python that start the worker."""
    timing: ClassVar[bool] = True
    """Whether it times something: such jobs exclude each other on the whole machine."""
    long: ClassVar[bool] = False
    """Whether it may take many minutes: such jobs have a queue of their own."""
    limit: float = 120.0
    """Time limit in seconds."""
    problem: str = ""
    """The reason for a missing result, after the end."""
    started: float = field(default_factory=time.monotonic)
    present: Callable[[], bool] | None = None
    """Whether its visitor is still connected; without it the job is nobody's in particular."""
    keep: bool = False
    """Whether it continues without its visitor."""
    _begun: bool = False
    """Whether its turn has come."""
    _stopped: bool = False
    _abandoned: bool = False
    _timed_out: bool = False
    _process: subprocess.Popen | None = None
    _thread: threading.Thread | None = None

    @classmethod
    def prepare(cls) -> None:
        """Start a worker that waits for a request, where the visitor is about to make one."""
        standby.prepare(cls.worker, cls._niceness())

    @classmethod
    def _niceness(cls) -> int:
        return 0 if cls.timing else NICENESS  # the pages of others come first

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether it was ended from outside."""
        return self._stopped

    @property
    def progress(self) -> float:
        """Completed share, 0 to 1."""
        raise NotImplementedError

    @property
    def status(self) -> str:
        """The current step."""
        raise NotImplementedError

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to go, at most to the limit; None while unknown."""
        passed = time.monotonic() - self.started
        if self.progress < 0.02:
            return None
        return max(0.0, min(passed / self.progress, self.limit) - passed)

    @property
    def end_reason(self) -> str:
        """The reason for an end without a result."""
        if self._abandoned:
            return "ended because its visitor had left"
        if self._timed_out:
            return f"not done after {self.limit:.0f} s, so it was ended"
        return "stopped" if self._stopped else "it ended by itself"

    def start(self, request: dict[str, Any], content: bytes = b"") -> None:
        """Start the process with the request and bytes behind it. Raises Busy while the machine is occupied."""
        line = json.dumps(request).encode() + b"\n"
        self._take_place()
        self.started = time.monotonic()
        self._thread = threading.Thread(target=self._follow, args=(line, content), daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no thread is to be had, and without one nobody would give the place back
            self._leave_place()
            raise

    def _take_place(self) -> None:
        """That of the machine's one timing, or one in the queue of the others. Raises Busy."""
        global _current
        if not self.timing:
            with _turn:
                if (waiting := len(self._queue())) >= MAX_WAITING:
                    raise Busy(f"{waiting} jobs of other visitors are running or waiting")
                _others.append(self)
            return
        if not _timing.acquire(blocking=False):
            raise Busy(_busy(), "try again when it has ended")
        if holder := machine_lock.holder():
            _timing.release()
            raise Busy(f"{holder} times networks on this machine, and two at once would time each other")
        _current = self

    def _leave_place(self) -> None:
        global _current
        if self.timing:
            _current = None
            _timing.release()
            return
        with _turn:
            _others[:] = [other for other in _others if other is not self]
            _turn.notify_all()

    def stop(self) -> None:
        """End it. Complete results are kept where they are useful."""
        self._stopped = True
        with _turn:
            _turn.notify_all()
        if self._process:
            self._process.terminate()

    def wait(self) -> None:
        if self._thread:
            self._thread.join()

    def read(self, message: dict[str, Any]) -> None:
        """Handle a message of the worker."""
        raise NotImplementedError

    def end(self) -> None:
        """Called after an end without a reported problem: set `problem` if the result is missing."""
        raise NotImplementedError

    def _follow(self, request: bytes, content: bytes) -> None:
        ended = threading.Event()
        try:
            threading.Thread(target=self._watch, args=(ended,), daemon=True).start()
            self._wait_for_turn()
            if not self._stopped:
                self._run(request, content)
            if not self.problem:
                self.end()
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            log.exception("%s failed", self.title)
            self.problem = f"it ended unexpectedly: {error}"
        finally:
            ended.set()
            self._leave_place()

    @property
    def ahead(self) -> int:
        """The jobs of its queue that it waits for; 0 once it runs."""
        place = next((i for i, other in enumerate(self._queue()) if other is self), -1)
        return max(0, place + 1 - MAX_OTHERS)

    def _queue(self) -> list[Job]:
        return [other for other in list(_others) if other.long == self.long]

    def _wait_for_turn(self) -> None:
        with _turn:
            while self.ahead and not self._stopped:
                _turn.wait()
        self.started = time.monotonic()
        self._begun = True

    def _run(self, request: bytes, content: bytes) -> None:
        with standby.worker(self.worker, self._niceness()) as (process, errors):
            self._process = process
            if self._stopped:
                process.terminate()
            assert process.stdin
            assert process.stdout
            for send in (lambda: process.stdin.writelines((request, content)), process.stdin.close):
                with suppress(BrokenPipeError):  # stopped before it read the request
                    send()
            for line in process.stdout:
                message = json.loads(line)
                if "raw" in message:
                    message["raw"] = process.stdout.read(message["raw"])
                self.problem = message.get("problem", "")
                self.read(message)
            if process.wait() and not self._stopped:
                errors.seek(0)
                log.error("%s ended with %s: %s", self.title, process.returncode, errors.read()[-4000:])

    def _watch(self, ended: threading.Event) -> None:
        """Stop the job at its limit, or when its visitor has been absent for ABANDONED seconds."""
        last_seen = time.monotonic()
        while not ended.wait(POLL):
            now = time.monotonic()
            if self.keep or self.present is None or self.present():
                last_seen = now
            self._timed_out = self._begun and now - self.started > self.limit
            self._abandoned = not self._timed_out and now - last_seen > ABANDONED
            if self._timed_out or self._abandoned:
                self.stop()
                return


def current() -> Job | None:
    """The timing job of this server."""
    return _current


def _busy() -> str:
    job = _current
    if job is None:
        return "another run is just ending"
    left = f", about {job.remaining:.0f} s to go" if job.remaining else ""
    return f"{job.title} is going on on this machine{left}"
