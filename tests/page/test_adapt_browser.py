"""The search layer by layer in a real browser: a target, a staircase, and a click that opens a step in Explore."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, chosen, settle

pytestmark = pytest.mark.browser


def test_a_click_on_a_step_opens_it(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 1200})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/search?by=layers&score=mult_adds&meets=point&target=20.5")
    page.get_by_role("button", name="Adapt", exact=True).click()
    page.get_by_text(re.compile(r"in \d+ steps, .* The last network meets 20.5 ms")).wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")
    points = page.locator(".st-key-adapt .scatterlayer .points path.point")
    points.first.wait_for(state="attached")
    points.nth(1).scroll_into_view_if_needed()
    points.nth(1).click(force=True)
    settle(page)
    expect(chosen(page, "History")).to_contain_text("step 1", timeout=PATIENCE)
    page.close()
