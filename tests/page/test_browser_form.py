"""The page's own controls in a real browser: by key and by mouse, whole at every width, and nothing said is lost."""

from __future__ import annotations

from itertools import count

import pytest
from playwright.sync_api import expect
from support.browser import (
    PATIENCE,
    chosen,
    figure,
    lossy,
    number,
    open_block,
    open_page,
    press,
    settle,
    tile,
    turn,
    type_number,
    unfold,
)

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def test_nothing_said_fast_is_lost(page):
    """The next fields are typed into, and buttons are pressed, while the page still answers the last."""
    open_block(page, "stage3/block1")
    shown = [tile(page, "Mult-adds")]
    for label, value in (("c · channels", "48"), ("k · kernel", "5"), ("t · expansion", "4")):
        type_number(page, label, value)
    page.get_by_role("spinbutton", name="squeeze-and-excitation ratio", exact=True).fill("0.5")  # typed, not yet said
    settle(page)
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    for label, value in (
        ("c · channels", "48"),
        ("k · kernel", "5"),
        ("t · expansion", "4"),
        ("squeeze-and-excitation ratio", "0.5"),
    ):
        expect(number(page, label).first).to_have_value(value)
    expect(page.get_by_role("combobox", name="History").locator("option")).to_have_count(4)
    page.keyboard.press("Escape")
    expect(page.get_by_role("spinbutton", name="squeeze-and-excitation ratio", exact=True)).to_have_value("0")
    for _ in range(3):
        press(page, "Undo")
    expect(figure(page, "Mult-adds")).to_have_text(shown[0])
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()


def test_a_press_that_is_lost_is_said_again_and_done_once(page):
    seen = count()
    lost = lossy(page, lambda message: b"row Duplicate" in message and next(seen) < 1)
    open_block(page, "stage3/block1")
    press(page, "Duplicate")
    expect(chosen(page, "History")).to_have_text("2. row 4 duplicated")
    settle(page)
    type_number(page, "k · kernel", "5")
    expect(page.get_by_role("combobox", name="History").locator("option")).to_have_count(3)
    assert len(lost) == 1


def test_a_click_in_the_picture_and_what_was_kept_are_said_again(page):
    open_block(page, "stage3/block1")
    type_number(page, "k · kernel", "5")
    expect(chosen(page, "History")).to_have_text("2. row 4, kernel: 5")
    settle(page)
    seen = count()
    lost = lossy(page, lambda message: b"autosave__events" in message and next(seen) < 1)
    expect(chosen(page, "History")).to_have_text("2. row 4, kernel: 5")
    settle(page)
    assert len(lost) == 1
    seen = count()
    lost = lossy(page, lambda message: b"where__events" in message and next(seen) < 1)
    page.locator(".st-key-where .mark[data-name='stage4/block1']").first.click()
    expect(page.get_by_role("heading", name="stage4/block1")).to_be_visible()
    assert len(lost) == 1


def test_no_key_and_no_button_sends_a_form_away(page):
    """Each form is one to the browser, which would ask the server for another page in its place."""
    page.evaluate("window.kept = true")
    open_block(page, "stage3/block1")
    type_number(page, "k · kernel", "5")
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    page.get_by_role("checkbox", name="shortcut").press("Enter")
    page.get_by_role("tab", name="Diff").click()
    expect(page.get_by_role("tab", selected=True)).to_have_text("Diff")
    settle(page)
    expect(number(page, "k · kernel")).to_have_value("5")
    assert page.evaluate("window.kept")


# What an element's opacity is while the page says that it runs, until it is less than 1: [milliseconds, opacity]
FADING = """element => {
    document.querySelector(".stApp").dataset.testScriptState = "running";
    element.dataset.stale = "true";
    const since = document.timeline.currentTime, seen = [];
    return new Promise(done => requestAnimationFrame(function look() {
        seen.push([document.timeline.currentTime - since, Number(getComputedStyle(element).opacity)]);
        if (seen.at(-1)[1] < 1) done(seen); else requestAnimationFrame(look);
    }));
}"""


def test_only_a_run_that_takes_long_fades_the_page(page):
    seen = page.locator(".stElementContainer:has(.tiles)").evaluate(FADING)
    assert len(seen) > 1
    assert seen[-1][0] >= 500


def test_help_comes_by_mouse_and_by_key(page):
    tip = page.get_by_role("tooltip")
    sign = page.locator(".tiles dl").filter(has=page.get_by_text("Params")).get_by_role("button", name="Help")
    sign.hover()
    expect(tip).to_contain_text("Trainable parameters")
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    sign.focus()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_panels_are_turned_by_key(page):
    page.get_by_role("tab", name="Table").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Blocks")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_role("tab", name="Blocks")).to_be_focused()


def test_the_open_panel_is_not_made_again(page):
    """A run of the page would take each file from the button that somebody presses next."""
    turn(page, "Blocks")
    kept = page.locator(".st-key-panel-Blocks")
    kept.evaluate(
        "panel => new MutationObserver(() => panel.made = true).observe(document.querySelector('.stApp'),"
        " { attributeFilter: ['data-test-script-state'] })"
    )
    page.get_by_role("tab", name="Blocks").click()
    page.get_by_role("tab", name="Blocks").press("Enter")
    page.wait_for_timeout(500)
    assert not kept.evaluate("panel => panel.made")


def test_a_list_is_chosen_from_by_key(page):
    open_block(page, "stage3/block1")
    kinds = page.get_by_role("combobox", name="output activation", exact=True)
    kinds.focus()
    for key in ("ArrowUp", "ArrowUp", "Enter"):  # in the list that has opened, up from "none", the last
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    settle(page)
    expect(kinds).not_to_have_value("none")
    expect(kinds).to_be_focused()


# Words and fields that are wider than their place
CUT = """parts => parts.filter(part => part.offsetParent && part.scrollWidth > part.clientWidth + 1)
    .map(part => part.textContent || part.ariaLabel)"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_control_is_whole(browser, address, width, scheme):
    page = open_page(browser, address, width, 844, scheme)
    try:
        open_block(page, "stage3/block1")
        unfold(page, "Insert")
        unfold(page, "Replace")
        words = page.locator(".st-key-open_block .form").locator("label, p, button:not(.help), summary, input")
        assert words.count() > 40
        assert words.evaluate_all(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.close()
