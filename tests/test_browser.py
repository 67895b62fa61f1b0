"""A visit in a real browser, from opening the page to a PyTorch file that runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from browser import PATIENCE, choose, chromium, open_page, server, settle, tile
from playwright.sync_api import Browser, Page, expect

import archs
import costmodel
from explorer.metrics import human

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = open_page(browser, address)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert not failures
    assert page.get_by_test_id("stException").count() == 0
    page.close()


def test_from_opening_to_a_file_that_runs(page, tmp_path):
    expect(page.get_by_role("heading", name="MobileNetV2, width 1.0")).to_be_visible()

    choose(page, "Network", "ShuffleNetV2")
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 1.0")).to_be_visible()
    choose(page, "Width multiplier", "0.5")
    expect(page.get_by_role("heading", name="ShuffleNetV2, width 0.5")).to_be_visible()
    settle(page)
    spec = archs.spec("shufflenet_v2", width=0.5)
    counts = costmodel.count(archs.build(spec))
    assert tile(page, "Mult-adds") == human(counts.total.mult_adds)
    assert tile(page, "Params") == human(counts.total.params)

    blocks = list(counts.groups("block"))
    wanted = blocks.index("stage3/block4")
    click_block(page, wanted)
    opened = page.locator(".st-key-open_block")
    expect(opened.get_by_role("heading", name="stage3/block4")).to_be_visible()
    drawn = opened.locator(".st-key-block_graph")
    expect(drawn.get_by_text("channel split", exact=False).or_(drawn.get_by_text("split ·").first)).to_be_visible()
    expect(drawn.get_by_text(re.compile("^shuffle g=2"))).to_be_visible()

    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch file").click()
    assert download.value.suggested_filename == "shufflenet_v2.py"
    file = tmp_path / "shufflenet_v2.py"
    download.value.save_as(file)
    module = archs.from_source(file.read_text(encoding="utf-8")).eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    assert human(sum(p.numel() for p in module.parameters())) == tile(page, "Params")


def click_block(page: Page, number: int) -> None:
    """A real click with the mouse, in the middle of a block of the picture."""
    bar = page.locator(".st-key-picture .barlayer .trace").first.locator(".point path").nth(number)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_one_click_after_another(page):
    heading = page.locator(".st-key-open_block").get_by_role("heading")
    for number, block in ((2, "stage2/block1"), (11, "stage5/block1"), (2, "stage2/block1")):
        click_block(page, number)
        expect(heading).to_have_text(block)
        expect(page.get_by_role("combobox", name="Open a block")).to_have_value(block)
        settle(page)


def test_a_bad_file_is_refused(page):
    page.locator('input[type="file"]').set_input_files(
        {"name": "spec.json", "mimeType": "application/json", "buffer": b'{"format": "archs.spec/1", "rows": ['}
    )
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    assert tile(page, "Mult-adds") == human(300_774_272)


def test_a_typed_width(page):
    box = page.get_by_role("combobox", name="Width multiplier")
    box.fill("0.6")
    box.press("Enter")
    expect(page.get_by_role("heading", name="MobileNetV2, width 0.6")).to_be_visible()
    box.fill("wide")
    box.press("Enter")
    expect(page.get_by_test_id("stAlert")).to_contain_text("found 'wide'")
    expect(page.get_by_role("heading", name="MobileNetV2, width 0.6")).to_be_visible()


# Whichever element between the text and its tile cuts it
WHOLE = """e => {
    for (; e.dataset.testid !== "stMetric"; e = e.parentElement) if (e.scrollWidth > e.clientWidth + 1) return false;
    return true;
}"""
SIZES = [(1280, 800), (1920, 1080), (390, 844)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_tile_is_whole_and_in_view(browser, address, width, height):
    page = open_page(browser, address, width, height)
    try:
        values = page.get_by_test_id("stMetricValue").locator("p")
        assert values.count() == 6
        for value in [*values.all(), *page.get_by_test_id("stMetricLabel").locator("p").all()]:
            assert value.evaluate(WHOLE), f"cut: {value.inner_text()}"
        tiles = [tile.bounding_box() for tile in page.get_by_test_id("stMetric").all()]
        assert max(box["y"] + box["height"] for box in tiles) <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    finally:
        page.close()
