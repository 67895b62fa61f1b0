"""The page without a browser: every network, every knob, every refusal; figures on it equal a fresh count."""

from __future__ import annotations

import logging
import sys
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, TABS, check, errors
from support.forms import fields, headings, memory_of, refusals, say, scenario_of, shown, tiles

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from explorer.data import costs
from explorer.data.latency_notes import latency_notes
from explorer.figures import diagram
from explorer.page import warm

KNOBS = [(name, knob) for name, family in FAMILIES.items() for knob in family.knobs]

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")


@pytest.fixture
def page() -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60).run()
    check(at)
    return at


def test_first_load(page):
    assert headings(page)[0] == "MobileNetV2, width 1.0"
    assert not errors(page)
    assert [name for name, _ in fields(page)["tab"]["options"]] == TABS


def test_runs_give_way_to_the_thread_that_answers(page):
    """Beside eight busy threads, an answer of the server's own thread took up to a second with Python's own interval."""
    assert sys.getswitchinterval() == pytest.approx(warm.SWITCH_INTERVAL)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_network_in_every_tab(page, name):
    say(page, "network", name)
    for tab in TABS:
        memory_of(page)["tab"] = tab
        page.run()
        check(page)
        assert not errors(page)
    assert scenario_of(page).spec == archs.spec(name)
    graph = archs.build(archs.spec(name))
    assert page.code[0].value == archs.to_source(graph, latency_notes(graph, costmodel.load_profile("cpu"))).strip()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "knob"), KNOBS)
def test_every_knob(page, name, knob):
    say(page, "network", name)
    for value in FAMILIES[name].knobs[knob][:: max(1, len(FAMILIES[name].knobs[knob]) - 1)]:  # the first and the last
        say(page, f"{name}:{knob}", value)
        check(page)
        assert not errors(page)
        assert scenario_of(page).spec == archs.spec(name, **{knob: value})


def test_a_typed_value(page):
    say(page, "mobilenet_v2:width", "0.6")
    check(page)
    say(page, "mobilenet_v2:resolution", "200")
    check(page)
    assert scenario_of(page).spec == archs.spec("mobilenet_v2", width=0.6, resolution=200)


@pytest.mark.parametrize("typed", ["wide", "-1", "1e9", "nan", "__import__('os')"])
def test_a_bad_value_is_refused_beside_the_knob(page, typed):
    say(page, "mobilenet_v2:width", 0.75)
    say(page, "mobilenet_v2:width", typed)
    check(page)
    (message,) = refusals(page)
    assert shown(page, "mobilenet_v2:width") == typed
    assert "width" in message
    assert "allowed: a number in [0.05, 8]" in message
    assert scenario_of(page).spec == archs.spec("mobilenet_v2", width=0.75)
    say(page, "mobilenet_v2:width", 0.5)
    assert not errors(page)


def test_folding(page):
    before = scenario_of(page).counts.total.kernels
    say(page, "folded", True)
    check(page)
    assert scenario_of(page).counts.total.kernels < before


def test_the_headline_says_with_which_input_the_baseline_is(page):
    """Opened at 128², a network had "▲ 5.2 %" against a baseline that the page has nowhere at 128²."""
    say(page, "mobilenet_v2:resolution", 128)
    assert "changes against" not in titled(page)
    say(page, "whole hard_swish")
    assert titled(page).endswith("changes against MobileNetV2, width 1.0 with input 3×128×128</p>")


def titled(page: AppTest) -> str:
    return next(one.proto.body for one in page.get("html") if "<h1>" in one.proto.body)


def test_a_block_is_opened_and_closed(page):
    say(page, "block", "stage3/block2")
    assert "stage3/block2" in headings(page)
    names, *_, mult_adds, _, _ = zip(*inside(page))
    layers = costs.layers(costmodel.count(archs.build(archs.spec("mobilenet_v2"))))
    block = layers[layers["block"] == "stage3/block2"]
    assert [f"stage3/block2/{name}" for name in names] == list(block["path"])
    assert list(mult_adds) == [f"{number:,}" for number in block["mult_adds"]]
    say(page, "block", "")
    assert not inside(page)


