"""A text that the browser keeps for the next session of the tab: after a reload, or after a restart of the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from explorer.page.browser import events
from explorer.page.browser.memory import memory, session
from explorer.page.frontend import bundle
from explorer.page.widgets.components import Component


class BrowserText:
    """`key` of the component, `storage`: the name in the browser. `shared`: other tabs are offered the text too."""

    def __init__(self, key: str, storage: str, shared: bool = False):
        self.key, self.storage, self.shared = key, storage, shared
        self._component = Component(key.replace(" ", "_"), js=bundle.script("storage"))
        self._answered = f"{key} answered"

    def keep(self, text: str, found: Callable[[list[Any]], None]) -> None:
        """Gives the browser the session's text, if there is one; the last thing on a page.

        `found` is called once per session with what an earlier one has left: the text, and whether it was this tab's.
        """
        self._mount(found, text=text)

    def keep_once(self, version: str, make: Callable[[], str], note: str, found: Callable[[list[Any]], None]) -> None:
        """The same for a text of megabytes, sent until the browser has answered for this version of it.

        `note`: a short text that is stored beside it with every run; `found` is given that too, as the last item.
        """
        known = memory().get(self._answered, ("", True))[0] == version
        text = None if known else make()
        self._mount(partial(self._heard, found), text=text, note=note, version=version)

    @property
    def refused(self) -> bool:
        """Whether the browser had no room for the last text of `keep_once`."""
        return not memory().get(self._answered, ("", True))[1]

    def _heard(self, found: Callable[[list[Any]], None], content: list[Any]) -> None:
        match content:
            case [str(version), bool(stored)]:
                memory()[self._answered] = version, stored
            case _:
                found(content)

    def _mount(self, found: Callable[[list[Any]], None], **data: str | None) -> None:
        data |= {"storage": self.storage, "session": session()}
        self._component(
            key=self.key,
            data=data | {"shared": self.shared, "acknowledged": events.acknowledged(self.key)},
            on_queue_change=partial(events.handle, self.key, found),
        )
