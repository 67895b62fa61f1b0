"""Editing on the page, without a browser: every control, the way back, the link, and the other tabs."""

from __future__ import annotations

import random

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, check, errors, open_block, spec
from support.forms import fields, headings, memory_of, say, scenario_of, shown, tiles

import archs
import costmodel
from archs.tables.rows import KINDS
from explorer.data import accuracy
from explorer.editing import advisor, cells, links
from explorer.editing.whole_network import apply_guideline, hard_swish, set_classes, set_resolution, set_width

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
START = archs.spec("mobilenet_v2")


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60).run()


NUMBERS = [("kernel", 5), ("channels", 48), ("repeat", 4), ("stride", 1), ("expansion", 3.0), ("se", 0.25)]
WORDS = [("activation", "swish"), ("dw_activation", "none"), ("out_activation", "relu"), ("gate", "sigmoid")]


def test_every_choice_of_a_block(page):
    open_block(page)
    for column, value in [*NUMBERS, *WORDS, ("shortcut", False), ("norm", False)]:
        say(page, f"cell {column}", value)
        check(page)
        assert not errors(page)
        assert getattr(spec(page).rows[3], column) == value
        assert headings(page)[0].endswith("edited")
        say(page, "undo")
        assert spec(page) == START
    check(page)


def test_the_block_that_was_edited_stays_open(page):
    open_block(page, "stage3/block2")
    say(page, "cell kernel", 5)
    assert scenario_of(page).block == "stage3/block2"
    say(page, "cell repeat", 1)
    assert scenario_of(page).block == "stage3/block1"


def test_every_kind_of_block(page):
    open_block(page)
    for kind in KINDS:
        say(page, "cell kind", kind)
        check(page)
        assert spec(page).rows[3].kind == kind or errors(page)
        if not errors(page):
            assert fields(page).keys() >= {f"cell {column.name}" for column in cells.columns(KINDS[kind])}


def test_a_refused_choice_has_a_message_and_a_fix(page):
    open_block(page)
    say(page, "cell kernel", 4)
    check(page)
    (message,) = errors(page)
    assert "row 4, column kernel: found 4" in message
    assert "a whole odd number" in message
    assert shown(page, "cell kernel") == "4"
    assert spec(page) == START
    say(page, "fix cell kernel 0")
    check(page)
    assert not errors(page)
    assert spec(page).rows[3].kernel == 5


def test_rows_are_duplicated_moved_deleted_inserted(page):
    open_block(page)
    rows = START.rows
    say(page, "row Duplicate")
    check(page)
    assert len(spec(page).rows) == len(rows) + 1
    say(page, "undo")
    open_block(page)
    say(page, "row Later")
    check(page)
    assert spec(page).rows[4].channels == rows[3].channels
    say(page, "row Earlier")
    assert len(spec(page).rows) == len(rows)
    assert spec(page).rows[3].channels == rows[3].channels
    say(page, "undo")
    say(page, "undo")
    open_block(page)
    say(page, "row Delete")
    check(page)
    assert len(spec(page).rows) == len(rows) - 1
    say(page, "undo")
    open_block(page)
    say(page, "kind to insert", "shuffle_v2")
    say(page, "row After this row")
    check(page)
    assert spec(page).rows[4].kind == "shuffle_v2"


def test_a_stage_of_another_kind(page):
    open_block(page)
    say(page, "kind of the stage", "shuffle_v2")
    say(page, "row Replace the stage")
    check(page)
    assert {row.kind for row in spec(page).rows if row.stage == "stage3"} == {"shuffle_v2"}


WHOLE = [
    ("hard_swish", hard_swish),
    *[(f"G{n}", lambda s, n=n: apply_guideline(s, n)) for n in (1, 4)],
]


@pytest.mark.parametrize(("key", "edit"), WHOLE)
def test_edits_of_the_whole_network(page, key, edit):
    say(page, f"whole {key}")
    check(page)
    assert spec(page) == edit(START).spec


@pytest.mark.parametrize("key", ["G2", "G3"])
def test_a_guideline_that_has_nothing_to_change_says_so(page, key):
    say(page, f"whole {key}")
    assert "no row has anything to change" in errors(page)[0]
    assert spec(page) == START


NUMBERS_OF_ALL = [("width", 0.6, set_width), ("resolution", 192, set_resolution), ("classes", 100, set_classes)]


@pytest.mark.parametrize(("name", "value", "edit"), NUMBERS_OF_ALL)
def test_numbers_of_the_whole_network(page, name, value, edit):
    say(page, f"whole {name}", value)
    check(page)
    assert spec(page) == edit(START, value).spec
    say(page, f"whole {name}", -1)
    assert len(errors(page)) == 1
    assert spec(page) == edit(START, value).spec


def test_a_knob_keeps_the_edits(page):
    open_block(page)
    say(page, "cell kernel", 5)
    say(page, "mobilenet_v2:resolution", 128)
    check(page)
    assert spec(page).rows[3].kernel == 5
    assert spec(page).resolution == 128


