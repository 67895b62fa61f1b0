"""The presentation view of the lab: all text can be read from a distance, that of the buttons below a figure included."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE

from explorer.page.widgets.chart import LEGIBLE

pytestmark = pytest.mark.browser

SMALL = """least => {
  const visit = root => [...root.querySelectorAll("*")].flatMap(e => [e, ...(e.shadowRoot ? visit(e.shadowRoot) : [])]);
  const words = e => [...e.childNodes].some(node => node.nodeType === 3 && /\\w/.test(node.data));
  const skipped = ".katex *, style, [data-testid=stSliderThumbValue] *";
  const small = ({ fontSize, fontFamily }) => parseFloat(fontSize) < least && !fontFamily.includes("Material");
  return visit(document.querySelector("[data-testid=stMain]"))
    .filter(e => e.checkVisibility() && (words(e) || e.matches("[type=number]")) && !e.matches(skipped))
    .filter(e => small(getComputedStyle(e)))
    .map(e => e.textContent.trim() || e.ariaLabel);
}"""
HELP = ".stTooltipIcon button"
BROKEN = """() => [...document.querySelectorAll("[data-testid=stMain] .short td")]
  .filter(cell => cell.textContent.length <= 12 && cell.firstChild)
  .filter(({ firstChild }) => {
    const range = document.createRange();
    range.selectNode(firstChild);
    return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
  })
  .map(cell => cell.textContent)"""


def test_all_text_is_legible_and_targets_are_large(browser, address):
    """Buttons below a figure had text of 14 px, the "?" were 16 px wide, and the name of the switch was cut off."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/g2")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("button", name="as SVG").first).to_be_visible()
    assert page.evaluate(SMALL, LEGIBLE)
    page.get_by_text("Presentation view").click()
    page.wait_for_function(f"least => !({SMALL})(least).length", arg=LEGIBLE, timeout=20_000)
    assert page.evaluate(BROKEN) == []  # "g = 1" stood in two lines
    box = page.locator(HELP).last.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 24
    name = page.get_by_test_id("stMarkdownContainer").filter(has_text="Presentation view").last
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
    page.close()


def test_all_text_of_the_teacher_is_legible(browser, address):
    """The students' address, and the note in the upload of files, had 16 px and less."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/class")
    page.get_by_role("button", name="Create a class").click()
    expect(page.locator("code")).to_be_visible()
    assert page.evaluate(SMALL, LEGIBLE)
    page.get_by_text("Presentation view").click()
    page.wait_for_function(f"least => !({SMALL})(least).length", arg=LEGIBLE, timeout=20_000)
    page.close()
