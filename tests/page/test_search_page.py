"""The page "Search" without a browser: settings and their refusals, the result, the link, ticked cells, a reload."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from support import forms
from support.apptest import PAGES
from support.forms import fields, refusals, say, scenario_of, shown
from support.page_states import searching
from support.search_runs import TARGET_MS, ended

from explorer.data import profiles as devices
from explorer.editing.scenario import start
from explorer.jobs import search as jobs
from explorer.page.search import persistence
from explorer.page.state.session import SCENARIO
from explorer.search.runs.settings import OPEN, SearchSettings, of_parameters


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_string(PAGES["search"], default_timeout=60)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def settings_of(at: AppTest) -> SearchSettings:
    return at.session_state["memory"][persistence.SETTINGS]


def words(at: AppTest) -> str:
    return " ".join(part.value for part in (*at.caption, *at.markdown, *at.info, *at.warning)).replace("\\", "")


def test_without_a_target_there_is_no_search():
    at = opened()
    assert not at.exception
    assert "Type a target in milliseconds. MobileNetV2, width 1.0 needs" in words(at)
    assert fields(at)["start search"]["disabled"]
    say(at, "target", 12.5)
    assert scenario_of(at).target_ms == 12.5
    assert not fields(at)["start search"]["disabled"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("target", "soon", "allowed: a number"),
        ("target", -1, "allowed: 1e-06 to 1,000,000"),
        ("evaluations", 0, "allowed: a whole number from 1 to 2,000"),
        ("evaluations", "1e9", "allowed: a whole number from 1 to 2,000"),
        ("seed", "x", "found 'x'; allowed: a whole number"),
        ("w", 0.5, "allowed: -2 to 0"),
        ("w", "nan", "allowed: -2 to 0"),
    ],
)
def test_a_value_that_is_none_is_refused_beside_the_form(name, value, said):
    at = opened(target="10")
    before = settings_of(at)
    say(at, name, value)
    assert not at.exception
    assert said in " ".join(refusals(at))
    assert (settings_of(at), scenario_of(at).target_ms) == (before, 10.0)
    say(at, "seed", 7)
    assert refusals(at) == []


def test_the_link_opens_the_same_settings():
    at = opened(target="10")
    for name, value in (("space", "mobilenet_v3"), ("strategy", "random"), ("tier", "params"), ("w", -0.07)):
        say(at, name, value)
    say(at, "evaluations", 30)
    given = {name: at.query_params[name] for name in at.query_params}
    again = opened(**{name: value[0] if isinstance(value, list) else value for name, value in given.items()})
    assert settings_of(again) == settings_of(at) == SearchSettings("mobilenet_v3", "random", "params", 30, 0, -0.07)
    assert scenario_of(again).target_ms == 10.0


def test_a_mistyped_link_opens_the_defaults():
    given = {"space": "none", "seed": "1e400", "w": "inf", "evaluations": "-3", "cells": "x-y.0-kernel.9999999-se"}
    assert of_parameters(given) == SearchSettings()
    assert settings_of(opened(**given, target="<script>")) == SearchSettings()


def test_the_result_says_tier_interval_target_and_baselines():
    at = searching(done=True)
    assert not at.exception
    baselines, table = at.dataframe[0].value, at.dataframe[1].value
    assert list(baselines["baseline"]) == ["random search (8 evaluations)"]
    assert list(baselines["the search is"]) == ["not better"]
    assert list(table["network"]) == list(range(1, 9))
    assert table["published top-1, %"].is_monotonic_decreasing
    assert (table["low_ms"] < table["latency_ms"]).all()
    assert (table["high_ms"] <= TARGET_MS).all()
    assert set(table["target"]) == {"meets it"}
    assert table["difference"].str.contains("row").all()
    said = words(at)
    assert "it meets 5 ms with its whole interval" in said
    assert "The search does not beat random search (8 evaluations) with " in said
    assert "Published: CIFAR-10, mean of three runs" in said
    assert "Stopped" not in said


def test_a_search_that_does_not_beat_random_search_says_so(monkeypatch):
    job = ended(done=True)
    job.random = [replace(job.random[0], score=99.0), *job.random[1:]]
    monkeypatch.setattr("support.page_states.ended", lambda done, evaluations: job)
    at = searching(done=True)
    (warning,) = at.warning
    assert warning.value.replace("\\", "") == "The search does not beat random search (8 evaluations) with 99.0 %."
    assert list(at.dataframe[0].value["the search is"]) == ["not better"]


def test_a_stopped_search_can_be_continued():
    at = searching(done=False)
    assert "Stopped after 5 of 8 evaluations." in words(at)
    assert fields(at)["continue search"]["label"] == "Continue: 3 evaluations left"


def test_another_of_the_best_is_chosen():
    at = searching(done=True)
    say(at, "rank", 3)
    assert shown(at, "rank") == "3"
    assert not at.exception


def test_the_best_are_measured_where_the_profile_is_of_this_machine(monkeypatch):
    assert "the best networks can be measured here too" in words(searching(done=True))
    monkeypatch.setattr(devices, "here", lambda: ("cpu",))
    at = searching(done=True)
    assert at.button(key="measure finalists").label == "Measure the best 5 here"


def test_ticked_cells_are_a_space():
    at = searching(SearchSettings(space=OPEN))
    say(at, "start search")
    assert "no cell of the table is ticked" in at.error[0].value
    for number, (row, column, on) in enumerate([(2, "kernel", True), (2, "se", True), (99, "se", True)], 1):
        (cells,) = [node for node in at._tree if getattr(node, "key", None) == "search cells"]
        forms.report(at, cells.proto, "queue", {"events": [[number, row, column, on]]})
    assert settings_of(at).cells == ((2, "kernel"), (2, "se"))
    space = settings_of(at).made_space(scenario_of(at).spec)
    assert [choice.name for choice in space.choices] == ["row3.kernel", "row3.se"]


def test_a_reloaded_tab_finds_its_search(monkeypatch):
    job = ended(done=False)
    monkeypatch.setitem(jobs._jobs, job.token, job)
    at = AppTest.from_string(PAGES["search"], default_timeout=60)
    at.session_state["memory"] = {SCENARIO: replace(start(), target_ms=5.0)}
    at.run()
    (storage,) = [node for node in at._tree if getattr(node, "key", None) == "search storage"]
    forms.report(at, storage.proto, "queue", {"events": [[1, job.token, True]]})
    assert at.session_state["memory"][persistence.JOB] is job
    assert "Stopped after 5 of 8 evaluations." in words(at)
