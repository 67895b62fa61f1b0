"""The lab's orders and runs kept in the visitor's tab, so that a reload or a lost connection costs no measurement."""

from __future__ import annotations

import streamlit as st

from explorer.lab import kept
from explorer.lab.errors import LabError
from explorer.page import state
from explorer.page.components import Component
from explorer.page.lab import store

KEY = "lab keeper"

# A session that has nothing of its own asks; one that has, saves. A browser may forbid both.
JS = """
export default function ({ data, setTriggerValue }) {
  const name = "cnn-cost lab";
  try {
    if (data.text) sessionStorage.setItem(name, data.text);
    else if (sessionStorage.getItem(name)) setTriggerValue("kept", sessionStorage.getItem(name));
  } catch {}
}
"""

_keeper = Component("lab_keeper", js=JS)


def keep() -> None:
    """Asks the tab, or gives it what there is; the last thing on each of the lab's pages."""
    with state.guard("What was measured"):
        empty = not store.orders() and not store.runs()
        text = "" if empty else kept.pack(store.orders(), store.runs())
        _keeper(key=KEY, data={"text": text}, on_kept_change=_found)


def _found() -> None:
    with state.guard("What was measured"):
        text = st.session_state[KEY].get("kept")
        if not isinstance(text, str) or store.orders() or store.runs():
            return
        try:
            orders, runs = kept.unpack(text)
        except LabError:  # of another version of this program
            return
        store.orders().update(orders)
        store.runs().update(runs)
