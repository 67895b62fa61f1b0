"""A few pages are drawn at a time; one that takes long holds up nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep
from types import SimpleNamespace

import pytest

from explorer.page.browser import turns
from explorer.page.browser.turns import LONG, Turns

SECONDS = 30


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the module sees."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(turns, "monotonic", lambda: clock.now)
    return clock


def test_so_many_runs_go_on_and_no_more(clock):
    limited, full, leave = Turns(2), Barrier(3), Event()
    drawn: list[str] = []

    def draw(name: str) -> None:
        with limited.taken():
            if name == "first":
                full.wait(SECONDS)
                leave.wait(SECONDS)
            drawn.append(name)

    with ThreadPoolExecutor(5) as pool:
        runs = [pool.submit(draw, "first") for _ in range(2)]
        full.wait(SECONDS)
        runs += [pool.submit(draw, "later") for _ in range(3)]
        sleep(0.1)  # in which those without a turn would be drawn
        assert not drawn
        assert limited._to_wait() == LONG
        leave.set()
        for run in runs:
            run.result(SECONDS)
    assert drawn.count("first") == 2
    assert drawn.count("later") == 3


def test_a_run_that_takes_long_holds_up_nobody(clock):
    limited = Turns(1)
    with limited.taken():
        assert limited._to_wait() == LONG
        clock.now = LONG / 2
        assert limited._to_wait() == LONG / 2
        clock.now = LONG
        with limited.taken():
            assert limited._to_wait() == LONG
    assert limited._to_wait() == 0


@pytest.mark.parametrize("stop", [SystemExit, ValueError])
def test_a_run_that_is_stopped_gives_its_turn_back(stop):
    limited = Turns(1)
    with pytest.raises(stop), limited.taken():
        raise stop
    assert limited._to_wait() == 0


def test_an_edit_does_not_wait_behind_first_pages(clock, monkeypatch):
    """The first page is drawn when a run has come to its end."""
    session: dict[str, bool] = {}
    monkeypatch.setattr(turns, "memory", lambda: session)
    with pytest.raises(SystemExit), turns.page():
        raise SystemExit
    for limited in (turns.FIRST, turns.LATER):
        with turns.page():
            assert len(limited._began) == 1
