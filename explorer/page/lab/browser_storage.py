"""Storage of the orders and runs in the browser tab, so that they survive a reload or a lost connection."""

from __future__ import annotations

from functools import partial
from typing import Any

from explorer.lab import session_text
from explorer.lab.errors import LabError
from explorer.page.browser import events
from explorer.page.frontend import bundle
from explorer.page.lab import store
from explorer.page.state import session as state
from explorer.page.widgets.components import Component

KEY = "lab storage"

_component = Component("lab_storage", js=bundle.script("lab"))


def save() -> None:
    """Read from the tab or write to it; called last on each page of the lab."""
    with state.guard("What was measured"):
        empty = not store.orders() and not store.runs()
        text = "" if empty else session_text.pack(store.orders(), store.runs())
        data = {"text": text, "acknowledged": events.acknowledged(KEY)}
        _component(key=KEY, data=data, on_queue_change=partial(events.handle, KEY, _found))


def _found(content: list[Any]) -> None:
    with state.guard("What was measured"):
        match content:
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
