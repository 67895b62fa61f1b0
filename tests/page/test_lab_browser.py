"""The lab in a real browser: every page is walked, light and dark; a guideline is ordered, run, stopped and compared."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import PATIENCE, choose, uploader
from support.lab_runs import run_of

from explorer.lab import record
from explorer.lab.classes import Classes
from explorer.page.lab.pages import LESSONS

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert not failures
    page.close()


def visit(page: Page, url: str) -> None:
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-testid="stMain"] h1').wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0


def go(page: Page, section: str, title: str) -> None:
    """To a page by the menu on top."""
    page.get_by_test_id("stTopNavSection").filter(has_text=section).click()
    page.get_by_text(title, exact=True).last.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["g1", "g2", "g3", "g4", "held", "own", "class", *LESSONS])
def test_every_page(page, address, path, scheme):
    page.emulate_media(color_scheme=scheme)
    visit(page, f"{address}/{path}")
    heading = page.locator('[data-testid="stMain"] h1').bounding_box()
    menu = page.get_by_test_id("stHeader").bounding_box()
    assert heading["y"] >= menu["y"] + menu["height"], "the menu hides the title"
    if path.startswith("g"):
        page.get_by_role("button", name="Skip").click()
        expect(page.get_by_role("heading", name="5 Compare")).to_be_visible()
        settle(page)
    elif path in LESSONS:
        page.get_by_role("button", name="Skip").click()
        expect(page.get_by_text("Prediction skipped.")).to_be_visible()
        settle(page)
    width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 1280, "the page scrolls sideways"


def test_order_run_compare_and_take_away(page, address, tmp_path):
    visit(page, f"{address}/g1")
    rows = ["c1:c2 = 1:1", "c1:c2 = 1:2", "c1:c2 = 1:6", "c1:c2 = 1:12"]
    box = page.get_by_role("combobox")
    box.click()
    for row in rows:
        page.get_by_role("option", name=row, exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep my order").click()
    expect(page.get_by_text("Your order, fastest first")).to_be_visible()
    page.get_by_role("radio", name="my own").or_(page.get_by_role("button", name="my own")).first.click()
    channels = page.get_by_label("Channels of the first row")
    channels.fill("8")
    channels.press("Enter")
    settle(page)
    page.get_by_role("button", name="Measure here").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Measure again")).to_be_visible()
    expect(page.get_by_text("The paper's direction (ARM, ×1) agrees in")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Result as CSV").click()
    file = Path(tmp_path / "result.csv")
    download.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert [row["row"] for row in csv.DictReader(text.splitlines())] == rows
    # and to the teacher's page, by the menu, without losing the run
    go(page, "Guideline lab", "For the teacher")
    expect(page.get_by_text("From this session's runs: G1")).to_be_visible()
    uploader(page, "The students' CSV files").set_input_files(file)
    expect(page.get_by_text("1 machine, 4 rows.")).to_be_visible()
    assert len(record.read(text)) == 4


def test_a_reload_keeps_order_and_run(page, address):
    visit(page, f"{address}/g2")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("button", name="Measure here")).to_be_visible()
    page.get_by_role("radio", name="my own").or_(page.get_by_role("button", name="my own")).first.click()
    page.get_by_label("Channels of the first row").fill("8")
    page.get_by_label("Channels of the first row").press("Enter")
    settle(page)
    page.get_by_role("button", name="Measure here").click()
    expect(page.get_by_role("button", name="Measure again")).to_be_visible()
    settle(page)
    page.reload()
    expect(page.get_by_text("Your order, fastest first")).to_be_visible()
    expect(page.get_by_label("Channels of the first row")).to_have_value("8")
    expect(page.get_by_role("button", name="Measure again")).to_be_visible()


def test_a_reload_keeps_what_is_chosen_and_the_presentation_view(page, address):
    """An order that was not kept was lost, and a teacher's presentation ended."""
    visit(page, f"{address}/g1")
    page.get_by_role("combobox").click()
    for row in ("c1:c2 = 1:6", "c1:c2 = 1:1"):
        page.get_by_role("option", name=row, exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_text("Presentation view").click()
    expect(page.get_by_role("heading", level=1)).to_have_css("font-size", "48px")
    settle(page)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_css("font-size", "48px")
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text(re.compile("1:6.*1:1$"))
    page.get_by_role("link", name="Next: G2").click()
    page.get_by_role("link", name="Previous: G1").click()
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text(re.compile("1:6.*1:1$"))


def test_a_run_is_stopped(page, address):
    visit(page, f"{address}/g4")
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Measure here").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped after").or_(page.get_by_text("Stopped early")).first).to_be_visible()
    expect(page.get_by_role("button", name="Measure").first).to_be_visible()


def test_links_lead_to_the_neighbours(page, address):
    visit(page, f"{address}/g2")
    page.get_by_role("link", name="Next: G3").click()
    expect(page).to_have_url(re.compile("/g3$"))
    page.get_by_role("link", name="Previous: G2").click()
    expect(page).to_have_url(re.compile("/g2$"))


def test_the_explore_page_keeps_its_network(page, address):
    visit(page, address)
    choose(page, "Network", "ShuffleNetV2")
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 1.0")).to_be_visible()
    go(page, "Guideline lab", "G2: groups")
    expect(page.get_by_role("heading", name="1 The claim")).to_be_visible()
    page.get_by_test_id("stTopNav").get_by_text("Explore", exact=True).click()
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 1.0")).to_be_visible()
    expect(page.get_by_role("combobox", name="Network")).to_have_value("shufflenet_v2")


def test_the_sheets_print_on_two_pages(page):
    from explorer.lab import sheet
    from explorer.lab.experiment import experiment
    from explorer.lab.verdict import compare

    made = [experiment(number, "GPU", 4) for number in (1, 2, 3, 4)]
    results = []
    for of in made:
        run = run_of([v.row for v in of.variants], [(1.0,) * len(of.variants)] * 5)
        results.append((of, compare(of, run)))
    for text in (sheet.questions(made), sheet.answers(results, "a machine with a long name " * 3)):
        page.set_content(text)
        printed = page.pdf(prefer_css_page_size=True)
        assert printed.count(b"/Type /Page\n") == 2


def test_a_class_that_was_left_stays_left(page, address):
    code, _ = Classes().create()
    visit(page, f"{address}/g1?class={code}")
    stored = "sessionStorage.getItem('cnn-cost lab')"
    before = page.wait_for_function(f"() => {stored}").json_value()  # the page's controls
    page.get_by_label("Your name, or that of your machine").fill("Ada")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_text(f"Class {code}, as Ada.")).to_be_visible()
    page.wait_for_function(f"before => {stored} !== before", arg=before)
    page.get_by_role("button", name="Leave the class").click()
    expect(page.get_by_text("Join a class")).to_be_visible()
    page.wait_for_function(f"before => {stored} === before", arg=before)
    visit(page, f"{address}/g1")
    expect(page.get_by_text("Join a class")).to_be_visible()
