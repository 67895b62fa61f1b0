"""The page "Search": w from published networks, distributions, finalists measured at once, and the search by layers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from support import forms
from support.apptest import PAGES
from support.forms import fields, say, scenario_of
from support.page_states import adapting, page, searching
from support.search_runs import adapted, ended

import costmodel
from explorer.data import profiles as devices
from explorer.data.metrics import number
from explorer.editing.scenario import start
from explorer.jobs import adapt as adaptations
from explorer.page.lab import measure
from explorer.page.search import adapting as layers
from explorer.page.search import persistence
from explorer.page.search.result import WATCHED
from explorer.page.state.session import SCENARIO
from explorer.search.runs.adaptation import AdaptSettings
from explorer.search.runs.published_front import predicted


def said(at: AppTest) -> str:
    return " ".join(part.value for part in (*at.caption, *at.markdown, *at.info, *at.warning)).replace("\\", "")


def memory_of(at: AppTest) -> dict[str, object]:
    return at.session_state["memory"]


@pytest.mark.slow
def test_the_exponent_near_the_target_is_offered_and_taken():
    assert "Too few of them are near 5 ms for a slope" in said(searching())
    at = searching(target_ms=12.0)
    w = predicted(costmodel.load_profile("cpu")).w(12.0)
    assert fields(at)["use w"]["label"] == f"Use w = {number(w, 'g')}"
    assert "the slope is 0.16 from 10 to 25 ms" in said(at)
    say(at, "use w")
    assert memory_of(at)[persistence.SETTINGS].w == w
    assert not at.exception


@pytest.mark.slow
def test_a_search_of_many_networks_shows_their_distribution():
    assert "Kolmogorov-Smirnov" not in said(searching(done=True))
    at = searching(done=True, evaluations=24)
    assert not at.exception
    assert "Kolmogorov-Smirnov statistic: D = " in said(at)


@pytest.mark.parametrize(("watched", "begun"), [(True, 1), (False, 0)])
def test_finalists_are_measured_when_a_watched_search_ends(monkeypatch, watched, begun):
    job, started = ended(done=True), []
    monkeypatch.setattr(devices, "here", lambda: ("cpu",))
    monkeypatch.setattr(measure, "_start", lambda networks, settings: started.append(networks))
    memory = {SCENARIO: replace(start(), target_ms=5.0), persistence.JOB: job}
    at = page("search", memory=memory | ({WATCHED: job.token} if watched else {}))
    at.run()
    assert len(started) == begun
    assert at.button(key="measure finalists").label == "Measure the best 5 here"


def test_a_search_by_layers_shows_its_settings_and_is_in_the_link():
    at = adapting()
    assert "start adapt" in fields(at)
    assert "start search" not in fields(at)
    for name, value in (("method", "original"), ("adapt tier", "params"), ("whole interval", False)):
        say(at, name, value)
    assert memory_of(at)[persistence.ADAPT_SETTINGS] == AdaptSettings("original", "params", False)
    again = AppTest.from_string(PAGES["search"], default_timeout=60)
    for name in ("by", "method", "score", "meets"):
        value = at.query_params[name]
        again.query_params[name] = value[0] if isinstance(value, list) else value
    again.run()
    assert memory_of(again)[persistence.ADAPT_SETTINGS] == AdaptSettings("original", "params", False)
    say(again, "search kind", persistence.BLOCKS)
    assert "start search" in fields(again)


@pytest.mark.slow
def test_an_adaptation_says_what_it_has_done():
    job = adapted(done=True)
    at = adapting(done=True)
    assert not at.exception
    assert "in 2 steps" in said(at)
    assert "The last network meets" in said(at)
    assert list(at.dataframe[0].value["step"]) == [0, 1, 2]
    stopped = adapting(done=False)
    assert "Stopped after 1 steps" in said(stopped)
    assert fields(stopped)["continue adapt"]["label"] == "Continue after step 1"
    assert len(layers._proposals(job)) > 2


@pytest.mark.slow
def test_a_reloaded_tab_finds_its_adaptation(monkeypatch):
    job = adapted(done=False)
    monkeypatch.setitem(adaptations._jobs, job.token, job)
    at = page("search", memory={SCENARIO: replace(start(), target_ms=5.0)})
    (storage,) = [node for node in at._tree if getattr(node, "key", None) == "search storage"]
    forms.report(at, storage.proto, "queue", {"events": [[1, job.token, True]]})
    assert memory_of(at)[persistence.ADAPT_JOB] is job
    assert "Stopped after 1 steps" in said(at)
    assert scenario_of(at).target_ms == 5.0
