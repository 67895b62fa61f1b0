"""An editable table in plain HTML: the browser updates only the cells that differ. Validation is the server's.

Streamlit's data editor is rebuilt with every edit made elsewhere, and builds a second table for screen readers 0.2 s
later.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from explorer.editing.cells import Column
from explorer.page.browser import events
from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component

# a form of its own, as in `explorer.page.widgets.form`
HTML = "<form class='sheet'><table><thead><tr></tr></thead><tbody></tbody></table></form>"

# in no shadow root: there the page could not tell which cell has the keyboard
_sheet = Component("sheet", html=HTML, css=bundle.style("sheet"), js=bundle.script("sheet"), isolate_styles=False)


class Overlay(NamedTuple):
    """A cell shown as typed and not as in the table. The reason of its refusal is empty while it waits for another."""

    row: int
    column: str
    value: str | bool
    reason: str


def show(
    key: str,
    label: str,
    columns: tuple[Column, ...],
    rows: list[list[str | bool | None]],
    overlay: list[Overlay],
    help_texts: dict[str, str],
    on_change: Callable[[list[Any]], None],
) -> None:
    """Draws the cells; `rows` has one value per column, None where a row has no such cell.

    `on_change` gets `[row, column, value]` as the browser sends it, unchecked. `help_texts`: by column.
    """
    data = {
        "label": label,
        "columns": [
            {
                **one._asdict(),
                "title": one.title,
                "help": help_texts.get(one.name, ""),
                "words": [str(w) for w in one.words],
            }
            for one in columns
        ],
        "rows": rows,
        "overlay": [list(one) for one in overlay],
        "acknowledged": events.acknowledged(key),
    }
    _sheet(key=key, data=data, on_queue_change=partial(events.handle, key, on_change))
