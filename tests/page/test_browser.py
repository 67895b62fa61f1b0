"""A visit in a real browser, from opening the page to a PyTorch file that runs."""

from __future__ import annotations

import re

import pytest
import torch
from playwright.sync_api import expect
from support.browser import (
    PATIENCE,
    choose,
    click_block,
    figure,
    number,
    open_block,
    open_page,
    press,
    settle,
    tile,
    turn,
    type_number,
    unfold,
    uploader,
)

import archs
import costmodel
from explorer.data.metrics import human
from explorer.editing.edits import replace_stage, set_cell, set_cells, split

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

SIZES = [(1280, 800), (1920, 1080), (390, 844)]


@pytest.mark.smoke
def test_from_opening_to_a_file_that_runs(page, tmp_path):
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0")).to_be_visible()

    choose(page, "Network", "ShuffleNetV2")
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 1.0")).to_be_visible()
    choose(page, "Width multiplier", "0.5")
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 0.5")).to_be_visible()
    settle(page)
    spec = archs.spec("shufflenet_v2", width=0.5)
    counts = costmodel.count(archs.build(spec))
    assert tile(page, "Mult-adds") == human(counts.total.mult_adds)
    assert tile(page, "Params") == human(counts.total.params)

    blocks = list(counts.groups("block"))
    wanted = blocks.index("stage3/block4")
    click_block(page, wanted)
    opened = page.locator(".st-key-open_block")
    expect(opened.get_by_role("heading", name="stage3/block4")).to_be_visible()
    drawn = opened.locator(".st-key-block_graph")
    expect(drawn.get_by_text("channel split", exact=False).or_(drawn.get_by_text("split ·").first)).to_be_visible()
    expect(drawn.get_by_text(re.compile("^shuffle g=2"))).to_be_visible()

    turn(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch file").click()
    assert download.value.suggested_filename == "shufflenet_v2_width_0.5.py"
    file = tmp_path / "shufflenet_v2.py"
    download.value.save_as(file)
    module = archs.from_source(file.read_text(encoding="utf-8")).eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    assert human(sum(p.numel() for p in module.parameters())) == tile(page, "Params")


def test_a_bad_file_is_refused(page):
    uploader(page, "A spec of your own (JSON)").set_input_files(
        {"name": "spec.json", "mimeType": "application/json", "buffer": b'{"format": "archs.spec/1", "rows": ['}
    )
    expect(page.get_by_role("alert")).to_be_visible()
    assert tile(page, "Mult-adds") == human(300_774_272)


def test_a_typed_width(page):
    box = page.get_by_role("textbox", name="Width multiplier")
    box.fill("0.6")
    box.press("Enter")
    expect(page.get_by_role("heading", name="MobileNetV2, width 0.6")).to_be_visible()
    box.fill("wide")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("found 'wide'")
    expect(box).to_have_value("wide")
    expect(page.get_by_role("heading", name="MobileNetV2, width 0.6")).to_be_visible()


# Whichever element between the text and its form or tile cuts it
WHOLE = """e => {
    for (; !e.matches(".tiles, .form"); e = e.parentElement) if (e.scrollWidth > e.clientWidth + 1) return false;
    return true;
}"""


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_tile_is_whole_and_in_view(browser, address, width, height):
    page = open_page(browser, address, width, height)
    try:
        tiles = page.locator(".tiles dl")
        assert tiles.count() == 7
        for words in tiles.locator("dt, dd").all():
            assert words.evaluate(WHOLE), f"cut: {words.inner_text()}"
        tiles = [tile.bounding_box() for tile in tiles.all()]
        assert max(box["y"] + box["height"] for box in tiles) <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    finally:
        page.close()


def test_a_stage_of_other_units_and_a_file_of_exactly_that(page, browser, tmp_path):
    """MobileNetV2 → its third stage of ShuffleNetV2 units → export → the file runs, its parameters are the page's."""
    choose(page, "Open a block", "stage3/block1")
    unfold(page, "Replace stage3")
    choose(page, "Every block of stage3 by", "shuffle v2")
    page.get_by_role("button", name="Replace the stage").click()
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    settle(page)
    spec = replace_stage(archs.spec("mobilenet_v2"), "stage3", "shuffle_v2").spec
    total = costmodel.count(archs.build(spec)).total
    assert tile(page, "Params") == human(total.params)
    turn(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch file").click()
    file = tmp_path / "edited.py"
    download.value.save_as(file)
    module = archs.from_source(file.read_text(encoding="utf-8")).eval()
    assert sum(p.numel() for p in module.parameters()) == total.params
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    report = tmp_path / "report.html"
    download.value.save_as(report)
    opened = browser.new_page()
    opened.set_default_timeout(PATIENCE)
    opened.goto(report.as_uri())
    expect(opened.locator(".barlayer .trace").first).to_be_attached()
    opened.close()


def test_a_pasted_link_reopens_the_network(page, browser, address):
    choose(page, "Open a block", "stage3/block1")
    type_number(page, "k · kernel", "5")
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    page.wait_for_url("**net=*")
    again = open_page(browser, page.url)
    wanted = tile(page, "Mult-adds")  # by now the tiles have followed the address
    try:
        expect(again.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
        assert tile(again, "Mult-adds") == wanted
        again.reload()
        settle(again)
        assert tile(again, "Mult-adds") == wanted
    finally:
        again.close()


def test_the_frontier_shows_the_edited_point_with_its_interval(page):
    choose(page, "Open a block", "stage3/block1")
    type_number(page, "k · kernel", "5")
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    page.get_by_role("tab", name="Frontier").click()
    drawn = page.locator(".st-key-frontier")
    expect(drawn.locator(".errorbar path").first).to_be_attached()
    expect(page.get_by_text("MobileNetV2, width 1.0, edited (estimated)")).to_be_visible()
    expect(page.get_by_text("Estimated", exact=False).first).to_be_visible()


def test_an_invalid_cell_says_why_and_nothing_is_lost(page):
    open_block(page, "stage3/block1")
    before = tile(page, "Mult-adds")
    type_number(page, "c · channels", "48")
    expect(figure(page, "Mult-adds")).not_to_have_text(before)
    settle(page)
    kept = tile(page, "Mult-adds")
    type_number(page, "k · kernel", "4")
    alert = page.get_by_role("alert").filter(has_text="row 4, column kernel: found 4")
    expect(alert).to_be_visible()
    assert tile(page, "Mult-adds") == kept
    expect(number(page, "k · kernel")).to_have_value("4")
    expect(number(page, "c · channels")).to_have_value("48")
    page.get_by_role("button", name="Take row 4, column kernel: 5").click()
    expect(alert).to_have_count(0)
    settle(page)
    expect(number(page, "k · kernel")).to_have_value("5")
    spec = set_cells(archs.spec("mobilenet_v2"), {(3, "channels"): 48, (3, "kernel"): 5}).spec
    assert tile(page, "Mult-adds") == human(costmodel.count(archs.build(spec)).total.mult_adds)


def test_twenty_edits_are_undone_and_redone_and_survive_a_reload(page, address):
    open_block(page, "stage3/block1")
    tiles = figure(page, "Mult-adds")
    shown = [tiles.inner_text()]
    for step in range(20):
        type_number(page, "c · channels", str(40 + 8 * step))
        expect(tiles).not_to_have_text(shown[-1])
        shown.append(tiles.inner_text())
        settle(page)
    for wanted in reversed(shown[:-1]):
        press(page, "Undo")
        expect(tiles).to_have_text(wanted)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    for wanted in shown[1:6]:
        press(page, "Redo")
        expect(tiles).to_have_text(wanted)
    settle(page)

    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_enabled()
    assert tile(page, "Mult-adds") == shown[5]
    for wanted in shown[6:]:
        press(page, "Redo")
        expect(tiles).to_have_text(wanted)
    expect(page.get_by_role("button", name="Redo", exact=True)).to_be_disabled()
    press(page, "Undo")
    expect(tiles).to_have_text(shown[-2])
    settle(page)

    page.evaluate("sessionStorage.clear()")  # another tab, another day: what was left is offered
    page.goto(address)
    settle(page)
    assert tile(page, "Mult-adds") == shown[0]
    press(page, "Continue mobilenet_v2, 20 steps")
    expect(tiles).to_have_text(shown[-2])


def test_a_suggestion_is_applied_and_the_predicted_gain_appears(page):
    choose(page, "Network", "MobileNetV3-Large")
    expect(page.get_by_role("heading", name="MobileNetV3-Large, width 1.0")).to_be_visible()
    paper = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("tab", name="Advisor").click()
    first = page.locator('[class*="st-key-suggestion-0"]')
    expect(first.get_by_role("button", name="Apply")).to_be_visible()
    settle(page)
    promised = re.search(r"Latency −([\d.]+ %)", first.inner_text())
    assert promised, first.inner_text()
    first.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name=f"{paper}, edited", exact=True)).to_be_visible()
    settle(page)
    latency = page.locator(".tiles dl").first
    expect(latency).to_contain_text(f"▼ {promised[1]}")
    press(page, "Undo")
    expect(page.get_by_role("heading", name=paper, exact=True)).to_be_visible()


def test_one_block_of_a_row_is_edited_alone(page):
    open_block(page, "stage3/block2")
    press(page, "Edit this block alone")
    expect(page.get_by_text("Row 5 of the table.")).to_be_visible()
    settle(page)
    type_number(page, "k · kernel", "7")
    expect(page.get_by_text("● and a thick line: other than in MobileNetV2, width 1.0.")).to_be_visible()
    settle(page)
    spec = set_cell(split(archs.spec("mobilenet_v2"), 3, 1).spec, 4, "kernel", 7).spec
    assert tile(page, "Mult-adds") == human(costmodel.count(archs.build(spec)).total.mult_adds)
    assert page.locator(".st-key-picture circle").count() == 1


def test_explore_as_an_address_is_the_home_page(browser, address):
    """Streamlit said "Page not found"."""
    page = open_page(browser, f"{address}/explore?panel=Layers")
    expect(page.get_by_role("tab", name="Layers")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("link", name="Explore")).to_have_count(1)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.close()
