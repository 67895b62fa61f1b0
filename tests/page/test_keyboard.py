"""The Explore page by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, number, open_block, settle, turn, type_number

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  const element = document.activeElement;
  return element.tagName + " " + (element.ariaLabel ?? element.textContent).trim().slice(0, 60);
}"""
MOST = 600  # presses


def test_tab_walks_from_the_network_to_the_last_cell_and_back(page):
    """A "?" button cancelled every key but Escape, so Tab never left the first one."""
    page.get_by_role("combobox", name="Network").focus()
    first = page.evaluate(FOCUSED)
    cells = page.locator(".sheet input, .sheet select")
    last = cells.last.get_attribute("aria-label")
    visited = _walk(page, "Tab", last)
    assert any(stop.startswith("BUTTON Help: ") for stop in visited)
    assert _walk(page, "Shift+Tab", first.partition(" ")[2])


def _walk(page, key: str, until: str) -> list[str]:
    """What has the focus after each press, until it is named so."""
    visited: list[str] = []
    for _ in range(MOST):
        page.keyboard.press(key)
        visited.append(page.evaluate(FOCUSED))
        if visited[-1].partition(" ")[2] == until:
            return visited
    raise AssertionError(f"{until} was not reached; last {visited[-3:]}")


def test_the_menu_shows_which_of_its_links_has_the_focus(page):
    page.get_by_role("link", name="Explore", exact=True).focus()
    page.keyboard.press("Tab")
    found = page.get_by_role("link", name="Search", exact=True)
    expect(found).to_be_focused()
    expect(found).to_have_css("outline-style", "solid")


def test_every_help_button_has_a_name_of_its_own(page):
    names = page.locator(".tiles button.help").evaluate_all("buttons => buttons.map(button => button.ariaLabel)")
    assert names
    assert len(set(names)) == len(names)
    assert all(name.startswith("Help: ") and len(name) > len("Help: ") for name in names)


ON_TOP = """button => {
  const { x, y, width, height } = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(x + width / 2, y + height - 2));
}"""


def test_a_table_and_its_toolbar_show_that_they_have_the_focus(page):
    """The toolbar was transparent, and the table was on top of its lower half."""
    turn(page, "Blocks")
    toolbar = page.get_by_test_id("stElementToolbar").first
    page.get_by_role("tab", name="Blocks").focus()
    for _ in range(MOST):
        page.keyboard.press("Tab")
        if toolbar.locator("button:focus").count():
            break
    expect(toolbar).to_have_css("opacity", "1")
    focused = toolbar.locator("button:focus")
    expect(focused).to_have_css("outline-style", "solid")
    assert focused.evaluate(ON_TOP)
    toolbar.get_by_role("button").last.focus()
    page.keyboard.press("Tab")
    expect(page.locator(".stDataFrame").first).to_have_css("outline-style", "solid")


ALL_ON_TOP = """(tiles, [x, top, height]) => {
  for (let y = top + 4; y < top + height; y += 8) if (!tiles.contains(document.elementFromPoint(x, y))) return false;
  return true;
}"""


def test_the_tiles_never_cover_what_has_the_focus(page):
    """They covered up to 40 pixels more than the page scrolled for; toolbars of tables and code lay on top of them."""
    open_block(page, "stage3/block1")
    page.get_by_role("spinbutton", name="k · kernel", exact=True).scroll_into_view_if_needed()
    page.get_by_role("button", name="Delete", exact=True).focus()
    tiles = page.locator(".st-key-tiles")
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.closest('.stApp .form') === null"):
            break
        bottom = tiles.evaluate("tiles => tiles.getBoundingClientRect().bottom")
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= bottom, page.evaluate(FOCUSED)
    turn(page, "Export")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
    page.get_by_test_id("stCode").hover()
    box = tiles.bounding_box()
    assert tiles.evaluate(ALL_ON_TOP, [box["x"] + box["width"] - 24, box["y"], box["height"]])


def test_the_focus_is_not_lost_with_the_button_that_had_it(page):
    """Undo after the last edit, and a suggestion once it was applied, left the focus to the whole page."""
    open_block(page, "stage3/block1")
    type_number(page, "c · channels", "48")
    settle(page)
    for pressed, after in (("Undo", "Redo"), ("Redo", "Undo")):
        button = page.get_by_role("button", name=pressed, exact=True)
        expect(button).to_be_enabled(timeout=PATIENCE)
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=after, exact=True)).to_be_focused(timeout=PATIENCE)
        settle(page)
    page.get_by_role("button", name="Edit this block alone").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-open_block").get_by_role("combobox", name="kind", exact=True)).to_be_focused()


def test_the_focus_goes_to_what_replaces_a_pressed_button(browser, address):
    """Streamlit's own widgets left it to the whole page, and the next Tab started at the top."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/g1")

    def button(name):
        return page.get_by_role("button", name=name, exact=True)

    expect(button("Skip")).to_be_visible(timeout=PATIENCE)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    order = page.get_by_role("combobox")
    for pressed, after in (
        ("Skip", button("Order again")),
        ("Order again", order),
        ("Skip", button("Order again")),
        ("Measure here", button("Stop")),
        ("Stop", button("Measure here")),
    ):
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        expect(button(pressed)).to_be_enabled(timeout=PATIENCE)
        button(pressed).focus()
        page.keyboard.press("Enter")
        expect(after, pressed).to_be_focused(timeout=30_000)
    page.close()


def test_a_line_of_a_tile_breaks_between_facts(page):
    """The interval of the latency was on two lines at 1280 pixels."""
    facts = page.locator(".tiles .beside span")
    assert any(fact.startswith("90 %: ") for fact in facts.all_inner_texts())
    heights = facts.evaluate_all("facts => facts.map(fact => fact.getBoundingClientRect().height)")
    assert max(heights) < 1.5 * min(heights)


def test_text_that_is_no_number_is_refused_in_words(page):
    """The text 1e was put back without a word; in a field that was empty it stayed."""
    open_block(page, "stage3/block1")
    for label, words in (("c · channels", "Not a number: 32 stays."), ("expanded", "the field stays empty.")):
        field = number(page, label).first
        field.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("1e")
        page.keyboard.press("Enter")
        expect(page.locator(".refusal")).to_contain_text(words)
        assert not field.evaluate("field => field.validity.badInput")
        page.keyboard.type("1")
        expect(page.locator(".refusal")).to_have_count(0)
        page.keyboard.press("Escape")
