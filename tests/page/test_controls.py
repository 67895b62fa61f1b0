"""Every control of every page is used once, without a browser; a control that nobody uses fails here by its name.

Controls are found, not listed: what the pages draw in the states of `page_states.py` is used, and each call in the
pages' files that draws a control has to have been met. Only those of `ELSEWHERE` are left to the tests named there.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest, element_tree
from support import forms
from support.apptest import APP, check
from support.forms import CONTROLS, fields, say
from support.page_states import STATES
from torch import nn

from explorer.data import zoo
from explorer.jobs import lab_queue
from explorer.page.browser import effects
from explorer.page.widgets import download, form, profile_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning"),
]

ELSEWHERE = {
    r"grid": "test_editing_cells.py::test_the_grid",  # AppTest cannot type into a cell
    r"picture|where": "test_browser_drawings.py::test_one_click_after_another",  # nor click into a drawing
    r"block_graph|where_kind": "test_browser_drawings.py::test_a_drawing_says_what_the_pointer_or_the_keyboard_is_at",
    r"import (picture|where|kinds)": "test_browser_drawings.py::test_a_drawing_says_what_the_pointer_or_the_keyboard_is_at",
    r"saver .+": "test_browser_downloads.py::test_every_figure_is_an_svg_and_a_png",  # nor press what is no widget
    r"autosave": "test_browser.py::test_twenty_edits_are_undone_and_redone_and_survive_a_reload",
    r"device storage": "test_devices_page.py::test_a_network_moves_in_a_papers_figure_and_an_own_device_survives_a_reload",
    r"frontier|budget": "test_engineer_browser.py::test_a_click_on_a_candidate_opens_it",
    r"collection": "test_engineer_browser.py::test_designs_stay_over_a_reload_and_a_link_brings_them",
    r"make onnx|stop onnx|export onnx": "test_browser_downloads.py::test_the_onnx_file_passes_the_checker",
    r"calibrate": "test_calibration.py::test_a_calibration_from_the_page",  # minutes of both cores
    r"stop job": "test_calibration.py::test_a_stop_on_the_page",
    r"validate": "test_calibration.py::test_a_validation_from_the_page",
    r"measure .+": "test_lab_pages.py::test_measuring_from_the_page",
    r"page_link .+": "test_lab_browser.py::test_links_lead_to_the_neighbours",  # AppTest has one page
    r"lab storage": "test_lab_browser.py::test_a_reload_keeps_order_and_run",
    r"stop g\d": "test_lab_pages.py::test_a_stop_on_the_page_is_a_message",
    r"search (open|keep)|(start|stop|continue|keep) search|search storage": "test_search_browser.py::test_a_search_from_the_target_to_the_executed_file",
    r"adapt|(start|stop|continue|keep) adapt": "test_adapt_browser.py::test_a_click_on_a_step_opens_it",
    r"search cells": "test_search_page.py::test_ticked_cells_are_a_space",
    r"import open": "test_import_browser.py::test_a_file_of_ours_comes_back_as_a_table",  # leads to another page
}
MADE = re.compile(r"(?<=own guess) .+|(?<=g\d c) .+|(?<=g\d hw) .+")
"""What a key says of the network that is shown: one control, whichever that is."""
FIXED = {"se ratio": 0.5, "block w": -0.15}
"""Values of controls whose options AppTest cannot give back as they are shown."""
METHODS = {name: draw for name in dir(DeltaGenerator) if callable(draw := getattr(DeltaGenerator, name))}
DRAWERS = {name for name in METHODS if name[0] != "_" and "disabled" in signature(METHODS[name]).parameters}
"""Streamlit's functions that draw a control: what can be used can be disabled."""
FORMS = {name: getattr(form, name) for name in ("choice", "tabs", "number", "text", "switch", "button")}
"""The page's own."""
FIGURES = {"plotly_chart", "bidi_component", "dataframe", "latex"}
OURS = re.compile(r"tiles|focus|.+ form|.+ candidates")
"""The keys of components whose controls, if there are any, are found one by one."""
EMPTIES = re.compile(r"again .+|delete class")
"""The controls that take a figure away: a lesson asks its question again, a class is deleted."""
FOLDER = Path(APP).parent / "explorer" / "page"


