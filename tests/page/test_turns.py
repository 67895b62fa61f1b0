"""The first pages of sessions are drawn in turns; nothing else waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event, Semaphore, local

import pytest

from explorer.page.browser import turns

SECONDS = 30


@pytest.fixture
def session(monkeypatch):
    """Each thread is a session. Afterwards all turns are free."""
    sessions = local()
    monkeypatch.setattr(turns, "memory", lambda: vars(sessions))
    free = Semaphore(turns.AT_ONCE)
    monkeypatch.setattr(turns, "_free", free)
    yield vars(sessions)
    assert all(free.acquire(blocking=False) for _ in range(turns.AT_ONCE))
    assert not free.acquire(blocking=False)


def test_so_many_first_pages_are_drawn_at_once_and_no_more(session):
    full, leave, order = Barrier(turns.AT_ONCE + 1), Event(), count()

    def draw() -> int:
        with turns.first_page():
            place = next(order)
            if place < turns.AT_ONCE:
                full.wait(SECONDS)
                leave.wait(SECONDS)
            return place

    with ThreadPoolExecutor(turns.AT_ONCE + 3) as pool:
        first = [pool.submit(draw) for _ in range(turns.AT_ONCE)]
        full.wait(SECONDS)
        later = [pool.submit(draw) for _ in range(3)]
        assert not any(one.done() for one in later)
        assert not any(one.done() for one in first)
        leave.set()
        assert sorted(one.result(SECONDS) for one in first + later) == list(range(turns.AT_ONCE + 3))


def test_later_pages_do_not_wait(session, monkeypatch):
    with turns.first_page():
        pass
    monkeypatch.setattr(turns, "_free", None)
    with turns.first_page():
        pass


def test_a_page_that_takes_too_long_holds_up_nobody(session, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    taken = [turns._free.acquire(blocking=False) for _ in range(turns.AT_ONCE)]
    with turns.first_page():
        assert all(taken)
    assert session[turns.DRAWN]
    for _ in taken:
        turns._free.release()


def test_a_first_page_that_was_stopped_gives_its_turn_back_and_has_another(session):
    for stop in (SystemExit, ValueError):
        with pytest.raises(stop), turns.first_page():
            raise stop
    assert turns.DRAWN not in session
