"""Storage of the orders and runs in the browser tab, so that they survive a reload or a lost connection."""

from __future__ import annotations

from functools import partial
from typing import Any

from explorer.lab import session_text
from explorer.lab.errors import LabError
from explorer.page.lab import store
from explorer.page.state import events as hearing
from explorer.page.state import session as state
from explorer.page.widgets.components import Component

KEY = "lab storage"

# An empty session reads the storage once; any other session writes to it. A browser may forbid both.
JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const name = "cnn-cost lab";
  const find = () => sessionStorage.getItem(name) && [sessionStorage.getItem(name)];
  try {
    sayOnce(parentElement, setTriggerValue, data.heard, () => data.text ? null : find());
    if (data.text) sessionStorage.setItem(name, data.text);
  } catch {}
}
"""

_component = Component("lab_storage", js=hearing.JS + JS)


def save() -> None:
    """Read from the tab or write to it; called last on each page of the lab."""
    with state.guard("What was measured"):
        empty = not store.orders() and not store.runs()
        text = "" if empty else session_text.pack(store.orders(), store.runs())
        data = {"text": text, "heard": hearing.heard(KEY)}
        _component(key=KEY, data=data, on_said_change=partial(hearing.hear, KEY, _found))


def _found(said: list[Any]) -> None:
    with state.guard("What was measured"):
        match said:
            case [str(text)] if not store.orders() and not store.runs():
                _resume(text)


def _resume(text: str) -> None:
    try:
        orders, runs = session_text.unpack(text)
    except LabError:  # of another version of this program
        return
    # Both are read before either changes, because Streamlit may stop the script at any access to the session state.
    stored = store.orders(), store.runs()
    stored[0].update(orders)
    stored[1].update(runs)
