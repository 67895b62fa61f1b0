"""Which of the panels below the figures is seen; only that one is computed.

Streamlit's own tabs took a fifth of the browser's time for an edit.
"""

from __future__ import annotations

from collections.abc import Sequence

from explorer.page.browser.memory import memory
from explorer.page.widgets import form
from explorer.page.widgets.form import Change

KEY = "tab"
"""Memory: its name."""


def chosen(names: Sequence[str]) -> str:
    """Draws the row of names; returns the one that is open."""
    kept = memory().get(KEY)
    name = str(kept) if kept in names else names[0]
    form.show("tab form", [form.tabs(KEY, "Panels", names, name, _turn)])
    return name


def _turn(change: Change) -> None:
    memory()[KEY] = change.value
