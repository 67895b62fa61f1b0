"""The page "Search" in a real browser: a target, a search, a stop, a reload, its continuation, the best as a file."""

from __future__ import annotations

import re

import pytest
import torch
from playwright.sync_api import expect
from support.browser import PATIENCE, figure, settle, turn

import archs
from archs.interop.pytorch.execute import from_source
from explorer.data.metrics import human

pytestmark = pytest.mark.browser


def idle(page):
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")


def test_a_search_from_the_target_to_the_executed_file(browser, address, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/search?evaluations=40&strategy=evolution")
    target = page.get_by_role("spinbutton", name="Target, ms")
    target.fill("10")
    target.press("Enter")
    search = page.get_by_role("button", name="Search", exact=True)
    expect(search).to_be_enabled(timeout=PATIENCE)
    search.click()
    page.get_by_text(re.compile(r"^[1-9]\d* of 40 networks evaluated")).wait_for()
    page.get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile(r"Stopped after \d+ of 40 evaluations"))
    stopped.wait_for()
    said = stopped.inner_text()
    idle(page)
    page.reload()
    expect(stopped).to_have_text(said, timeout=PATIENCE)
    page.get_by_role("button", name=re.compile("^Continue: ")).click()
    page.get_by_text(re.compile(r"^Best of 40: .* it meets 10 ms with its whole interval\.$")).wait_for()
    idle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch file").click()
    file = tmp_path / "network.py"
    download.value.save_as(file)
    page.get_by_role("button", name="Open in Explore").click()
    settle(page)
    module = from_source(file.read_text(encoding="utf-8"))
    params = sum(parameter.numel() for parameter in module.parameters())
    assert figure(page, "Params").inner_text() == human(params)
    turn(page, "Export")
    with page.expect_download() as again:
        page.get_by_role("button", name="Spec (JSON)").click()
    spec = archs.Spec.from_json(again.value.path().read_text(encoding="utf-8"))
    assert sum(parameter.numel() for parameter in archs.to_module(archs.build(spec)).parameters()) == params
    with torch.no_grad():
        assert module.eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    page.close()
