"""The history kept in the visitor's browser, so that a reload or a lost connection costs no edit and no undo.

The tab's own storage gives the history back by itself; what another tab or an earlier visit left is offered.
"""

from __future__ import annotations

from typing import Any

from archs import ArchError
from explorer.editing import history_text as kept
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.page.browser.memory import memory
from explorer.page.state import session as state
from explorer.page.state.share import BY_LINK
from explorer.page.widgets import form
from explorer.page.widgets.form import Part
from explorer.page.widgets.stored import BrowserText

OFFERED = "offered history"

_stored = BrowserText("autosave", "cnn-cost history", shared=True)


def keep(scenario: Scenario) -> None:
    """Asks the browser, or gives it what there is; the last thing on the page."""
    history = scenario.history
    if _untouched(history) and not memory().get("resumed"):
        _stored.keep("", _found)
        return
    known = {id(version): text for version, text in memory().get("packed", ())}
    packed = [(version, known.get(id(version)) or kept.text_of(version.spec)) for version in history.versions]
    memory()["packed"] = packed
    _stored.keep(kept.pack(history, [text for _, text in packed]), _found)


def _untouched(history: History) -> bool:
    """Whether nothing was done yet: what the page opens with, and the address's network."""
    return len(history.versions) <= 1 + _linked()


def _linked() -> int:
    """The place in the history of the network that the session opened with."""
    return int(memory().get(BY_LINK, False))


def _found(content: list[Any]) -> None:
    """What the browser has kept, and whether this tab has."""
    with state.guard("The history"):
        match content:
            case [str(text), bool(mine)] if not memory().get("resumed"):
                _resume(text, mine)


def _resume(text: str, mine: bool) -> None:
    """The tab's own is taken up at once, before what the session has done meanwhile."""
    history = state.scenario().history
    try:
        found, linked = kept.unpack(text)
    except ArchError:  # of another version of this program
        return
    if mine:
        _take(kept.resumed(found, linked, history, _linked()))
    elif len(found.versions) > 1 and _untouched(history):
        memory()[OFFERED] = found


def offer(scenario: Scenario) -> list[Part]:
    """In the sidebar, until the visitor has done something else: the network of the last visit."""
    found = memory().get(OFFERED)
    if found is None or not _untouched(scenario.history):
        return []
    return [
        form.button(
            "continue",
            f"Continue {found.spec.name}, {len(found.versions) - 1} steps",
            "history",
            lambda _: _take(found),
            help=f"Your last network in this browser; last step: {found.versions[-1].label}.",
        )
    ]


def _take(history: object) -> None:
    state.choose("history", history=history)
    memory()["resumed"] = True
    memory().pop(OFFERED, None)
