"""The queue of the guideline lab: one run at a time, equal requests share a run, finished runs stay for some minutes.

Start at `join`. The order is that of the requests; a run starts automatically when the machine is free. The timing is
in `explorer.lab.run`, its process in `explorer.jobs.lab`.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from costmodel import CostError
from explorer.errors import LabError
from explorer.jobs import job as base
from explorer.jobs import lab
from explorer.lab.experiment import Settings
from explorer.lab.run import SECONDS, Run

Networks = tuple[tuple[str, str], ...]
"""(row, spec as JSON) pairs."""

USUAL = 20.0  # seconds of a run before one has ended on this server
RECENT = 600.0  # seconds for which a finished run is offered
MAX_RECENT, MAX_WAITING = 64, 100
POLL = 0.5


@dataclass(eq=False)
class _Work:
    """One run that is waiting, going on or finished, and the tickets of those who asked for it."""

    networks: Networks
    settings: Settings
    seconds: float
    tickets: list[Ticket] = field(default_factory=list)
    job: lab.LabJob | None = None
    obstacle: str = ""
    """Why the machine is not free, although no run is before it."""
    done: bool = False
    run: Run | None = None
    problem: str = ""
    ended: float = 0.0

    @property
    def wanted(self) -> bool:
        return any(ticket.here for ticket in self.tickets)


@dataclass(eq=False)
class Ticket:
    """A visitor's place in the queue. Reads like a job: `running`, `run`, `problem`, `stopped`, `stop`, `wait`."""

    work: _Work
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Finds the ticket again after a reload."""
    present: Callable[[], bool] | None = None
    """Whether the visitor is still connected; without it the ticket stays."""
    keep: bool = False
    """Whether it stays in the queue without its visitor."""
    stopped: bool = False
    last_seen: float = field(default_factory=time.monotonic)

    @property
    def here(self) -> bool:
        return not self.stopped and (self.keep or time.monotonic() - self.last_seen < base.ABANDONED)

    @property
    def running(self) -> bool:
        """Whether a result is still to come."""
        return not self.work.done and self.work in _works and self in self.work.tickets

    @property
    def run(self) -> Run | None:
        return self.work.run if self in self.work.tickets else None

    @property
    def problem(self) -> str:
        return self.work.problem if self in self.work.tickets else ""

    @property
    def job(self) -> lab.LabJob | None:
        """The job of its run, once it has started."""
        return self.work.job

    @property
    def obstacle(self) -> str:
        """What the first run of the queue waits for, if it cannot start: a calibration, or another process."""
        return self.work.obstacle

    @property
    def ahead(self) -> int:
        """Number of runs before its own, the current one included."""
        with _lock:
            return _works.index(self.work) if self.work in _works else 0

    @property
    def shared(self) -> int:
        """Number of other visitors who asked for the same run."""
        return len(self.work.tickets) - 1

    @property
    def remaining(self) -> float:
        """Estimated seconds until its result."""
        return _until(self.ahead) if not self.job else _left(self.job)

    def stop(self) -> None:
        """Leave the queue. A run that nobody else waits for ends, and keeps its complete rounds."""
        with _lock:
            self.stopped = True
            alone = not self.work.wanted
            if self in self.work.tickets and (self.work.job is None or not alone):
                self.work.tickets.remove(self)
        if alone:
            _drop(self.work)

    def wait(self) -> None:
        while self.running:
            time.sleep(POLL / 10)


_lock = threading.RLock()
_works: deque[_Work] = deque()  # the first is the current one
_finished: deque[_Work] = deque(maxlen=MAX_RECENT)
_durations: deque[float] = deque(maxlen=8)
_server: threading.Thread | None = None


def join(
    networks: Sequence[tuple[str, str]],
    settings: Settings,
    seconds: float = SECONDS,
    present: Callable[[], bool] | None = None,
) -> Ticket:
    """A place in the queue for a run of (row, spec as JSON) pairs; that of an equal run that has not ended, if any.

    Raises LabError where the queue is full, and for networks that need too much memory or time.
    """
    global _server
    requested = tuple((row, text) for row, text in networks)
    try:
        lab.check(requested, settings)
    except CostError as error:
        raise LabError(str(error)) from None
    with _lock:
        wanted = (work for work in _works if work.wanted)  # any other is being stopped
        same = (one for one in wanted if (one.networks, one.settings, one.seconds) == (requested, settings, seconds))
        work = next(same, None)
        if work is None:
            if len(_works) >= MAX_WAITING:
                raise LabError(f"{len(_works)} runs are waiting; allowed: up to {MAX_WAITING}. Try again later")
            work = _Work(requested, settings, seconds)
            _works.append(work)
        ticket = Ticket(work, present=present)
        work.tickets.append(ticket)
        if _server is None or not _server.is_alive():
            _server = threading.Thread(target=_serve, daemon=True)
            _server.start()
    return ticket


def find(token: str) -> Ticket | None:
    """The ticket with this token, waiting or finished in the last minutes."""
    with _lock:
        return next((t for work in (*_works, *_finished) for t in work.tickets if t.token == token), None)


def recent(networks: Sequence[tuple[str, str]], settings: Settings) -> tuple[Run, float] | None:
    """(a complete run of equal networks and settings, its age in seconds), of the last minutes."""
    requested = tuple((row, text) for row, text in networks)
    now = time.monotonic()
    with _lock:
        for work in reversed(_finished):
            fits = (work.networks, work.settings) == (requested, settings)
            if fits and work.run and not work.run.stopped and now - work.ended < RECENT:
                return work.run, now - work.ended
    return None


def waiting() -> tuple[int, float]:
    """(number of runs before one that is asked for now, estimated seconds until it would start)."""
    with _lock:
        return len(_works), _until(len(_works)) - _usual()


def _usual() -> float:
    return statistics.fmean(_durations) if _durations else USUAL


def _left(job: base.Job) -> float:
    remaining = job.remaining
    return _usual() if remaining is None else remaining


def _until(ahead: int) -> float:
    """Seconds until the end of the run that has `ahead` runs before it."""
    current = base.current()
    first = _left(current) if current else 0.0
    before = ahead - (1 if current and _works and _works[0].job is current else 0)
    return first + (max(0, before) + 1) * _usual()


def _serve() -> None:
    """Run the works one after the other until none is left."""
    global _server
    while True:
        _look()
        with _lock:
            if not _works:
                _server = None
                return
            work = _works[0]
        if work.job is None:
            _begin(work)
        elif not work.job.running:
            _end(work)
            continue
        time.sleep(POLL / 5)


def _begin(work: _Work) -> None:
    try:
        work.job = lab.start(list(work.networks), work.settings, work.seconds)
        work.job.keep = True  # `_look` ends it when its visitors have left
        work.obstacle = ""
        with _lock:
            if work not in _works:  # they left while it was started
                work.job.stop()
    except base.Busy as busy:  # it is tried again
        work.obstacle = busy.reason
    except Exception as error:  # the next one is not affected
        base.log.exception("a run could not be started")
        work.problem = f"the run could not be started: {error}"
        _end(work)


def _end(work: _Work) -> None:
    job = work.job
    with _lock:
        if job:
            work.run, work.problem = job.run, job.problem
            if job.run and not job.run.stopped:
                _durations.append(time.monotonic() - job.started)
        work.ended, work.done = time.monotonic(), True
        if work in _works:
            _works.remove(work)
        _finished.append(work)


def _look() -> None:
    """Note which visitors are connected; drop the works that nobody waits for."""
    now = time.monotonic()
    with _lock:
        for work in list(_works):
            for ticket in work.tickets:
                if ticket.present is None or ticket.present():
                    ticket.last_seen = now
        left = [work for work in _works if not work.wanted]
    for work in left:
        _drop(work)


def _drop(work: _Work) -> None:
    with _lock:
        if work.job:
            work.job.stop()
        elif work in _works:
            _works.remove(work)
