"""The table of the Explore page in a real browser: typed into by key, kept where it is, nothing lost."""

from __future__ import annotations

import re
from itertools import count

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import PATIENCE, chosen, figure, lossy, open_block, press, settle, tile, type_number

import archs
import costmodel
from explorer.data.metrics import human
from explorer.editing.edits import set_cells

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def cell(page: Page, row: int, column: str) -> Locator:
    """A cell of the table; rows from 1, as the table counts them."""
    return page.locator(".st-key-grid").get_by_label(f"row {row}, {column}", exact=True)


def mult_adds(changes: dict[tuple[int, str], object]) -> str:
    """What the tile says of MobileNetV2 with other cells; rows from 0."""
    spec = set_cells(archs.spec("mobilenet_v2"), changes).spec
    return human(costmodel.count(archs.build(spec)).total.mult_adds)


def test_the_keyboard_types_into_the_table(page):
    tiles = figure(page, "Mult-adds")
    kernel = cell(page, 4, "kernel")
    kernel.click()
    kernel.fill("5")
    page.keyboard.press("Enter")
    expect(cell(page, 5, "kernel")).to_be_focused()  # one row down
    expect(tiles).to_have_text(mult_adds({(3, "kernel"): 5}))
    settle(page)
    expect(cell(page, 5, "kernel")).to_be_focused()  # and stays there when the page has changed
    cell(page, 5, "channels").fill("72")
    page.keyboard.press("Tab")
    expect(cell(page, 5, "repeat")).to_be_focused()
    expect(tiles).to_have_text(mult_adds({(3, "kernel"): 5, (4, "channels"): 72}))
    settle(page)
    cell(page, 5, "channels").fill("80")
    page.keyboard.press("Escape")
    expect(cell(page, 5, "channels")).to_have_value("72")
    press(page, "Undo")
    expect(cell(page, 5, "channels")).to_have_value("64")
    expect(tiles).to_have_text(mult_adds({(3, "kernel"): 5}))


def test_a_refused_cell_of_the_table_keeps_what_was_typed(page):
    before = tile(page, "Mult-adds")
    kernel = cell(page, 4, "kernel")
    kernel.fill("four")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert").filter(has_text="row 4, column kernel: found 'four'")
    expect(alert).to_be_visible()
    settle(page)
    expect(kernel).to_have_value("four")
    expect(kernel).to_have_attribute("aria-invalid", "true")
    cell(page, 6, "channels").fill("104")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Put the 2 cells back")).to_be_visible()
    settle(page)
    expect(cell(page, 6, "channels")).to_have_value("104")
    assert tile(page, "Mult-adds") == before
    kernel.fill("7")
    page.keyboard.press("Enter")
    expect(alert).to_have_count(0)
    settle(page)
    expect(kernel).not_to_have_attribute("aria-invalid", "true")
    assert tile(page, "Mult-adds") == mult_adds({(3, "kernel"): 7, (5, "channels"): 104})

    kernel.fill("4")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="found 4")).to_be_visible()
    settle(page)
    kernel.focus()
    page.keyboard.press("Escape")  # back to what the network has
    expect(kernel).to_have_value("7")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_words_switches_and_kinds_are_chosen_in_the_table(page):
    page.get_by_text("All columns").click()
    settle(page)
    cell(page, 4, "activation").select_option("swish")
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0, edited")).to_be_visible()
    settle(page)
    cell(page, 4, "out activation").focus()
    for key in ("ArrowDown", "ArrowUp", "ArrowUp", "Enter"):  # in the list that has opened, up from "none", the last
        page.keyboard.press(key)
    expect(chosen(page, "History")).to_contain_text("output activation: swish")
    settle(page)
    cell(page, 4, "norm").uncheck()
    settle(page)
    cell(page, 4, "kind").focus()
    cell(page, 4, "kind").select_option("shuffle_v2")
    expect(cell(page, 4, "downsample")).to_be_visible()
    settle(page)
    expect(cell(page, 4, "expansion")).to_have_count(0)
    expect(cell(page, 4, "norm")).not_to_be_checked()
    expect(cell(page, 4, "kind")).to_be_focused()
    for step in (4, 3, 2, 1):  # two clicks before a run has begun are one to Streamlit
        press(page, "Undo")
        expect(chosen(page, "History")).to_have_text(re.compile(rf"^{step}\."))
        settle(page)
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0", exact=True)).to_be_visible()
    expect(cell(page, 4, "activation")).to_have_value("relu6")
    expect(cell(page, 4, "norm")).to_be_checked()


def test_an_edit_elsewhere_leaves_the_tables_cells_in_the_page(page):
    open_block(page, "stage3/block1")
    kept = cell(page, 4, "kernel").element_handle()
    type_number(page, "k · kernel", "5")
    expect(cell(page, 4, "kernel")).to_have_value("5")
    press(page, "Duplicate")
    expect(cell(page, 5, "kernel")).to_have_value("5")
    settle(page)
    assert kept.evaluate("cell => cell.isConnected")


def test_a_note_and_a_new_column_leave_what_is_below_in_the_page(page):
    kept = [page.locator(f".st-key-{name} .figure").element_handle() for name in ("picture", "where")]
    kept += [cell(page, row, "kernel").element_handle() for row in (3, 5)]
    cell(page, 4, "kind").select_option("shuffle_v1")
    expect(page.get_by_test_id("stAlert").filter(has_text="Adjusted with it: row 4: groups")).to_be_visible()
    expect(cell(page, 4, "groups")).to_have_value("2")
    settle(page)
    press(page, "Undo")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    settle(page)
    assert all(one.evaluate("element => element.isConnected") for one in kept)


def test_nothing_typed_fast_is_lost(page):
    """The next cells are typed into while the page still answers the last."""
    wanted = {}
    cell(page, 3, "kernel").select_text()
    for row in range(2, 8):
        wanted[row, "kernel"] = 5
        page.keyboard.type("5")
        page.keyboard.press("Enter")
    page.keyboard.type("3")
    expect(figure(page, "Mult-adds")).to_have_text(mult_adds(wanted))
    settle(page)
    assert [cell(page, row, "kernel").input_value() for row in range(3, 10)] == ["5"] * 6 + ["3"]
    page.keyboard.press("Escape")
    expect(cell(page, 9, "kernel")).to_have_value("1")


def test_a_message_that_is_lost_is_said_again(page):
    """Streamlit stops a run for the next message, which may be before it has seen its own."""
    seen = count()
    lost = lossy(page, lambda message: b"queue" in message and next(seen) < 2)
    wanted = {(row, "kernel"): 5 for row in range(2, 5)}
    cell(page, 3, "kernel").select_text()
    for _ in wanted:
        page.keyboard.type("5")
        page.keyboard.press("Enter")
    expect(figure(page, "Mult-adds")).to_have_text(mult_adds(wanted))
    press(page, "Undo")
    expect(chosen(page, "History")).to_have_text("3. row 4, kernel: 5")
    assert len(lost) == 2


def test_the_first_table_fits_its_frame(page):
    """It was 15 px wider at 1280 px: a column was cut for nothing."""
    frame = page.locator(".st-key-grid .sheet")
    frame.scroll_into_view_if_needed()
    assert frame.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0
