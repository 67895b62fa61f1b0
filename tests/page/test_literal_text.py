"""Text from outside is shown as text: no request, no link, no image, no script, in a real browser."""

from __future__ import annotations

import ast
import re

import pytest
from playwright.sync_api import expect
from support.browser import PATIENCE, ROOT, serving
from support.hostile import ACTIVE, FORMULA, STRINGS

from explorer.page.widgets.messages import JOINER, literal

SCRIPT = """
import streamlit as st
from explorer.page.widgets import messages
from support.hostile import STRINGS
for text in STRINGS:
    messages.error(text)
    messages.caption(text)
    st.markdown(f"**{messages.literal(text)}**")
    st.button(messages.literal(text))
st.title("end")
"""


def test_literal_text_is_stable():
    assert (
        literal("row 1, column kernel: found 4; allowed: 1 to 31") == "row 1, column kernel: found 4; allowed: 1 to 31"
    )
    assert literal("a\nb") == "a  \nb"
    assert "\u202e" not in literal("\u202ex")


@pytest.mark.parametrize("path", sorted((ROOT / "explorer" / "page").rglob("*.py")), ids=lambda path: path.stem)
def test_errors_pass_the_one_function(path):
    """`st.error` and its like take constants, or f-strings of no name that holds an error or a problem."""
    if path.name == "messages.py":
        return
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("st.error", "st.warning", "st.info"):
            argument = ast.unparse(call.args[0])
            assert argument[0] in "f\"'", f"{path.name}, line {call.lineno}: use messages"
            assert not re.search(r"\b(error|problem|why|warning)\b\W*[}.(]", argument), (
                f"{path.name}, line {call.lineno}"
            )


@pytest.mark.browser
def test_every_hostile_string(watched, tmp_path, monkeypatch):
    (tmp_path / "strings.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    with serving(tmp_path / "strings.py") as (address, _):
        watched.goto(address)
        expect(watched.get_by_role("heading", name="end")).to_be_visible(timeout=PATIENCE)
        shown = [text.replace(JOINER, "") for text in watched.get_by_test_id("stAlert").all_inner_texts()]
        assert len(shown) == len(STRINGS)
        for text, seen in zip(STRINGS, shown):
            if text.isprintable() and text == text.strip():
                assert " ".join(text.split()) in " ".join(seen.split())
        assert watched.locator(f"{ACTIVE}, {FORMULA}").count() == 0
