"""The panels Budget and Designs, as a browser reports their controls."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, check
from support.forms import components, fields, memory_of, refusals, report, say, scenario_of, tiles

import archs
from explorer.editing import designs
from explorer.editing.designs import Design
from explorer.page.state import collection


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def of_address(at: AppTest) -> dict[str, str]:
    return {name: at.query_params[name] for name in at.query_params}


def browser_stores(at: AppTest, text: str) -> AppTest:
    """The answer of the script that keeps the collection."""
    for component in components(at):
        told = json.loads(component.json)
        if told.get("storage") == collection.STORAGE:
            return report(at, component, "queue", {"events": [[told["acknowledged"] + 1, text, False]]})
    raise AssertionError("nothing keeps the collection")


@pytest.mark.slow
def test_a_budget_gives_candidates_that_open_and_stays_over_a_reload():
    at = opened(panel="Budget")
    assert "Type a target" in at.info[0].value
    say(at, "target", 20)
    say(at, "least", 70)
    check(at)
    buttons = [
        part["label"] for name, part in fields(at).items() if name.startswith("open ") and part["kind"] == "button"
    ]
    assert len(buttons) > 5
    again = opened(**of_address(at))
    assert (scenario_of(again).target_ms, scenario_of(again).least_pct) == (20, 70)
    before = scenario_of(at).spec
    say(at, "open 1")
    check(at)
    assert scenario_of(at).spec != before
    say(at, "undo")
    assert scenario_of(at).spec == before


def test_a_limit_that_is_none_stays_beside_its_field():
    at = opened(panel="Budget")
    say(at, "target", "fast")
    assert any("found 'fast'; allowed: a number" in words for words in refusals(at))
    assert scenario_of(at).target_ms is None
    say(at, "target", 0.001)
    assert "No candidate is within these limits" in at.warning[0].value
    say(at, "profile", "")
    assert "needs a device" in at.info[0].value


def test_designs_are_kept_named_opened_and_removed():
    at = opened(panel="Designs")
    browser_stores(at, "")
    say(at, "name", "first")
    say(at, "keep version")
    say(at, "whole hard_swish")
    say(at, "name", "first")
    say(at, "keep version")
    assert any("'first', which another design has" in words for words in refusals(at))
    say(at, "name", "second")
    say(at, "keep version")
    check(at)
    assert [one.name for one in memory_of(at)[collection.KEY]] == ["first", "second"]
    assert at.dataframe[0].value.columns.tolist() == ["", "first", "second"]
    say(at, "open first")
    assert scenario_of(at).spec == archs.spec("mobilenet_v2")
    say(at, "remove first")
    check(at)
    assert [one.name for one in memory_of(at)[collection.KEY]] == ["second"]


def test_what_the_browser_stores_and_a_link_are_opened_together():
    stored = (Design("mine", archs.spec("mobilenet_v1"), folded=True, measured_pct=70.5),)
    linked = (Design("theirs", archs.spec("shufflenet_v2")),)
    at = opened(panel="Designs", designs=designs.link(linked))
    assert "designs" not in at.query_params
    browser_stores(at, designs.pack(stored))
    assert memory_of(at)[collection.KEY] == (*stored, *linked)
    keeper = next(json.loads(c.json) for c in components(at) if "storage" in c.json and collection.STORAGE in c.json)
    assert designs.unpack(keeper["text"]) == (*stored, *linked)
    say(at, "open mine")
    assert (scenario_of(at).folded, scenario_of(at).measured_pct) == (True, 70.5)


def test_the_latency_tile_says_which_process_it_is_of_and_what_to_set():
    at = opened(panel="Advisor")
    assert any("Costs no accuracy" in info.value and "MALLOC" in info.value for info in at.info)
    assert any("Why not" in warning.value for warning in at.warning)
    assert any("rows " in caption.value for caption in at.caption)
    tile = tiles(at)["Latency"]
    assert "keeps freed memory" in tile["help"]
    assert "MALLOC_TRIM_THRESHOLD_=1000000000" in tile["help"]
