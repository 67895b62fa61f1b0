"""Whatever fails inside, the visitor reads one line and keeps the network: every page, every panel, every control."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support.apptest import APP, PAGES, open_block
from support.forms import headings, say, scenario_of, tiles

from explorer.editing.scenario import Scenario
from explorer.page import headline
from explorer.page.panels import (
    advice,
    diff,
    edit,
    export,
    grid,
    picture,
    reconcile,
    sidebar,
    tables,
)
from explorer.page.panels import (
    frontier as landscape,
)
from explorer.page.state import share

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")
SECRET = "the secret detail"
PANELS = [
    (share, "reopen", None),
    (share, "keep", None),
    (sidebar, "choose_network", None),
    (headline, "title", None),
    (headline, "tiles", None),
    (headline, "adjusted", None),
    (picture, "network", None),
    (picture, "open_block", None),
    (edit, "row", None),
    (picture, "where", None),
    (grid, "table", "Table"),
    (tables, "blocks", "Blocks"),
    (tables, "layers", "Layers"),
    (diff, "diff", "Diff"),
    (advice, "advice", "Advisor"),
    (landscape, "frontier", "Frontier"),
    (reconcile, "reconcile", "Reconcile"),
    (export, "export", "Export"),
]


def broken(*_, **__):
    raise ZeroDivisionError(SECRET)


def one_line(at: AppTest, log: str) -> None:
    """No traceback, no detail, a line that says where to look; the log has the rest."""
    assert not at.exception
    assert at.error
    assert all("written to its log" in error.value for error in at.error)
    shown = "".join(element.value for group in (at.error, at.markdown, at.warning, at.info) for element in group)
    assert SECRET not in shown
    assert "Traceback" not in shown
    assert SECRET in log


def explore(tab: str | None) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    if tab:
        at.session_state["memory"] = {"tab": tab}
    return at


def test_the_server_shows_no_details_either():
    config = (Path(APP).parent / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'showErrorDetails = "none"' in config.splitlines()


@pytest.mark.parametrize(("module", "name", "tab"), PANELS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_a_panel_that_fails_leaves_the_others(module, name, tab, monkeypatch, caplog):
    at = explore(tab).run()
    assert not at.error
    if name == "row":
        open_block(at)
    spec = scenario_of(at).spec
    monkeypatch.setattr(module, name, broken)
    if tab:  # the tabs' panels are looked up when the page's file is run
        at = explore(tab)
    with caplog.at_level(logging.ERROR):
        at.run()
    one_line(at, caplog.text)
    assert scenario_of(at).spec == spec
    assert headings(at) or name == "title"
    assert tiles(at) or name in ("title", "tiles")  # one panel: what stands above what failed stays
    monkeypatch.undo()
    at.run()
    assert not at.exception


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_fails_is_one_line(path, monkeypatch, caplog):
    import streamlit as st

    at = AppTest.from_string(PAGES[path], default_timeout=60)
    monkeypatch.setattr(st, "title", broken)
    with caplog.at_level(logging.ERROR):
        at.run()
    one_line(at, caplog.text)


def test_every_page_of_the_navigation_is_under_a_guard(monkeypatch, caplog):
    """Through the page's own file: a whole page that raises is one line."""
    from streamlit.navigation.page import Page

    monkeypatch.setattr(Page, "run", broken)
    at = explore(None)
    with caplog.at_level(logging.ERROR):
        at.run()
    one_line(at, caplog.text)


def test_every_page_of_the_navigation_is_here():
    script = "import streamlit as st\nfrom explorer.page.lab import pages\n"
    listed = "st.session_state.listed = [p.url_path for s in pages.navigation().values() for p in s]"
    at = AppTest.from_string(script + listed, default_timeout=60).run()
    of_its_own = re.findall(r'url_path="(\w+)"', Path(APP).read_text(encoding="utf-8"))
    assert {*at.session_state["listed"], *of_its_own} == {*PAGES, "explore", "home"}


CONTROLS = [
    ("block", "stage3/block1"),
    ("metric", "params"),
    ("network", "mobilenet_v1"),
    ("mobilenet_v2:width", 0.5),
    ("baseline", "mobilenet_v1"),
    ("profile", ""),
    ("folded", True),
    ("whole resolution", 192),
    ("whole hard_swish", None),
    ("whole G1", None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), CONTROLS, ids=lambda part: str(part))
def test_a_control_that_fails_is_one_line(name, value, monkeypatch, caplog):
    at = explore(None).run()
    spec = scenario_of(at).spec
    for method in ("choose", "edit"):
        monkeypatch.setattr(Scenario, method, broken)
    with caplog.at_level(logging.ERROR):
        say(at, name, value)
    one_line(at, caplog.text)
    assert scenario_of(at).spec == spec
    monkeypatch.undo()
    at.run()
    assert not at.exception
