"""What a session remembers of what was typed and pressed, in a dict of our own.

A run that begins copies Streamlit's session state entry by entry and then clears what was new, while the run that it
stops goes on, in a thread of its own and under another lock: what that one writes between the two is lost, and nobody
says it again. Two cells of a table went that way. An entry that is a dict stays the same one, whatever is written in
it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

KEY = "memory"
"""Session state: the dict."""


def memory() -> dict[str, Any]:
    """The session's; a run that was stopped ends here."""
    if KEY not in st.session_state:
        st.session_state[KEY] = {}
    return st.session_state[KEY]
