"""The collection of designs of a session: kept in the visitor's browser over a reload, opened from a link."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from archs import ArchError
from explorer.editing import designs
from explorer.editing.designs import Collection
from explorer.page.browser import events
from explorer.page.browser.memory import memory
from explorer.page.frontend import bundle
from explorer.page.state import session as state
from explorer.page.widgets.components import Component

KEY = "collection"
PARAMETER = "designs"
"""Of the address: a collection to open."""
STORAGE = "cnn-cost designs"
ASKED = "designs asked"
"""Memory: whether the browser has said what it stores."""

_keeper = Component("designs", js=bundle.script("history"))


def current() -> Collection:
    """The session's designs."""
    return memory().get(KEY, ())


def put(collection: Collection) -> None:
    """Replace the session's designs."""
    memory()[KEY] = collection


def reopen(text: str) -> None:
    """A link's collection. Raises ArchError."""
    put(designs.merged(current(), designs.unpack(text)))


def address() -> str:
    """The link of the whole collection. Raises ArchError where it would be too long."""
    parameters = {PARAMETER: designs.link(current()), "panel": "Designs"}
    return f"{st.context.url or ''}?{urlencode(parameters)}"


def keep() -> None:
    """Asks the browser what it stores, once, and gives it what there is from then on."""
    asked = memory().get(ASKED, False)
    data = {
        "text": designs.pack(current()) if asked else "",
        "storage": STORAGE,
        "always": True,
        "acknowledged": events.acknowledged(KEY),
    }
    _keeper(key=KEY, data=data, on_queue_change=partial(events.handle, KEY, _found))


def _found(content: list[Any]) -> None:
    with state.guard("The collection"):
        match content:
            case [str(text), bool()]:
                memory()[ASKED] = True
                if text:
                    with suppress(ArchError):  # of another version of this program
                        put(designs.merged(designs.unpack(text), current()))
