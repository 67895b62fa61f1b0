"""Storage of predictions, runs, controls and the place in the queue in the browser tab: they survive a reload."""

from __future__ import annotations

from typing import Any

from archs import Spec
from explorer.errors import LabError
from explorer.jobs import lab_queue
from explorer.lab import session_text
from explorer.page.lab import controls, store
from explorer.page.state import session as state
from explorer.page.widgets import job_status
from explorer.page.widgets.stored import BrowserText

_stored = BrowserText("lab storage", "cnn-cost lab")


def save() -> None:
    """Read from the tab or write to it; called last on each page of the lab."""
    with state.guard("The stored session"):
        session = store.stored()
        _stored.keep(session_text.pack(session) if session else "", _found)


def _found(content: list[Any]) -> None:
    with state.guard("The stored session"):
        match content:
            case [str(text), True] if not (store.orders() or store.runs() or store.answers()):
                _resume(text)


def _resume(text: str) -> None:
    try:
        session = session_text.unpack(text)
    except LabError:  # of another version of this program
        return
    # The dicts change last and together: Streamlit may stop the script at any access to the session state, and then
    # the browser sends the text again.
    orders, runs, answers = store.orders(), store.runs(), store.answers()
    if session.membership:
        store.join(session.membership)
    controls.restore(session.controls)
    ticket = lab_queue.find(session.ticket) if session.ticket else None
    if ticket:
        ticket.present = job_status.present()
        networks = [(row, Spec.from_json(network)) for row, network in ticket.work.networks]
        store.start(store.key(networks, ticket.work.settings), ticket)
    orders.update(session.orders)
    runs.update(session.runs)
    answers.update(session.answers)
