"""What Streamlit's own widgets do takes place, whenever the run that does it is stopped."""

from __future__ import annotations

import ast

import pytest
from streamlit.testing.v1 import AppTest
from support.browser import ROOT

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")

# `st.rerun` ends the first run inside the effect, as the next message of the browser does
BUTTON = """
import streamlit as st
from explorer.page.browser import effects
log = st.session_state.setdefault("log", [])

def effect():
    log.append("begun")
    if log.count("begun") == 1:
        st.rerun()
    log.append("done")

st.toggle("Away", key="away")
if not st.session_state.away:
    effects.button("Go", "go", effect)
effects.forget()
"""
UPLOAD = """
import streamlit as st
from explorer.page.widgets import upload
log = st.session_state.setdefault("log", [])

def receive(file):
    log.append("begun")
    if log.count("begun") == 1:
        st.rerun()
    log.append(file and file.name)

upload.one_file("A file", "csv", "csv", "file", receive, "Any.")
"""
STREAMLITS = {"button", "form_submit_button", "download_button", "file_uploader"}
OURS = {"effects", "form", "download", "download_widget", "widget", "profile_file"}
ALLOWED = {
    "browser/effects.py": {"button"},
    "widgets/job_status.py": {"button"},  # `on_click` takes no step at which a run is stopped
    "widgets/upload.py": {"file_uploader"},
    "lab/classroom.py": {"file_uploader"},  # read anew in each run
    "panels/export.py": {"download_button"},  # of one lasting file, without a run
}


def test_a_stopped_press_is_repeated_until_it_is_done():
    at = AppTest.from_string(BUTTON).run()
    at.button(key="go").click().run()
    assert at.session_state["log"] == ["begun", "begun", "done"]
    at.run()
    assert len(at.session_state["log"]) == 3
    at.button(key="go").click().run()
    assert at.session_state["log"].count("done") == 2


def test_a_press_is_dropped_with_its_button():
    at = AppTest.from_string(BUTTON).run()
    at.button(key="go").click()
    at.toggle(key="away").set_value(True).run()
    at.toggle(key="away").set_value(False).run()
    assert at.session_state["log"] == []


def test_a_failing_press_is_not_repeated():
    at = AppTest.from_string(BUTTON.replace("st.rerun()", "raise ValueError")).run()
    at.button(key="go").click().run()
    assert at.exception
    at.run()
    assert at.session_state["log"] == ["begun"]


def test_a_stopped_upload_is_received_in_the_next_run():
    at = AppTest.from_string(UPLOAD).run()
    at.file_uploader(key="file").set_value(("a.csv", b"a", "text/csv")).run()
    assert at.session_state["log"] == ["begun", "begun", "a.csv"]
    at.file_uploader(key="file").set_value(None).run()
    assert at.session_state["log"][3:] == ["begun", None]


def test_no_other_widget_acts_only_in_the_run_that_may_be_stopped():
    found = []
    page = ROOT / "explorer" / "page"
    for path in sorted(page.rglob("*.py")):
        name = path.relative_to(page).as_posix()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            of = ast.unparse(call.func.value)
            of_streamlit = of not in OURS
            if of_streamlit and call.func.attr in STREAMLITS - ALLOWED.get(name, set()):
                found.append(f"{name}:{call.lineno}: {of}.{call.func.attr}")
            found += [
                f"{name}:{call.lineno}: on_change of {of}.{call.func.attr}"
                for option in call.keywords
                if of_streamlit and option.arg == "on_change" and not isinstance(option.value, ast.Constant)
            ]
    assert found == []
