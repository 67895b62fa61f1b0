"""The lab's controls whose values survive a reload: `browser_storage` stores them, `kept` gives them back."""

from __future__ import annotations

from collections.abc import Container, Mapping

import streamlit as st

from explorer.lab.session_text import Chosen

DRAWN, LEFT = "lab controls", "lab controls left"
"""Session state: the keys of the controls that were drawn, and the values from before a reload that none has taken."""


def kept(key: str, options: Container[object], several: bool = False) -> str:
    """The key, to be given to a widget at once: that has its value from before a reload if it is still an option.

    `several`: a value is a list of options.
    """
    st.session_state.setdefault(DRAWN, {})[key] = None
    left = st.session_state.get(LEFT, {})
    if key in left:
        value = left[key]
        is_list = isinstance(value, list)
        chosen = value if is_list else [value]
        if is_list is several and len(set(chosen)) == len(chosen) and all(each in options for each in chosen):
            st.session_state[key] = value
        del left[key]  # last: a run that is stopped before it has done nothing
    return key


def values() -> dict[str, Chosen]:
    """The values of all controls that have one, by their keys."""
    drawn = {key: st.session_state.get(key) for key in st.session_state.get(DRAWN, {})}
    return {**st.session_state.get(LEFT, {}), **{key: value for key, value in drawn.items() if value is not None}}


def restore(left: Mapping[str, Chosen]) -> None:
    """Values from before a reload; each control takes its own when it is drawn."""
    st.session_state[LEFT] = dict(left)
