"""Outside of the calibrated range every panel with milliseconds says so, and none claims an interval of 90 %."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, check
from support.forms import say, scenario_of, tiles

from explorer.editing.designs import Design
from explorer.views import designs as views
from explorer.views.report import report

FAR = "outside the calibrated range"


@pytest.fixture(scope="module")
def at() -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["panel"] = "Layers"
    at.run()
    say(at, "network", "mobilenet_v1")
    say(at, "whole width", 8)
    return say(at, "whole resolution", "2048")


def test_the_tile_and_the_report_have_no_interval(at):
    check(at)
    tile = tiles(at)["Latency"]
    assert tile["value"].endswith(" s")
    assert FAR in tile["beside"]
    assert "90 %" not in tile["beside"]
    text = report(scenario_of(at))
    assert f"({FAR})" in text


@pytest.mark.parametrize("panel", ["Blocks", "Layers", "Diff", "Frontier", "Budget"])
def test_each_panel_with_milliseconds_says_so(at, panel):
    say(at, "tab", panel)
    if panel == "Frontier":
        at.button_group(key="frontier cost").set_value("latency_ms").run()
    if panel == "Budget":
        assert FAR in at.info[0].value
        return
    assert any(FAR in warning.value for warning in at.warning), panel
    assert len({warning.value for warning in at.warning}) == len(at.warning)  # Diff said the same twice
    assert any(caption.value.startswith("ms: predicted for eager PyTorch, AMD EPYC") for caption in at.caption)


def test_a_design_has_no_interval_either(at):
    design = Design("far", scenario_of(at).spec)
    rows = views.table((design,), scenario_of(at))
    assert rows["low_ms"].isna().all()
    assert FAR in views.tiles(rows)["far"].iloc[2]