class Shown(str):
    """An option as the page shows it, which is what a browser sends."""


def controls(at: AppTest) -> Iterator[tuple[str, element_tree.Element | dict[str, Any]]]:
    """Streamlit's as AppTest has them, those of the page's forms as the browser is told of them."""
    for name, part in fields(at).items():
        if part["kind"] in CONTROLS:
            yield name, part
    for node in at._tree:
        proto = getattr(node, "proto", None)
        if isinstance(node, element_tree.Dataframe):
            found = bool(proto.editing_mode or proto.selection_mode)
        elif node.type == "plotly_chart":
            found = bool(proto.selection_mode)
        else:
            found = isinstance(node, element_tree.Widget) or node.type in ("link_button", "page_link")
            found = found or (isinstance(node, element_tree.UnknownElement) and bool(node.key) and not ours(node))
        if found:
            yield MADE.sub("", node.key or f"{node.type} {getattr(node, 'label', '')}"), node


def usable(at: AppTest) -> dict[str, element_tree.Element | dict[str, Any]]:
    """Those that are not left to other tests, by name."""
    return {name: control for name, control in controls(at) if not any(re.fullmatch(of, name) for of in ELSEWHERE)}


def ours(node: element_tree.Element) -> bool:
    return OURS.fullmatch(getattr(node, "key", None) or "") is not None


def disabled(control: element_tree.Element | dict[str, Any]) -> bool:
    return bool(control.get("disabled") if isinstance(control, dict) else getattr(control, "disabled", False))


def use(at: AppTest, name: str, control: element_tree.Widget | dict[str, Any]) -> AppTest:
    if isinstance(control, dict):
        return say(at, name, another(control))
    if control.type == "bidi_component" and "file" in (shown := json.loads(control.proto.json)):  # a download
        forms.report(at, control.proto, "queue", {"events": [[shown["acknowledged"] + 1, "press", "1"]]})
        return at
    if isinstance(control, element_tree.Dataframe):
        return forms.select_row(at, control.proto.id)
    change(name, control)
    return at.run()


def another(part: dict[str, Any]) -> object:
    """Another word, another number; nothing for a button."""
    if part["kind"] == "number":
        return float(part["value"] or 0) + part["step"]
    if part["kind"] in ("choice", "open", "tabs"):
        words = [word for word, *_ in part["options"]]
        return words[(words.index(part["value"]) + 1) % len(words)]
    return {"switch": not part.get("value"), "text": "other words", "button": None}[part["kind"]]


def change(name: str, control: element_tree.Widget) -> None:
    """Another option, another number, a click."""
    kind = control.type
    if name in FIXED:
        control.set_value(FIXED[name])
    elif kind in ("button", "download_button"):
        control.click()
    elif kind in ("checkbox", "toggle"):
        control.set_value(not control.value)
    elif kind == "multiselect":
        control.set_value([Shown(option) for option in control.options])
    elif kind in ("selectbox", "radio", "select_slider", "button_group"):
        now = control.indices[0] if kind == "button_group" else getattr(control, "index", 0)
        control.set_value(Shown(control.options[(-1 if now is None else now) + 1 - len(control.options)]))
    elif kind == "slider":
        control.set_value((control.min, control.min + 1) if isinstance(control.value, tuple) else control.max)
    elif kind == "number_input":
        higher = (control.value or 0) + (control.step or 1)
        control.set_value(higher if control.max is None or higher <= control.max else control.min)
    elif kind in ("text_input", "text_area"):
        control.set_value("other words")
    elif kind == "file_uploader":
        file = (f"a.{control.allowed_type[0].strip('.')}", b"not what it says", "text/plain")
        control.set_value([file] if control.accept_multiple_files else file)
    else:
        raise NotImplementedError(f"how is a {kind} used?")


