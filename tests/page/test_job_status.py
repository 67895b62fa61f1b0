from __future__ import annotations

import pytest
import streamlit

from explorer.jobs.lab_queue import Ticket, _Work
from explorer.lab.experiment import Settings
from explorer.page.widgets import job_status


class Rerun(Exception): ...


def _rerun() -> None:
    raise Rerun


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 2), (1, 2), (2, 10), (19, 10)])
def test_a_place_far_back_looks_seldom(monkeypatch, ahead, seconds):
    """Twenty waiting browsers took two cores of the machine that was timed."""
    looks: list[float] = []
    ticket = Ticket(_Work((), Settings(), 1.0))
    monkeypatch.setattr(Ticket, "ahead", ahead)
    monkeypatch.setattr(Ticket, "running", True)
    monkeypatch.setattr(streamlit, "fragment", lambda function, run_every: lambda *_: looks.append(run_every))
    job_status.follow(ticket, "key", "help")
    assert looks == [seconds]


@pytest.mark.parametrize(("ahead", "soon"), [(1, False), (2, True)])
def test_a_place_that_comes_near_is_drawn_again(monkeypatch, ahead, soon):
    monkeypatch.setattr(Ticket, "ahead", ahead)
    monkeypatch.setattr(Ticket, "running", True)
    monkeypatch.setattr(streamlit, "rerun", _rerun)
    with pytest.raises(Rerun):
        job_status._follow_queue(Ticket(_Work((), Settings(), 1.0)), "key", soon)
