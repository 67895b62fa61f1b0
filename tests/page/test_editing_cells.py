"""Cells and controls on the page, without a browser: refusals, forged messages, repeated events."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest
from support import forms
from support.apptest import APP, check, drawn, errors, grid, open_block, overlay, report, spec, type_into_grid
from support.forms import say, scenario_of, shown

import archs
from explorer.editing import cells
from explorer.editing.whole_network import hard_swish

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
START = archs.spec("mobilenet_v2")


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60).run()


def test_the_grid(page):
    type_into_grid(page, r3={"kernel": 5})
    check(page)
    assert not errors(page)
    assert spec(page).rows[3].kernel == 5
    type_into_grid(page, r4={"kernel": 7, "channels": 72})
    assert (spec(page).rows[4].kernel, spec(page).rows[4].channels) == (7, 72)
    labels = [version.label for version in scenario_of(page).history.versions]
    assert labels[1:] == ["row 4, kernel: 5", "row 5, kernel: 7", "row 5, channels: 72"]
    assert drawn(page)["rows"][3:5] == cells.lines(spec(page), cells.shown(spec(page)))[3:5]


def test_a_refused_cell_stays_and_what_is_typed_elsewhere_waits_for_it(page):
    type_into_grid(page, r3={"kernel": "four"})
    check(page)
    assert "row 4, column kernel: found 'four'" in errors(page)[0]
    assert spec(page) == START
    assert overlay(page) == {(3, "kernel"): ("four", True)}
    type_into_grid(page, r4={"kernel": 5})
    assert spec(page) == START
    assert errors(page)
    assert overlay(page) == {(3, "kernel"): ("four", True), (4, "kernel"): ("5", False)}
    type_into_grid(page, r3={"kernel": 7})
    check(page)
    assert not errors(page)
    assert overlay(page) == {}
    assert [row.kernel for row in spec(page).rows[3:5]] == [7, 5]


def test_a_refused_cell_is_mended_or_put_back(page):
    type_into_grid(page, r3={"kernel": 4}, r4={"channels": 72})
    say(page, "fix grid 0")
    check(page)
    assert not errors(page)
    assert (spec(page).rows[3].kernel, spec(page).rows[4].channels) == (5, 72)
    type_into_grid(page, r3={"kernel": 4})
    say(page, "put back")
    assert not errors(page)
    assert overlay(page) == {}
    type_into_grid(page, r3={"kernel": 4})
    type_into_grid(page, r3={"kernel": 5})  # what stands in the table
    assert not errors(page)
    assert (spec(page).rows[3].kernel, spec(page).rows[4].channels) == (5, 72)
    assert len(scenario_of(page).history.versions) == 2


def test_a_cell_that_refuses_the_whole_table_is_the_one_that_is_marked(page):
    """Where the network does not build, the row at which that shows is not always the one typed into."""
    type_into_grid(page, r3={"expansion": ""})
    assert overlay(page) == {(3, "expansion"): ("", True)}
    type_into_grid(page, r3={"expanded": 100})
    assert not errors(page)
    assert (spec(page).rows[3].expansion, spec(page).rows[3].expanded) == (None, 100)


def test_an_edit_made_elsewhere_takes_the_refused_cell_away(page):
    type_into_grid(page, r3={"kernel": 4})
    say(page, "whole hard_swish")
    check(page)
    assert not errors(page)
    assert overlay(page) == {}
    assert spec(page) == hard_swish(START).spec


FORGED = [
    None, "words", [], {"events": 7}, {"events": [None, 7, [], ["1", 3, "kernel", "5"], [0, 3, "kernel", "5"], [1]]},
    {"events": [[1, 99, "kernel", "5"], [2, -1, "kernel", "5"], [3, "3", "kernel", "5"], [4, 3, "__class__", "5"]]},
    {"events": [[1, 3, "nothing", "5"], [2, 3, ["kernel"], "5"], [3, 3, "kernel", {}], [4, 3, "kernel"]]},
]  # fmt: skip


@pytest.mark.parametrize("value", FORGED, ids=range(len(FORGED)))
def test_a_message_of_no_cell_is_no_edit(page, value):
    report(page, value)
    check(page)
    assert not errors(page)
    assert spec(page) == START
    type_into_grid(page, r3={"kernel": 5})
    assert spec(page).rows[3].kernel == 5


def test_an_old_message_that_has_become_a_state_hides_no_later_one(page):
    """As Streamlit leaves it where one run puts its state away between another one's message and its callback."""
    type_into_grid(page, r3={"kernel": 5})
    states = page._tree.get_widget_states()
    stuck = states.widgets.add()
    stuck.id, stuck.json_value = grid(page).id, json.dumps({"queue": {"events": [[1, 3, "kernel", "5"]]}})
    page._run(states)
    for _ in range(2):  # the browser says it again
        report(page, {"events": [[2, 3, "kernel", "7"]]})
    check(page)
    assert spec(page).rows[3].kernel == 7


FORGED_FORM = [
    None, [], {"events": 7}, {"events": [None, [], [1], [1, "cell kernel"], ["1", "cell kernel", "5", 3]]},
    {"events": [[1, "__class__", "5", 3], [2, "choices", "5", 3], [3, "which", None, 3]]},  # what is no control
    {"events": [[1, "cell kernel", {}, 3], [2, "cell kernel", True, 3], [3, "cell norm", "", 3], [4, "undo", "", 3]]},
    {"events": [[1, "cell activation", "no such word", 3], [2, "cell kind", "", 3], [3, "row Delete", True, 3]]},
    {"events": [[1, "cell kernel", "5", None], [2, "cell kernel", "5", 99], [3, "row Later", None, -1]]},  # no such row
    {"events": [[0, "cell kernel", "5", 3], [-1, "cell kernel", "5", 3]]},  # handled before
]  # fmt: skip


@pytest.mark.parametrize("value", FORGED_FORM, ids=range(len(FORGED_FORM)))
def test_a_message_of_no_control_is_no_edit(page, value):
    open_block(page)
    (form,) = [form for form, _, parts in forms.forms(page) if "cell kernel" in parts]
    forms.report(page, form, "queue", value)
    check(page)
    assert not errors(page)
    assert spec(page) == START
    say(page, "cell kernel", 5)
    assert spec(page).rows[3].kernel == 5


@pytest.mark.parametrize("typed", ["nan", "1e999", "-1", "five", "9" * 60, "<b>5</b>"])
def test_a_number_that_cannot_be_is_refused_with_a_reason(page, typed):
    open_block(page)
    say(page, "cell kernel", typed)
    check(page)
    (message,) = errors(page)
    assert "row 4, column kernel" in message
    assert shown(page, "cell kernel") == typed
    assert spec(page) == START


def test_an_event_sent_several_times_is_handled_once(page):
    """A browser repeats what is not acknowledged; the row that it names may no longer be open."""
    open_block(page)
    (form,) = [form for form, _, parts in forms.forms(page) if "cell kernel" in parts]
    forms.report(page, form, "queue", {"events": [[1, "row Duplicate", None, 3]]})
    forms.report(page, form, "queue", {"events": [[1, "row Duplicate", None, 3], [2, "cell kernel", "5", 3]]})
    check(page)
    assert len(spec(page).rows) == len(START.rows) + 1
    assert [row.kernel for row in spec(page).rows[3:5]] == [5, 3]
