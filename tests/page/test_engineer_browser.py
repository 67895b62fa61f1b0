"""The engineer's panels in a real browser: points that open by a click, designs that stay, files with a version's name."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, choose, open_block, open_page, press, settle, turn, type_number

pytestmark = pytest.mark.browser


def heading(page):
    return page.get_by_role("heading", level=1)


def test_a_click_on_a_candidate_opens_it(page):
    turn(page, "Budget")
    target = page.get_by_role("spinbutton", name="Target, ms")
    target.fill("20")
    target.press("Enter")
    points = page.locator(".st-key-budget .scatterlayer .points path.point")
    points.first.wait_for(state="attached")
    page.get_by_text("estimated candidate").wait_for()
    settle(page)
    before = heading(page).inner_text()
    points.last.scroll_into_view_if_needed()  # of a candidate: their traces are the last ones
    points.last.click(force=True)
    expect(heading(page)).not_to_have_text(before, timeout=PATIENCE)
    settle(page)
    press(page, "Undo")
    expect(heading(page)).to_have_text(before, timeout=PATIENCE)


def test_designs_stay_over_a_reload_and_a_link_brings_them(page, browser):
    turn(page, "Designs")
    press(page, "Keep this version")
    page.get_by_text("1 of 50 kept.").wait_for()
    choose(page, "Network", "ShuffleNetV2")
    settle(page)
    press(page, "Keep this version")
    page.get_by_text("2 of 50 kept.").wait_for()
    settle(page)
    page.reload()
    settle(page)
    page.get_by_text("2 of 50 kept.").wait_for()
    page.get_by_role("button", name="Link to all designs").click()
    link = page.locator("code").filter(has_text="designs=").first.inner_text()
    again = open_page(browser, link)  # another visitor, whose browser stores nothing
    try:
        again.get_by_text("2 of 50 kept.").wait_for()
        again.get_by_role("button", name=re.compile("^Remove ShuffleNetV2")).click()
        again.get_by_text("1 of 50 kept.").wait_for()
    finally:
        again.close()


def test_tiles_stay_in_sight_and_files_carry_the_version(page):
    open_block(page, "stage3/block1")
    kernel = page.locator(".st-key-open_block").get_by_role("spinbutton", name="k · kernel")
    type_number(page, "k · kernel", "5")
    kernel.scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_attached()
    box = page.locator(".tiles").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 800
    field = kernel.bounding_box()
    assert field is not None
    assert box["y"] + box["height"] <= field["y"]
    turn(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Spec (JSON)").click()
    assert download.value.suggested_filename == "mobilenet_v2_row_4_kernel_5.json"
