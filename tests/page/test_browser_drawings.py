"""The drawings of a network in a real browser: clicks, keys, words and ink."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import (
    PATIENCE,
    choose,
    click_block,
    open_block,
    open_page,
    settle,
)

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

SIZES = [(1280, 800), (1920, 1080), (390, 844)]


def test_one_click_after_another(page):
    heading = page.locator(".st-key-open_block").get_by_role("heading")
    for place, block in ((2, "stage2/block1"), (11, "stage5/block1"), (2, "stage2/block1")):
        click_block(page, place)
        expect(heading).to_have_text(block)
        expect(page.get_by_role("combobox", name="Open a block")).to_have_value(block)
        settle(page)


def test_a_segment_opens_its_block(page):
    segment = page.locator(".st-key-where").get_by_role("button", name="stage3/block2 Params")
    segment.scroll_into_view_if_needed()
    segment.click()
    expect(page.locator(".st-key-open_block").get_by_role("heading")).to_have_text("stage3/block2")


def test_the_keyboard_opens_a_block_and_stays_where_it_is(page):
    """One stop of the tab key per drawing; the arrow keys lead from block to block."""
    heading = page.locator(".st-key-open_block").get_by_role("heading")
    page.get_by_role("combobox", name="Open a block").focus()
    page.keyboard.press("Tab")
    for keys, block in (
        (["ArrowRight", "ArrowRight", "Enter"], "stage2/block1"),
        (["End", "ArrowLeft", " "], "head/pool"),
        (["Home", "ArrowDown", "Enter"], "stage1/block1"),
    ):
        for key in keys:
            page.keyboard.press(key)
        expect(heading).to_have_text(block)
        settle(page)
        focused = page.locator(".st-key-picture .mark:focus")
        expect(focused).to_have_attribute("data-name", block)
        expect(page.locator(".st-key-picture .tooltip")).to_contain_text(block)
    assert page.locator(".st-key-picture [tabindex='0']").count() == 1


def test_a_drawing_says_what_the_pointer_or_the_keyboard_is_at(page):
    open_block(page, "stage3/block2")
    for key, words in (
        ("picture", "stage3/block2 · inverted residual\noutput 32×28×28"),
        ("block_graph", "stage3/block2/dw\n192×28×28 → 192×28×28"),
        ("where", "stage3/block2\nLatency:"),
        ("where_kind", "depthwise\nLatency:"),
    ):
        drawing = page.locator(f".st-key-{key}")
        mark, tip = drawing.get_by_role("button").or_(drawing.get_by_role("img")), drawing.locator(".tooltip")
        mark = mark.filter(visible=True).and_(drawing.get_by_label(words.replace("\n", " "), exact=False)).first
        mark.scroll_into_view_if_needed()
        mark.locator("rect").first.hover()
        expect(tip).to_be_visible()
        assert tip.inner_text().startswith(words)
        page.mouse.move(0, 0)
        expect(tip).to_be_hidden()
        page.keyboard.press("Tab")  # the last thing done is then the keyboard's
        mark.focus()
        assert tip.inner_text().startswith(words)
        page.keyboard.press("Tab")
        expect(tip).to_be_hidden()


def test_a_drawing_that_has_not_changed_is_left_alone(page):
    kept = page.locator(".st-key-where_kind svg").element_handle()
    choose(page, "Colour by", "Params")
    expect(page.locator(".st-key-picture").get_by_text("Params", exact=True)).to_be_visible()
    settle(page)
    assert kept.evaluate("svg => svg.isConnected")


# The words of a drawing that stand over an edge of the page or of the segment that they name
CUT = """texts => texts.filter(text => {
    const box = text.getBoundingClientRect(), mark = text.closest(".mark")?.firstElementChild.getBoundingClientRect();
    const svg = text.closest(".st-key-picture") ? text.ownerSVGElement.getBoundingClientRect() : { left: 0, right: 0 };
    const left = Math.min(0, svg.left), right = Math.max(innerWidth, svg.right);  // a picture scrolls on a phone
    const fits = box.left >= left && box.right <= right && (!mark || box.width <= mark.width);
    return !text.style.display && !fits;
}).map(text => text.textContent)"""
SHOWN = "texts => texts.filter(text => !text.style.display).length"


@pytest.mark.parametrize(("width", "height", "scheme"), [(*size, "light") for size in SIZES] + [(*SIZES[0], "dark")])
def test_every_word_of_a_drawing_is_whole_and_in_the_themes_ink(browser, address, width, height, scheme):
    page = open_page(browser, address, width, height, scheme)
    try:
        open_block(page, "stage3/block2")
        ink = page.get_by_role("heading", level=1).evaluate("e => getComputedStyle(e).color")
        for key in ("picture", "block_graph", "where", "where_kind"):
            drawing = page.locator(f".st-key-{key} .drawing > svg")
            assert drawing.evaluate("e => getComputedStyle(e).fill") == ink
            assert drawing.locator("text").evaluate_all(CUT) == []
        assert page.locator(".st-key-where .mark text").evaluate_all(SHOWN) >= (5 if width < 600 else 50)
    finally:
        page.close()


def test_what_is_out_of_sight_is_not_laid_out(page):
    """Layout and paint of the bars and the table took a tenth of an edit that was made above them."""
    open_block(page, "stage3/block2")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    in_sight = "element => element.checkVisibility({contentVisibilityAuto: true})"
    for part in (".st-key-where_kind .scroll", ".st-key-grid .sheet"):
        inside = page.locator(f"{part} > *").first
        page.wait_for_function(f"element => !({in_sight})(element)", arg=inside.element_handle(), timeout=20_000)
        height = page.locator(part).evaluate("element => element.clientHeight")
        inside.scroll_into_view_if_needed()
        page.wait_for_function(in_sight, arg=inside.element_handle())
        shown = page.locator(part).evaluate("element => element.clientHeight")
        assert shown == pytest.approx(height, abs=20), "the page would jump"
        page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
