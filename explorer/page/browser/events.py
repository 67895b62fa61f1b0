"""At-least-once delivery of browser events, deduplicated by sequence number (protocol: `frontend/README.md`).

`handle` is the callback of a component's trigger `queue`; `acknowledged` goes into its data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import streamlit as st

from explorer.page.browser.memory import memory


@dataclass(frozen=True)
class _Handled:
    """Component key → number of the last event handled. The lock: a stopped run may still be going on."""

    numbers: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


def acknowledged(key: str) -> int:
    """The number of the last event of a component that was handled."""
    return _handled().numbers.get(key, 0)


def handle(key: str, handler: Callable[[list[Any]], None]) -> None:
    """Passes each new event of a component, without its number, to the handler.

    A run that is stopped inside the handler does not acknowledge the event; one whose handler raises does.
    """
    match st.session_state.get(key, {}).get("queue"):
        case {"events": list(events)}:
            handled = _handled()
            with handled.lock:
                before = handled.numbers.get(key, 0)
                for event in events:
                    _once(handled.numbers, key, event, handler)
            # Of two concurrent runs, one may make the other's trigger a lasting value, which would hide all later ones
            if handled.numbers.get(key, 0) == before:
                st.session_state[key] = {}


def _once(numbers: dict[str, int], key: str, event: object, handler: Callable[[list[Any]], None]) -> None:
    match event:
        case [int(number), *content] if number > numbers.get(key, 0):
            try:
                handler(content)
            except Exception:
                numbers[key] = number
                raise
            numbers[key] = number  # no access to the session state before this line: a stopped run would stop there


def _handled() -> _Handled:
    return memory().setdefault("handled events", _Handled())
