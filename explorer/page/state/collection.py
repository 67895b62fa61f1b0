"""The collection of designs of a session: kept in the visitor's browser over a reload, opened from a link."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from archs import ArchError
from explorer.editing import designs
from explorer.editing.designs import Collection
from explorer.page.browser.memory import memory
from explorer.page.state import session as state
from explorer.page.widgets.stored import BrowserText

KEY = "collection"
PARAMETER = "designs"
"""Of the address: a collection to open."""
STORAGE = "cnn-cost designs"

_stored = BrowserText(KEY, STORAGE, shared=True)


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
    """Asks the browser what it stores, and gives it what there is from then on."""
    _stored.keep(designs.pack(current()), _found)


def _found(content: list[Any]) -> None:
    with state.guard("The collection"):
        match content:
            case [str(text), bool()]:
                with suppress(ArchError):  # of another version of this program
                    put(designs.merged(designs.unpack(text), current()))
