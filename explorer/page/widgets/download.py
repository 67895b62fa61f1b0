"""Download buttons whose file is made when it is asked for, and whose press is not lost while the page runs.

Streamlit's own give each run's button another address: one that is pressed while a run ends finds nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

from explorer.page.browser import events
from explorer.page.browser.memory import memory
from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component

WANTED = "wanted files"
"""Memory: component key → the press whose file is not saved yet."""

# in no shadow root, like the forms whose look it has
_download = Component(
    "download",
    html="<form class='form'></form>",
    css=bundle.style("form"),
    js=bundle.script("download"),
    isolate_styles=False,
)


def button(
    label: str,
    make: Callable[[], str | bytes],
    file_name: str,
    mime: str,
    key: str,
    help: str = "",
    primary: bool = False,
) -> None:
    """A button that saves what `make` returns in the run after the press."""
    data: dict[str, Any] = {
        "label": label,
        "icon": "download",
        "help": help,
        "primary": primary,
        "file": None,
        "acknowledged": events.acknowledged(key),
    }
    press = _wanted().get(key)
    if press:
        try:
            made = make()
        except Exception:  # said once, by the panel's guard; it would fail again with every run
            del _wanted()[key]
            raise
        content = b64encode(made.encode() if isinstance(made, str) else made).decode()
        data["file"] = {"press": press, "name": file_name, "type": mime, "content": content}
    _download(
        key=key,
        data=data,
        on_queue_change=partial(events.handle, key, partial(_handle, _wanted(), key)),
        width="content",
    )


def _wanted() -> dict[str, str]:
    return memory().setdefault(WANTED, {})


def _handle(wanted: dict[str, str], key: str, content: list[Any]) -> None:
    match content:
        case ["press", str(press)] if len(press) < 40:
            wanted[key] = press
        case ["saved", str(press)] if wanted.get(key) == press:
            del wanted[key]
