"""Which of the panels below the figures is seen; only that one is computed.

Streamlit's own tabs took a fifth of the browser's time for an edit.
"""

from __future__ import annotations

from collections.abc import Sequence

from explorer.page.browser.memory import memory
from explorer.page.state.share import TAB
from explorer.page.widgets import form
from explorer.page.widgets.form import Change


def chosen(names: Sequence[str]) -> str:
    """Draws the row of names; returns the one that is open."""
    kept = memory().get(TAB)
    name = str(kept) if kept in names else names[0]
    form.show("tab form", [form.tabs(TAB, "Panels", names, name, _turn)])
    return name


def _turn(change: Change) -> None:
    memory()[TAB] = change.value