def wrong(state: str, at: AppTest, had_figures: bool = False, name: str = "") -> str:
    if at.exception:
        return at.exception[0].message
    if told := [error.value for error in at.error if "error in this program" in error.value]:
        return told[0]
    if had_figures and not figures(at) and not at.error and not EMPTIES.fullmatch(name):
        return "no figure is left on the page"
    try:
        if state.startswith("explore"):
            check(at)
    except AssertionError as error:
        return f"the tiles are not what a fresh count says: {error}"
    return ""


def figures(at: AppTest) -> bool:
    return any(node.type in FIGURES and not ours(node) for node in at._tree)


def visit(state: str, seen: set[str], used: set[str]) -> Iterator[str]:
    """Uses what the state has and nobody has used yet, anew from the start where it is gone; gives what went wrong."""
    at, fresh = STATES[state](), True
    first = {name for name, control in usable(at).items() if not disabled(control)}
    if problem := wrong(state, at):
        yield f"{state}: {problem}"
    while True:
        here = usable(at)
        seen.update(here)
        unused = [name for name in here if name not in used and not disabled(here[name])]
        name = min(unused, key=lambda name: name in first, default=None)  # what has come up may go again
        if name is None and (fresh or first <= used):
            return
        if name is None:
            at, fresh = STATES[state](), True
            continue
        used.add(name)
        had, fresh = figures(at), False
        if problem := wrong(state, use(at, name, here[name]), had, name):
            yield f"{state}, {name}: {problem}"
            at, fresh = STATES[state](), True


def called() -> set[str]:
    """Every call in the pages' files that draws a control: `sidebar.py:37 choice`."""
    return {
        f"{file.name}:{node.lineno} {node.func.attr}"
        for file in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in (FORMS if getattr(node.func.value, "id", "") == "form" else DRAWERS)
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What was seen, used, met and wrong in all of the states."""
    seen, used, met, problems = set(), set(), set(), set()

    def noted(name: str, draw: Callable[..., object]) -> Callable[..., object]:
        def drawn(*args: object, **kwargs: object) -> object:
            caller = sys._getframe(1)
            met.add(f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno} {name}")
            return draw(*args, **kwargs)

        return drawn

    shown = element_tree._format_value_for_widget
    with pytest.MonkeyPatch.context() as patch:
        for name in DRAWERS:
            patch.setattr(DeltaGenerator, name, noted(name, METHODS[name]))
            patch.setattr(st, name, noted(name, getattr(st, name)))
        for name, draw in FORMS.items():
            patch.setattr(form, name, noted(name, draw))
        for module in (download, effects, profile_file):
            patch.setattr(module, "button", noted("button", module.button))
        patch.setenv("CNN_COST_DATA", str(tmp_path_factory.mktemp("classes")))
        patch.setattr(lab_queue, "_works", deque())
        as_is = lambda form, value: value if isinstance(value, Shown) else shown(form, value)  # noqa: E731
        patch.setattr(element_tree, "_format_value_for_widget", as_is)
        patch.setattr(zoo, "installed", lambda: ("timm",))
        patch.setattr(zoo, "names", lambda library: ("tiny",))
        patch.setattr(zoo, "_module", lambda library, name: nn.Sequential(nn.Conv2d(3, 4, 3)))
        for state in STATES:
            problems.update(visit(state, seen, used))
    return {"seen": seen, "used": used, "met": met, "problems": problems}


def test_every_control_does_what_it_does_without_an_error(found):
    assert sorted(found["problems"]) == []


def test_every_control_is_used(found):
    assert len(found["used"]) > 150
    assert sorted(found["seen"] - found["used"]) == [], "disabled, or gone, in every state of STATES"


def test_every_call_that_draws_a_control_was_met(found):
    assert len(called()) > 70
    assert sorted(called() - found["met"]) == [], "drawn in no state of STATES"


def test_what_is_left_to_other_tests_is_tested_there():
    for where in ELSEWHERE.values():
        file, test = where.split("::")
        assert f"def {test}(" in (Path(__file__).parent / file).read_text(encoding="utf-8"), where
