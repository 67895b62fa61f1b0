"""Text from outside is shown as text: no request, no link, no image, no script, in a real browser."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from streamlit.string_util import clean_text
from streamlit.testing.v1 import AppTest
from support import hostile_documents as documents
from support.apptest import PAGES
from support.browser import PATIENCE, ROOT, serving
from support.hostile import ACTIVE, FORMULA, STRINGS

from explorer.lab.session_text import Membership
from explorer.page.widgets.messages import JOINER, literal

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")

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


EVERY_MESSAGE = """
from explorer.page.widgets import messages
from support.hostile import STRINGS
for text in STRINGS:
    for say in (messages.error, messages.warning, messages.info, messages.caption):
        say(text)
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


def test_every_kind_of_message_is_literal():
    at = AppTest.from_string(EVERY_MESSAGE, default_timeout=60).run()
    for kind in (at.error, at.warning, at.info, at.caption):
        assert [message.value for message in kind] == [clean_text(literal(text)) for text in STRINGS]


def shown(at: AppTest) -> Iterator[str]:
    """Every text that the page gives to Streamlit, which renders nearly all of them as Markdown; HTML is escaped."""
    protos = (node.proto for node in at._tree if node.type != "html" and getattr(node, "proto", None) is not None)
    texts = (getattr(proto, name, "") for proto in protos for name in ("body", "label", "text", "help"))
    return (text for text in texts if isinstance(text, str))


def check_literal(at: AppTest) -> None:
    """What was planted is there, and no text of it is a link. `hostile_documents` and a browser have more of them."""
    assert not at.exception
    planted = [text for text in shown(at) if "sentinel" in text]
    assert planted
    assert not [text for text in planted if re.search(r"://sentinel|www\.sentinel|@sentinel", text)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("phone.json", documents.whole_network_profile().encode()), (f"{STRINGS[0]}.json", b"{")],
    ids=["a profile", "a damaged file"],
)
def test_an_uploaded_profile_is_shown_as_text(name, content):
    at = AppTest.from_string(PAGES["calibrate"], default_timeout=60).run()
    at.file_uploader(key="calibrate upload").set_value((name, content, "application/json")).run()
    check_literal(at)


def test_a_students_name_is_shown_as_text():
    at = AppTest.from_string(PAGES["g1"], default_timeout=60)
    at.session_state["lab class"] = Membership("ABCDEF", "0", STRINGS[0])
    check_literal(at.run())


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
