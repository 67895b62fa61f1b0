"""The lab's orders and runs kept in the visitor's tab, so that a reload or a lost connection costs no measurement."""

from __future__ import annotations

from functools import partial
from typing import Any

from explorer.lab import session_text as kept
from explorer.lab.errors import LabError
from explorer.page.lab import store
from explorer.page.state import events as hearing
from explorer.page.state import session as state
from explorer.page.widgets.components import Component

KEY = "lab keeper"

# A session that has nothing of its own asks, once; one that has, saves. A browser may forbid both.
JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const name = "cnn-cost lab";
  const find = () => sessionStorage.getItem(name) && [sessionStorage.getItem(name)];
  try {
    sayOnce(parentElement, setTriggerValue, data.heard, () => data.text ? null : find());
    if (data.text) sessionStorage.setItem(name, data.text);
  } catch {}
}
"""

_keeper = Component("lab_keeper", js=hearing.JS + JS)


def keep() -> None:
    """Asks the tab, or gives it what there is; the last thing on each of the lab's pages."""
    with state.guard("What was measured"):
        empty = not store.orders() and not store.runs()
        text = "" if empty else kept.pack(store.orders(), store.runs())
        data = {"text": text, "heard": hearing.heard(KEY)}
        _keeper(key=KEY, data=data, on_said_change=partial(hearing.hear, KEY, _found))


def _found(said: list[Any]) -> None:
    with state.guard("What was measured"):
        match said:
            case [str(text)] if not store.orders() and not store.runs():
                _resume(text)


def _resume(text: str) -> None:
    try:
        orders, runs = kept.unpack(text)
    except LabError:  # of another version of this program
        return
    held = store.orders(), store.runs()  # both at hand: a run may be stopped at either look
    held[0].update(orders)
    held[1].update(runs)
