"""axe-core on every page, light and dark; the phone: targets in the picture, the menu, the reading order."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from support import axe
from support.browser import PATIENCE, open_block, open_page, settle, turn, type_number

from explorer.page.lab.pages import LESSONS

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 28)"}  # of .streamlit/config.toml
PHONE = {"width": 390, "height": 844}


def visit(page: Page, url: str) -> None:
    page.goto(url)
    _still(page)
    skip = page.get_by_role("button", name="Skip")
    if skip.count():
        skip.click()
        expect(skip).to_have_count(0)
        _still(page)


def _still(page: Page) -> None:
    page.locator('[data-testid="stMain"] h1').wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")


@pytest.mark.parametrize(
    "path", ["", "calibrate", "devices", "import", "search", "g1", "g2", "g3", "g4", "held", "own", "class", *LESSONS]
)
def test_axe_finds_no_serious_violation(browser, address, path):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    visit(page, f"{address}/{path}")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUND[scheme])
        assert axe.violations(page) == [], scheme
    page.close()


@pytest.fixture
def phone(browser, address):
    page = open_page(browser, address, **PHONE)
    yield page
    page.close()


def test_every_block_can_be_picked_in_the_picture_on_a_phone(phone):
    marks = phone.locator(".st-key-picture .mark")
    boxes = marks.evaluate_all("marks => marks.map(mark => mark.getBoundingClientRect().toJSON())")
    assert len(boxes) > 10
    assert min(box["width"] for box in boxes) >= 24
    assert min(box["height"] for box in boxes) >= 24
    narrowest = min(range(len(boxes)), key=lambda place: boxes[place]["width"])
    mark = marks.nth(narrowest)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    phone.mouse.click(box["x"] + 1, box["y"] + box["height"] / 2)  # at its edge, beside the bar itself
    name = mark.get_attribute("data-name")
    expect(phone.locator(".st-key-open_block").get_by_role("heading", name=name)).to_be_visible()
    settle(phone)
    assert phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE["width"]


REACHED = """sign => {
  const box = sign.getBoundingClientRect()
  const middle = [box.x + box.width / 2, box.y + box.height / 2]
  return [[-11, 0], [11, 0], [0, -11], [0, 11]].every(([x, y]) =>
    sign.contains(sign.getRootNode().elementFromPoint(middle[0] + x, middle[1] + y)))
}"""


def test_help_signs_are_large_enough_for_a_finger(phone):
    """They were 16 and 17 px wide."""
    own = phone.locator(".tiles .help").first
    own.scroll_into_view_if_needed()
    assert own.evaluate(REACHED)
    phone.get_by_test_id("stExpandSidebarButton").click()
    streamlits = phone.get_by_test_id("stSidebar").locator(".stTooltipIcon button").first
    streamlits.scroll_into_view_if_needed()
    settle(phone)
    assert streamlits.evaluate(REACHED)


def test_advice_has_the_width_of_a_phone(phone):
    """The button beside it left two thirds of the width for its words."""
    turn(phone, "Advisor")
    advice = phone.locator('[class*="st-key-suggestion"]').first
    assert advice.get_by_test_id("stMarkdown").first.bounding_box()["width"] >= 300
    expect(advice.get_by_role("button", name="Apply")).to_be_visible()


def test_the_menu_has_a_word_on_a_phone(phone):
    button = phone.get_by_test_id("stExpandSidebarButton")
    expect(button).to_be_visible()
    assert button.evaluate("button => getComputedStyle(button, '::after').content") == '"Menu"'
    box = button.bounding_box()
    assert box["width"] >= 60
    assert box["height"] >= 24
    button.click()
    expect(phone.get_by_role("combobox", name="Network")).to_be_visible()
    expect(phone.get_by_test_id("stSidebar").get_by_text("Import", exact=True)).to_be_visible()


@pytest.mark.parametrize("panel", ["Layers", "Blocks", "Advisor"])
def test_a_table_lies_on_nothing_on_a_phone(browser, address, panel):
    """The room for its toolbar pushed the table 40 px onto the text below."""
    page = browser.new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page.set_default_timeout(PATIENCE)
    visit(page, f"{address}/?panel={panel}")
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    _still(page)
    below, bar = table.evaluate(
        """table => [table.closest(".stElementContainer").nextElementSibling, document.querySelector(
             "[data-testid=stElementToolbar]")].map(one => one.getBoundingClientRect())"""
    )
    box = table.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= below["top"]
    assert bar["bottom"] <= box["y"] + 1
    page.close()


def test_an_edit_is_undone_on_a_phone_without_the_menu(phone):
    """Undo was in the closed menu alone."""
    undo = phone.locator(".st-key-picture-form").get_by_role("button", name="Undo")
    expect(undo).to_have_count(0)
    heading = phone.get_by_role("heading", level=1)
    before = heading.inner_text()
    open_block(phone, "stage3/block1")
    type_number(phone, "k · kernel", "5")
    expect(heading).to_have_text(f"{before}, edited")
    undo.click()
    expect(heading).to_have_text(before)
    expect(undo).to_have_count(0)
    settle(phone)


def test_undo_stands_once_in_a_wide_window(page):
    open_block(page, "stage3/block1")
    type_number(page, "k · kernel", "5")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("edited$"))
    settle(page)
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)


@pytest.mark.parametrize("path", ["", "g1", "separable"])
def test_the_order_of_the_document_is_the_reading_order_on_a_phone(browser, address, path):
    page = browser.new_page(viewport=PHONE)
    page.set_default_timeout(PATIENCE)
    visit(page, f"{address}/{path}")
    parts = page.locator('[data-testid="stMain"]').evaluate(
        """main => [...main.querySelectorAll("h1, h2, h3, .figure, .sheet, .stDataFrame, .stButton, [data-testid=stMetric]")]
          .filter(part => part.getClientRects().length && !part.closest("[hidden]"))
          .map(part => [part.getBoundingClientRect().top, (part.textContent || part.className).slice(0, 40)])"""
    )
    assert len(parts) > 3
    for (top, name), (below, after) in pairwise(parts):
        assert below >= top - 60, f"{after!r} stands above {name!r}"  # parts of one row differ by little
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE["width"]
    page.close()


@pytest.mark.parametrize("path", ["g1", "separable"])
def test_nothing_is_covered_or_cut_on_a_phone(browser, address, path):
    """Toolbars of tables lay on the text above, and a formula lost its result."""
    page = browser.new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page.set_default_timeout(PATIENCE)
    visit(page, f"{address}/{path}")
    assert (
        page.locator(".katex-display").evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth)") == []
    )
    covered = page.get_by_test_id("stElementToolbar").evaluate_all(
        """bars => bars.map(bar => bar.getBoundingClientRect()).filter(bar => bar.height).flatMap(bar =>
          [...document.querySelectorAll(".stMain p, .stMain button")]
            .filter(part => !part.closest("[data-testid=stElementToolbar]"))
            .filter(part => { const box = part.getBoundingClientRect(); return box.height && box.bottom > bar.top + 1 &&
              box.top < bar.bottom - 1 && box.right > bar.left && box.left < bar.right; })
            .map(part => part.textContent))"""
    )
    assert covered == []
    page.close()
