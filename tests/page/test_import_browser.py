"""The Import page in a real browser: an ONNX file goes up, its costs stand there, its table opens in Explore."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, tile, uploader

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from archs.interop.onnx.exporter import to_onnx
from explorer.data.metrics import human

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/import")
    expect(page.get_by_role("heading", name="Import a network")).to_be_visible()
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.close()


def upload(page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    uploader(page, "An ONNX file with its weights in it").set_input_files(file)


def test_a_file_of_ours_comes_back_as_a_table(page):
    graph = archs.build(archs.spec("shufflenet_v2", width=0.5, resolution=64))
    upload(page, "mine.onnx", to_onnx(graph))
    expect(page.get_by_role("heading", name="mine", exact=True)).to_be_visible()
    total = costmodel.count(graph).total
    assert tile(page, "Mult-adds") == human(total.mult_adds)
    assert tile(page, "Params") == human(total.params)
    page.get_by_role("tab", name="Edit").click()
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.get_by_role("heading", name="Import a network")).to_be_hidden()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    assert tile(page, "Mult-adds") == human(total.mult_adds)


def test_what_is_no_onnx_file_is_refused_and_the_page_stays(page):
    upload(page, "bad.onnx", b"PK\x03\x04 not a protobuf")
    expect(
        page.get_by_test_id("stAlert").filter(has_text="bad").or_(page.get_by_test_id("stAlert")).first
    ).to_be_visible()
    expect(page.get_by_role("heading", name="Import a network")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_file_of_every_catalogue_network_is_taken(page, name, tmp_path):
    """The server's limit was 6 MB where the page promised 128: MobileNetV2's own export was refused."""
    graph = archs.build(archs.spec(name))
    (tmp_path / f"{name}.onnx").write_bytes(to_onnx(graph))
    uploader(page, "An ONNX file with its weights in it").set_input_files(tmp_path / f"{name}.onnx")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert tile(page, "Params") == human(costmodel.count(graph).total.params)
    expect(page.get_by_text("AxiosError")).to_have_count(0)