@pytest.mark.slow
def test_twenty_edits_undone_and_redone(page):
    rng = random.Random(4)
    specs = [START]
    open_block(page)
    while len(specs) <= 20:
        value = rng.choice([v for v in range(8, 200, 8) if v != spec(page).rows[3].channels])
        say(page, "cell channels", value)
        assert not errors(page)
        specs.append(spec(page))
    for wanted in reversed(specs[:-1]):
        say(page, "undo")
        assert spec(page) == wanted
    assert fields(page)["undo"]["disabled"]
    for wanted in specs[1:]:
        say(page, "redo")
        assert spec(page) == wanted
    check(page)
    say(page, "history", 7)
    assert spec(page) == specs[7]
    say(page, "reset")
    assert spec(page) == START


def test_a_link_reopens_the_network(page):
    open_block(page)
    say(page, "cell kernel", 5)
    text = page.query_params["net"]
    text = text if isinstance(text, str) else text[0]
    assert links.decode(text) == spec(page)
    again = AppTest.from_file(APP, default_timeout=60)
    again.query_params["net"] = text
    again.run()
    check(again)
    assert spec(again) == spec(page)
    assert shown(again, "network") == "mobilenet_v2"


@pytest.mark.parametrize("text", ["", "1", "1AAAA", "<script>", "1" + "A" * 7000, "2abc"])
def test_a_bad_link_says_so(text):
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["net"] = text
    page.run()
    check(page)
    assert len(errors(page)) == 1
    assert "link" in errors(page)[0]
    assert spec(page) == START


def test_the_baseline(page):
    deltas = {title: tile["beside"] for title, tile in tiles(page).items()}
    assert deltas["Params"] == "printed: 3.4 M"
    say(page, "baseline", "mobilenet_v1")
    check(page)
    deltas = {title: tile["beside"] for title, tile in tiles(page).items()}
    assert deltas["Params"].startswith("▼ 17.2 %")
    say(page, "baseline", "#0")
    open_block(page)
    say(page, "cell kernel", 5)
    check(page)
    deltas = {title: tile["beside"] for title, tile in tiles(page).items()}
    assert deltas["Mult-adds (the papers' FLOPs)"].startswith("▲ 2.2 %")
    assert "printed" not in deltas["Params"]  # for an edited network no paper prints any
    changed = [words.split(" · ", 1) for words in deltas.values()][3:]
    assert all(change == "= baseline" or change[0] in "▲▼" for change, _ in changed)
    assert [fact.split()[-1] for _, fact in changed[1:3]] == ["elements", "operators"]  # the change took their place


def test_without_a_profile_there_is_no_number(page):
    if not scenario_of(page).profile:
        assert tiles(page)["Latency"].items() >= {"value": "–", "beside": "no device profile yet"}.items()


def in_tab(at: AppTest, name: str) -> None:
    memory_of(at)["tab"] = name
    at.run()
    check(at)


def test_the_diff_adds_up(page):
    open_block(page)
    say(page, "cell kernel", 5)
    in_tab(page, "Diff")
    table = next(frame.value for frame in page.dataframe if "status" in frame.value)
    before, after = (costmodel.count(archs.build(s)).total for s in (START, spec(page)))
    assert table["mult_adds"].sum() == after.mult_adds - before.mult_adds
    assert set(table["status"]) == {"● changed"}
    for metric in ("params", "mem_access", "kernels"):
        page.button_group(key="diff metric").set_value(metric).run()
        check(page)
    page.toggle(key="diff everything").set_value(True).run()
    assert len(next(frame.value for frame in page.dataframe if "status" in frame.value)) == 21


def test_an_unedited_network_has_no_diff(page):
    in_tab(page, "Diff")
    assert any("no difference" in markdown.value for markdown in page.markdown)


def test_a_suggestion_is_applied_with_the_effect_that_was_promised(page):
    say(page, "network", "mobilenet_v3_large")
    in_tab(page, "Advisor")
    first = next(markdown.value for markdown in page.markdown if markdown.value.startswith("**G"))
    promised = next(s for s in advisor.advise(spec(page)) if first.startswith(f"**{s.title}**"))
    page.button(key="apply 0").click().run()
    check(page)
    assert spec(page) == promised.edited.spec
    assert scenario_of(page).counts.total.mem_access == promised.after["mem_access"]
    say(page, "undo")
    assert spec(page) == archs.spec("mobilenet_v3_large")


def test_a_guideline_is_applied_to_the_open_block(page):
    open_block(page)
    say(page, "here 4")
    check(page)
    assert spec(page) == apply_guideline(START, 4, {3}).spec


def test_the_frontier_says_what_is_estimated_and_takes_a_measured_accuracy(page):
    open_block(page)
    say(page, "cell kernel", 5)
    in_tab(page, "Frontier")
    estimate = accuracy.estimate(spec(page))
    said = next(markdown.value for markdown in page.markdown if "Estimated" in markdown.value)
    assert f"{estimate.top1_pct:.1f} % top-1" in said
    assert f"between {estimate.low_pct:.1f} and {estimate.high_pct:.1f} %" in said
    assert any(f"mean error {accuracy.errors('network').mean:.2f}" in caption.value for caption in page.caption)
    say(page, "measured", 71.0)
    assert any("71.0 % top-1**, measured by you" in markdown.value for markdown in page.markdown)
    for cost in ("params", "mem_access", "published"):
        page.button_group(key="frontier cost").set_value(cost).run()
        check(page)
        assert not errors(page)
    page.multiselect(key="families").set_value(["MobileNetV2"]).run()
    check(page)
    say(page, "undo")
    assert scenario_of(page).measured_pct is None  # it was of another network
