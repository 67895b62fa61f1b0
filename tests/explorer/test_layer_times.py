"""Milliseconds per operator, in the layers, the open block and the picture; units and words of the tiles."""

from __future__ import annotations

import pytest

import archs
from explorer.editing.cells import columns
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.figures import as_plotly, diagram
from explorer.views.tiles import _change, tiles


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Scenario(History.start(archs.spec("mobilenet_v2")))


def test_the_layers_add_up_to_the_latency(scenario):
    assert scenario.layers["latency_ms"].sum() == pytest.approx(scenario.prediction.latency_ms)


def test_a_block_has_the_same_milliseconds_by_operator_and_in_all(scenario):
    block = scenario.blocks.iloc[3]
    assert sum(scenario.layers_of(block["block"])["latency_ms"]) == pytest.approx(block["latency_ms"])


def test_the_picture_says_milliseconds_and_their_unit(scenario):
    (bar, *_) = as_plotly.figure(diagram.network(scenario.blocks, "latency_ms")).data
    assert bar.marker.colorbar.title.text == "Latency, ms"
    assert bar.customdata[0][6].endswith(" ms")
    assert "%{customdata[6]}" in bar.hovertemplate


def test_without_a_profile_nothing_says_milliseconds():
    scenario = Scenario(History.start(archs.spec("mobilenet_v2")), profile=None)
    assert "latency_ms" not in scenario.layers
    (bar, *_) = as_plotly.traces(diagram.network(scenario.blocks, "mult_adds"))
    assert "customdata[6]" not in bar["hovertemplate"]


def test_a_tile_says_whose_number_it_is(scenario):
    latency = tiles(scenario)[0]
    assert latency.beside.startswith("eager PyTorch, ")
    assert "1 thread" in latency.beside
    assert "not your device" in latency.beside


def test_a_change_below_the_resolution_is_not_zero():
    assert _change(9_999_999, 10_000_000) == "▼ <0.1 %"
    assert _change(11, 10) == "▲ 10.0 %"


def test_columns_are_spelled_out():
    titles = {column.title for row in archs.spec("mobilenet_v3_large").rows for column in columns(type(row))}
    assert not titles & {"se", "se of", "gate", "dw activation"}
    assert "squeeze-and-excitation ratio" in titles
