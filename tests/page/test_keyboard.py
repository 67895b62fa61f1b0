"""The Explore page by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import turn

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
