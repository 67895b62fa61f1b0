"""A class in real browsers: the teacher creates it, students join, predict and press "Measure here" once."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Browser, Page, expect
from support.browser import PATIENCE

ROWS = 4  # of G1 and G2
AT_ONCE = """
(button, moment) => {
  const press = () => { button.click(); return Date.now() };
  window.pressed = new Promise(done => setTimeout(() => done(press()), moment - Date.now()));
}
"""


def teacher(browser: Browser, address: str) -> tuple[Page, str]:
    """(the teacher's page, the code of a new class)."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/class")
    page.get_by_role("button", name="Create a class").click()
    code = page.get_by_text(re.compile("Class code: [A-Z0-9]{6}")).inner_text().split()[-1]
    return page, code


def student(browser: Browser, address: str, code: str, name: str, guideline: int, channels: int) -> Page:
    """The page of a student who has joined the class and predicted, with small networks of these channels."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/g{guideline}?class={code}")
    page.get_by_label("Your name, or that of your machine").fill(name)
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_text(f"Class {code}, as {name}.")).to_be_visible()
    page.get_by_role("combobox").click()
    for _ in range(ROWS):
        page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep my order").click()
    expect(page.get_by_text("Your order, fastest first")).to_be_visible()
    own_channels(page, channels)
    return page


def own_channels(page: Page, channels: int) -> None:
    """Choose networks of so many channels, and wait until the page has them."""
    page.get_by_role("radio", name="my own").or_(page.get_by_role("button", name="my own")).first.click()
    field = page.get_by_label("Channels of the first row")
    field.fill(str(channels))
    field.press("Enter")
    expect(page.get_by_text(f"At {channels} channels and 56×56").first).to_be_visible()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def measure(pages: list[Page]) -> tuple[float, float]:
    """Every student presses once, all at the same moment: (seconds ago, seconds between the first press and the last)."""
    moment = 1000 * (time.time() + 2 + len(pages))  # each page is told beforehand, which takes a busy browser a second
    for page in pages:
        page.get_by_role("button", name="Measure here").evaluate(AT_ONCE, moment)
    pressed = [page.evaluate("() => pressed") / 1000 for page in pages]
    return time.time() - min(pressed), max(pressed) - min(pressed)
