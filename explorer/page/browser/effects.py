"""Effects of Streamlit's own widgets, repeated until one has run to its end.

Streamlit stops a script run, or a callback, when the next message of the browser arrives. What a press had not done by
then would be lost: the next run no longer sees it. So an effect is marked as done after it, and the marks live in the
session's memory. Components of our own have `events` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeAlias

import streamlit as st

from explorer.page.browser.memory import memory

PRESSED, DONE = "presses", "effects done"
"""Memory: key of a button → its number of presses; key of a widget → the value whose effect is done."""

Effect: TypeAlias = Callable[[], Callable[[], None] | None]
"""Does the work and returns what ends the run afterwards, such as `st.rerun`; None lets it go on."""


def button(label: str, key: str, effect: Effect, draw: Callable[..., bool] = st.button, **options: Any) -> None:
    """Draws a button with Streamlit's options; `effect` takes place here in the run after a press.

    `draw`: `st.button`, that of a column, or that of a form.
    """
    pressed = memory().setdefault(PRESSED, {})
    draw(label, key=key, on_click=partial(_count, pressed, key), **options)
    changed(key, pressed.get(key), effect)


def changed(key: str, value: Hashable, effect: Effect) -> None:
    """Has the effect for each new value of a widget, which is None at first. A failure is not repeated."""
    done = memory().setdefault(DONE, {})
    if done.get(key) == value:
        return
    try:
        leave = effect()
    except Exception:  # a stopped run raises none of these
        done[key] = value
        raise
    done[key] = value
    if leave:
        leave()


def forget() -> None:
    """Drops the presses of buttons that are no longer drawn, at the end of a run that has drawn all others."""
    memory().setdefault(DONE, {}).update(memory().get(PRESSED, {}))


def _count(pressed: dict[str, int], key: str) -> None:
    """No access to the session state: a stopped run would end there."""
    pressed[key] = pressed.get(key, 0) + 1
