"""A press of one of Streamlit's own buttons takes effect, though the next message stops the run that has it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, choose, turn

pytestmark = pytest.mark.browser


def test_a_press_before_another_one_takes_effect(page):
    turn(page, "Reconcile")
    page.get_by_role("button", name="Run the real fvcore now").click()
    choose(page, "Colour by", "Params")  # in the same instant: it stops the run that was to do the press
    expect(page.get_by_text("as predicted")).to_be_visible(timeout=PATIENCE / 4)
