"""A class in real browsers: all press "Measure" at once, nobody presses twice, the teacher sees what arrives."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import lab_class
from support.browser import PATIENCE, limited

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE)
LIMIT = 600.0  # seconds of a test; alone it takes two minutes


def test_a_wait_without_a_limit_ends(browser: Browser):
    with pytest.raises(AssertionError, match="not done after 1 s"), limited(browser, 1) as own:
        own.new_page().evaluate("() => new Promise(() => {})")


def test_a_class_measures_at_once(browser: Browser, address, tmp_path):
    with limited(browser, LIMIT) as own:
        _measure_at_once(own, address, tmp_path)


def _measure_at_once(own: Browser, address: str, tmp_path: Path) -> None:
    teacher, code = lab_class.teacher(own, address)
    ada, bob, cy = (
        lab_class.student(own, address, code, name, 1, channels)
        for name, channels in (("Ada", 16), ("Bob", 16), ("Cy", 24))
    )
    expect(teacher.get_by_text("3 students, 3 predictions, 0 results")).to_be_visible()
    lab_class.measure([ada, bob, cy])
    expect(cy.get_by_text(re.compile("In the queue: 1 run before|Next in the queue|round \\d+ of"))).to_be_visible()
    # its place is stored at the end of the run that shows it; a reload before that loses it
    cy.wait_for_function("() => JSON.parse(sessionStorage.getItem('cnn-cost lab') || '{}').ticket")
    cy.reload()  # keeps the place, the prediction and the class
    expect(cy.get_by_text(f"Class {code}, as Cy.")).to_be_visible()
    lab_class.own_channels(cy, 24)
    for page in (ada, bob, cy):
        expect(page.get_by_role("button", name="Measure again")).to_be_visible()
    expect(teacher.get_by_text("3 students, 3 predictions, 3 results")).to_be_visible()
    with teacher.expect_download() as download:
        teacher.get_by_role("button", name="Results as CSV").first.click()
    download.value.save_as(tmp_path / "results.csv")
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["machine"] for row in rows} == {"Ada", "Bob", "Cy"}
    # a latecomer with the settings of a run of the last minutes has it at once
    late = lab_class.student(own, address, code, "Dee", 1, 16)
    late.get_by_role("button", name="Use this run").click()
    expect(late.get_by_role("button", name="Measure again")).to_be_visible()
    expect(teacher.get_by_text("4 students, 4 predictions, 4 results")).to_be_visible()
    teacher.get_by_text("Presentation view").click()
    expect(teacher.locator(".short td").filter(has_text="Ada").first).to_have_css("font-size", "21.6px")
    expect(teacher.locator('[data-testid="stDataFrame"]')).to_have_count(0)
    sizes = "() => [...document.querySelectorAll('.js-plotly-plot text')].map(t => parseFloat(getComputedStyle(t).fontSize))"
    teacher.wait_for_function(f"() => {{ const found = ({sizes})(); return found.length && Math.min(...found) >= 20 }}")
