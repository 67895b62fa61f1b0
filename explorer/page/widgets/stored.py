"""A text that the browser keeps for the next session of the tab: after a reload, or after a restart of the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from explorer.page.browser import events
from explorer.page.browser.memory import session
from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component


class BrowserText:
    """`key` of the component, `storage`: the name in the browser. `shared`: other tabs are offered the text too."""

    def __init__(self, key: str, storage: str, shared: bool = False):
        self.key, self.storage, self.shared = key, storage, shared
        self._component = Component(key.replace(" ", "_"), js=bundle.script("storage"))

    def keep(self, text: str, found: Callable[[list[Any]], None]) -> None:
        """Gives the browser the session's text, if there is one; the last thing on a page.

        `found` is called once per session with what an earlier one has left: the text, and whether it was this tab's.
        """
        data = {
            "storage": self.storage,
            "shared": self.shared,
            "text": text,
            "session": session(),
            "acknowledged": events.acknowledged(self.key),
        }
        self._component(key=self.key, data=data, on_queue_change=partial(events.handle, self.key, found))
