"""The lab's queue: order, equal requests, leaving, finished runs; the jobs are replaced by ones that end on command."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from support.lab_runs import run_of, until

from explorer.errors import LabError
from explorer.jobs import job, lab, lab_queue
from explorer.jobs.job import Busy
from explorer.lab.experiment import Settings
from explorer.lab.run import Run


@dataclass
class Fake:
    """A job without a process."""

    networks: list
    running: bool = True
    run: Run | None = None
    problem: str = ""
    progress: float = 0.5
    remaining: float | None = 7.0
    started: float = field(default_factory=time.monotonic)
    keep: bool = False

    def end(self, stopped: bool = False) -> None:
        self.run = run_of(("a", "b"), [(1.0, 2.0)] * 5, stopped=stopped)
        self.running = False

    def stop(self) -> None:
        if self.running:
            self.end(stopped=True)


@pytest.fixture
def started(monkeypatch):
    """The jobs in the order of their start; an item of `refusals` is raised instead."""
    jobs = []

    def start(networks, settings, seconds):
        if refusals:
            raise refusals.pop()
        jobs.append(Fake(networks))
        return jobs[-1]

    refusals = []
    monkeypatch.setattr(lab, "start", start)
    monkeypatch.setattr(lab_queue, "POLL", 0.02)
    monkeypatch.setattr(lab, "check", lambda *_: None)  # the requests here are no networks
    start.jobs, start.refusals = jobs, refusals
    lab_queue._finished.clear()
    yield start
    for made in jobs:
        made.stop()
    for work in list(lab_queue._works):
        lab_queue._drop(work)
    until(lambda: not lab_queue._works)


def ask(name, **more):
    return lab_queue.join([(name, "{}")], Settings(), **more)


def test_runs_start_by_themselves_in_the_order_of_the_requests(started):
    tickets = [ask(name) for name in "abc"]
    until(lambda: started.jobs)
    assert [ticket.ahead for ticket in tickets] == [0, 1, 2]
    waits = [ticket.remaining for ticket in tickets]
    assert waits == sorted(waits)
    assert waits[0] == 7.0  # the job's own estimate
    assert lab_queue.waiting()[0] == 3
    for number, ticket in enumerate(tickets):
        until(lambda number=number: len(started.jobs) == number + 1)
        assert started.jobs[number].networks == [("abc"[number], "{}")]
        assert ticket.running
        started.jobs[number].end()
        ticket.wait()
        assert ticket.run is started.jobs[number].run
    assert lab_queue.waiting()[0] == 0


def test_equal_requests_share_a_run(started):
    first, other, second = ask("a"), ask("b"), ask("a")
    until(lambda: started.jobs)
    assert (first.ahead, other.ahead, second.ahead) == (0, 1, 0)
    assert (first.shared, other.shared) == (1, 0)
    started.jobs[0].end()
    first.wait()
    assert first.run is second.run is started.jobs[0].run
    assert not second.running
    until(lambda: len(started.jobs) == 2)
    assert started.jobs[1].networks == [("b", "{}")]


def test_a_busy_machine_is_asked_again(started):
    started.refusals += [Busy("a calibration"), Busy("a calibration")]
    ticket = ask("a")
    until(lambda: started.jobs)
    assert ticket.running
    assert not ticket.problem


def test_who_waits_is_told_for_what(started):
    """Another process may hold the machine for as long as it likes: the page said "Next in the queue" alone."""
    refused = Busy("process 7 times networks on this machine")
    started.refusals += [refused] * 500
    ticket = ask("a")
    until(lambda: ticket.obstacle)
    assert ticket.obstacle == "process 7 times networks on this machine"
    assert str(refused) == f"{ticket.obstacle}: try again later"
    started.refusals.clear()
    until(lambda: started.jobs and not ticket.obstacle)


def test_a_run_that_cannot_start_is_a_message_and_the_next_one_starts(started):
    started.refusals.append(OSError("no processes"))
    broken, next_one = ask("a"), ask("b")
    broken.wait()
    assert "could not be started: no processes" in broken.problem
    until(lambda: started.jobs)
    assert next_one.running


def test_leaving(started):
    alone, waiting, sharing, other = ask("a"), ask("b"), ask("c"), ask("c")
    until(lambda: started.jobs)
    waiting.stop()
    waiting.stop()  # two presses of one button
    assert not waiting.running
    assert sharing.ahead == 1
    alone.stop()  # its complete rounds are kept
    alone.wait()
    assert alone.run.stopped
    until(lambda: len(started.jobs) == 2)
    sharing.stop()
    assert not sharing.running
    assert other.running, "the run goes on for the other visitor"
    assert started.jobs[1].running


def test_a_visitor_who_has_left_is_dropped(started, monkeypatch):
    monkeypatch.setattr(job, "ABANDONED", 0.05)
    gone, kept = ask("a", present=lambda: False), ask("b", present=lambda: False)
    kept.keep = True
    until(lambda: not gone.running)
    until(lambda: started.jobs and started.jobs[-1].networks == [("b", "{}")])
    assert kept.running


def test_a_finished_run_is_offered_for_some_minutes(started, monkeypatch):
    request = [("a", "{}")], Settings()
    assert lab_queue.recent(*request) is None
    ticket = ask("a")
    until(lambda: started.jobs)
    assert lab_queue.find(ticket.token) is ticket
    started.jobs[0].end()
    ticket.wait()
    run, age = lab_queue.recent(*request)
    assert run is ticket.run
    assert 0 <= age < lab_queue.RECENT
    assert lab_queue.find(ticket.token) is ticket  # a page that was reloaded meanwhile
    assert lab_queue.recent(request[0], Settings(batch=2)) is None
    monkeypatch.setattr(lab_queue, "RECENT", 0)
    assert lab_queue.recent(*request) is None


def test_a_stopped_run_is_not_offered(started):
    ticket = ask("a")
    until(lambda: started.jobs)
    ticket.stop()
    ticket.wait()
    assert lab_queue.recent([("a", "{}")], Settings()) is None


def test_a_full_queue_is_a_message(started, monkeypatch):
    monkeypatch.setattr(lab_queue, "MAX_WAITING", 2)
    ask("a"), ask("b")
    with pytest.raises(LabError, match="2 runs are waiting"):
        ask("c")
    assert ask("b").running  # an equal one needs no place
