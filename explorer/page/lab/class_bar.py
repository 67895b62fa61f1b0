"""A student's class: join by code and name, send predictions and results. The teacher's view is `class_live`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import streamlit as st

from explorer.data.plain_text import plain
from explorer.errors import LabError
from explorer.lab.classes import CODE, MAX_NAME, Classes
from explorer.lab.session_text import Membership
from explorer.page.browser import effects
from explorer.page.lab import store
from explorer.page.widgets import messages

PARAMETER = "class"
"""Of the address: the code of a class."""
SENT = "lab sent"


def show() -> None:
    """One line above a page: the class that was joined, or the fields to join one."""
    member = store.membership()
    link_code = plain(st.query_params.get(PARAMETER, ""), 12).upper()
    if member:
        left, right = st.columns([5, 1], vertical_alignment="center")
        with left:
            _about(member)
        effects.button("Leave the class", "leave class", _leave, right.button)
        return
    with st.expander("Join a class", expanded=bool(link_code), icon=":material/school:"), st.form("join", border=False):
        left, middle, right = st.columns([2, 3, 1], vertical_alignment="bottom")
        code = left.text_input("Class code", link_code, max_chars=12, key="class code")
        name = middle.text_input("Your name, or that of your machine", key="class name", max_chars=MAX_NAME)
        join = partial(_join, code.strip().upper(), plain(name, MAX_NAME))
        effects.button("Join", "join class", join, right.form_submit_button, type="primary", width="stretch")


def _about(member: Membership) -> None:
    who = f"Class {member.code}, as {member.name}"
    if Classes().exists(member.code):
        messages.caption(f"{who}. Predictions and the results of guidelines are sent to the teacher.")
    else:
        messages.warning(f"{who}: the class is no longer on this server, so nothing is sent. What you did stays here.")


def _leave() -> Callable[[], None]:
    store.join(None)
    st.query_params.pop(PARAMETER, None)
    return st.rerun


def _join(code: str, name: str) -> Callable[[], None] | None:
    if not code:
        messages.error("Class code: the field is empty; enter the six letters and digits that your teacher shows.")
    elif not CODE.fullmatch(code):
        messages.error(
            f"Class code: found {plain(code, 12)!r}; a code has six letters and digits, none of them I, O, 0 or 1, "
            "like AB2CD3."
        )
    elif not name:
        messages.error("Name: the field is empty; enter your name or that of your machine.")
    else:
        try:
            known = Classes().exists(code)
        except LabError as error:
            messages.error(str(error))
            return None
        if known:
            store.join(Membership(code, uuid.uuid4().hex, name))
            st.session_state.pop(SENT, None)
            return st.rerun
        messages.error(f"Class {code} was not found on this server; ask your teacher for the code.")
    return None


def predicted(topic: str, answer: str) -> None:
    """Send a prediction to the class, if one was joined; each only once. An empty one was skipped."""
    member = store.membership()
    if member and answer:
        _send(member, topic, "prediction", answer)


def measured(topic: str, text: str) -> None:
    """Send a result, a CSV of `record`, to the class, if one was joined."""
    member = store.membership()
    if member:
        _send(member, topic, "result", text)


def _send(member: Membership, topic: str, kind: str, content: str) -> None:
    sent = st.session_state.setdefault(SENT, {})
    if sent.get((topic, kind)) == content:
        return
    classes = Classes()
    try:
        (classes.predict if kind == "prediction" else classes.result)(*member, topic, content)
    except LabError as error:
        messages.warning(f"Not sent to the class: {error}")
    else:
        sent[topic, kind] = content
