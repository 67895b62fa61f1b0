"""The session's memory of typed and pressed values, in one dict inside of Streamlit's session state.

A run that begins copies the session state entry by entry and clears the new entries, while the run that it stops may
still write in another thread: those writes are lost, and two typed cells were. An entry that is a dict is the same
object in both runs, so no write to it is lost.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import streamlit as st

KEY = "memory"
"""Session state: the dict."""


def memory() -> dict[str, Any]:
    """The session's; a run that was stopped ends here."""
    if KEY not in st.session_state:
        st.session_state[KEY] = {}
    return st.session_state[KEY]


def session() -> str:
    """A name of the session, which the browser tells from an earlier one's."""
    return memory().setdefault("session", token_hex(8))
