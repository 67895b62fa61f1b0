"""The page of all thirteen comparisons without a browser: what is said, and one button for all runs."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from support.lab_pages import clean, fake, said, show
from support.lab_runs import until

from explorer.jobs import lab_queue
from explorer.jobs.lab import LabJob
from explorer.lab.experiment import experiment

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")


def held() -> AppTest:
    return show("from explorer.page.lab import all_guidelines\nall_guidelines.render()")


def test_what_held_here_before_and_after():
    at = held()
    assert at.button(key="measure several").label == "Measure all 7"  # G4 has one set of widths for both
    assert "**GPU, ×1: none of the 13 comparisons is measured yet.**" in said(at)
    assert len(at.dataframe[0].value) == 13
    runs = {}
    for number in (1, 2, 3, 4):
        made = experiment(number, "GPU")
        step = 0.9 if number == 4 else 1.1
        runs[tuple(v.spec for v in made.variants), made.settings] = fake(
            made, [step**n for n in range(len(made.variants))]
        )
    made = experiment(1)
    runs[tuple(v.spec for v in made.variants), made.settings] = fake(made, (1, 1.1, 1.2, 0.9))
    at.session_state["lab runs"] = runs
    clean(at.run())
    assert at.button(key="measure several").label == "Measure the missing of 7"
    assert "**GPU, ×1: agrees in 13 of 13 comparisons (G1 3 of 3, G2 3 of 3, G3 4 of 4, G4 3 of 3).**" in said(at)
    assert "differs here: G1 c1:c2 = 1:12; 7 not measured yet.**" in said(at)
    assert "✗ differs here: **G1 c1:c2 = 1:12**, 0.90× the first row's time here" in said(at)
    table = at.dataframe[0].value
    assert list(table["verdict, GPU"]) == ["✓ agrees"] * 13
    assert list(table["verdict, ARM"])[:4] == ["✓ agrees", "✓ agrees", "✗ differs here", "not measured"]
    assert list(table["verdict, ARM"])[-3:] == ["✓ agrees"] * 3


@pytest.mark.slow
def test_everything_is_measured_one_after_the_other(monkeypatch):
    """The queue goes on by itself, and a stop ends it with what was measured kept."""
    started = []

    def start(networks, settings, seconds):
        job = LabJob(tuple(row for row, _ in networks), settings, planned=10)
        job.least = tuple(1 + n / 10 for n in range(len(networks)))
        job.rounds = [job.least] * 5
        started.append(job)
        return job

    monkeypatch.setattr("explorer.jobs.lab.start", start)
    monkeypatch.setattr(LabJob, "running", property(lambda job: job.run is None and not job.problem))
    at = held()
    clean(at.button(key="measure several").click().run())
    for number in range(3):
        until(lambda number=number: len(started) == number + 1)
        started[-1].end()
        at.session_state["lab job"][1].wait()
        clean(at.run())
    assert len(at.session_state["lab runs"]) == 3
    until(lambda: len(started) == 4)
    ticket = at.session_state["lab job"][1]
    ticket.stop()
    started[-1].end()
    ticket.wait()
    clean(at.run())
    assert len(started) == 4
    assert len(at.session_state["lab runs"]) == 4
    assert at.button(key="measure several").label == "Measure the missing of 7"


def test_a_refusal_ends_the_sequence(monkeypatch):
    """Every later run of the page asked again, and offered no button."""
    monkeypatch.setattr(lab_queue, "MAX_WAITING", 0)
    at = held()
    clean(at.button(key="measure several").click().run())
    assert "0 runs are waiting; allowed: up to 0" in at.warning[0].value
    assert at.button(key="measure several").label == "Measure all 7"
    clean(at.run())
    assert not at.warning