def inside(at: AppTest) -> list[list[str | None]]:
    """The rows of the open block's table, where a block is open."""
    tables = [ElementTree.fromstring(html.value) for html in at.get("html") if "<table>" in html.value]
    return [[cell.text for cell in row] for table in tables for row in table.iter("tr") if row.find("td") is not None]


def test_an_open_block_stays_where_the_next_network_has_it(page):
    say(page, "block", "stage4/block2")
    say(page, "network", "mnasnet_a1")
    assert scenario_of(page).block == "stage4/block2"
    say(page, "block", "stage7/block1")
    say(page, "folded", True)
    assert scenario_of(page).block == "stage7/block1"
    say(page, "network", "resnet50")
    check(page)
    assert scenario_of(page).block is None


@pytest.mark.parametrize("metric", ["params", "mem_access", "elementwise", "intensity", "fragments"])
def test_every_colour(page, metric):
    say(page, "metric", metric)
    check(page)
    assert scenario_of(page).metric == metric


def test_stages(page):
    memory_of(page)["tab"] = "Blocks"
    page.run()
    page.button_group(key="level").set_value("stages").run()
    assert list(page.dataframe[0].value["stage"]) == ["stem", *[f"stage{i}" for i in range(1, 8)], "head"]


GOOD = archs.spec("shufflenet_v2").edit(name="mine", resolution=160)


def upload(at: AppTest, content: bytes) -> AppTest:
    return at.file_uploader(key="upload").set_value(("spec.json", content, "application/json")).run()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b"null",
        GOOD.to_json().encode()[:-40],
        GOOD.to_json().replace('"mine"', "\"__import__('os').abort()\"").encode(),
        GOOD.to_json().replace("160", "1000000000").encode(),
        b" " * 2_000_000,
    ],
    ids=["empty", "truncated", "deep", "binary", "null", "cut", "code", "huge number", "2 MB"],
)
def test_a_bad_file_is_refused_and_nothing_is_lost(page, content):
    say(page, "network", "mobilenet_v1")
    say(page, "mobilenet_v1:width", 0.5)
    upload(page, content)
    check(page)
    assert len(errors(page)) == len(page.sidebar.error) == 1
    assert errors(page)[0]
    assert "error in this program" not in errors(page)[0]
    assert scenario_of(page).spec == archs.spec("mobilenet_v1", width=0.5)
    assert shown(page, "mobilenet_v1:width") == "0.5"


def test_a_file_whose_graph_does_not_build_is_refused(page):
    bad = archs.spec("shufflenet_v2").edit(resolution=1)
    upload(page, bad.to_json().encode().replace(b'"channels": 116', b'"channels": 7'))
    check(page)
    assert len(errors(page)) == 1
    assert scenario_of(page).spec == archs.spec("mobilenet_v2")


def test_a_good_file_becomes_the_network_and_can_be_come_back_to(page):
    upload(page, GOOD.to_json().encode())
    check(page)
    assert not errors(page)
    assert scenario_of(page).spec == GOOD
    assert headings(page)[0].startswith("mine")
    say(page, "network", "mobilenet_v1")
    check(page)
    say(page, "network", "own")
    check(page)
    assert scenario_of(page).spec == GOOD
    page.file_uploader(key="upload").set_value(None).run()
    check(page)
    assert scenario_of(page).spec == GOOD


def test_fvcore_agrees(page):
    memory_of(page)["tab"] = "Reconcile"
    page.run()
    page.button(key="fvcore").click().run()
    check(page)
    assert "314,193,216, as predicted" in page.success[0].value


@pytest.mark.parametrize("tool", ["FlopCounterMode", "ptflops (pytorch)", "THOP", "torchinfo"])
def test_every_tool_is_explained(page, tool):
    memory_of(page)["tab"] = "Reconcile"
    page.run()
    page.button_group(key="tool").set_value(tool).run()
    check(page)
    assert not errors(page)


def test_an_exception_never_shows_a_traceback(page, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(diagram, "network", broken)
    with caplog.at_level(logging.ERROR):
        page.run()
    assert not page.exception
    assert len(tiles(page)) == 7
    assert errors(page)
    assert all("written to its log" in message and "secret" not in message for message in errors(page))
    assert "secret detail" in caplog.text
    monkeypatch.undo()
    page.run()
    assert not errors(page)
