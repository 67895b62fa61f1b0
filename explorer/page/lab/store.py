"""Session state of the lab: runs, the place in the queue, the predictions, the class.

The key of a run is its networks and settings, so a run is found again after a control is changed and changed back.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import streamlit as st

from archs import Spec
from explorer.jobs.lab_queue import Ticket
from explorer.lab.experiment import Experiment, Settings
from explorer.lab.run import Run
from explorer.lab.session_text import Membership, StoredSession
from explorer.page.lab import controls

Key = tuple[tuple[Spec, ...], Settings]
MAX_RUNS = 64


def key(networks: Sequence[tuple[str, Spec]], settings: Settings) -> Key:
    """The key of a run: its networks and settings."""
    return tuple(spec for _, spec in networks), settings


def runs() -> dict[Key, Run]:
    """The session's runs by their key, the oldest first."""
    return st.session_state.setdefault("lab runs", {})


def run_of(made: Experiment) -> Run | None:
    """The run of an experiment, if it was measured."""
    return runs().get(key_of(made))


def key_of(made: Experiment) -> Key:
    """The key of an experiment's run."""
    return key([(variant.row, variant.spec) for variant in made.variants], made.settings)


def before() -> dict[Key, Run]:
    """The previous run of the same networks and settings."""
    return st.session_state.setdefault("lab runs before", {})


def add(of: Key, run: Run) -> None:
    """Store a run; an earlier one of the same key is the one before."""
    known = runs()
    if of in known:
        before()[of] = known.pop(of)
    known[of] = run
    while len(known) > MAX_RUNS:
        oldest = next(iter(known))
        known.pop(oldest)
        before().pop(oldest, None)


def job() -> tuple[Key, Ticket] | None:
    """The place in the queue that this session asked for last, with its key."""
    return st.session_state.get("lab job")


def start(of: Key, job: Ticket) -> None:
    """Note the run that this session waits for."""
    st.session_state["lab job"] = (of, job)


def results() -> dict[int, Experiment]:
    """Guideline → the last measured experiment, for the class sheet."""
    return st.session_state.setdefault("lab results", {})


def orders() -> dict[int, list[str]]:
    """Guideline → the rows from fastest to slowest as predicted; empty where the student skipped."""
    return st.session_state.setdefault("lab orders", {})


def answers() -> dict[str, str]:
    """Lesson → the option predicted; empty where the student skipped."""
    return st.session_state.setdefault("lab answers", {})


def membership() -> Membership | None:
    """The class that this session has joined."""
    return st.session_state.get("lab class")


def join(member: Membership | None) -> None:
    """Enter a class, or leave it with None."""
    st.session_state["lab class"] = member


def seed() -> str:
    """A text that differs between visitors and stays the same for one: it shuffles the options of a prediction."""
    return st.session_state.setdefault("lab seed", secrets.token_hex(8))


def stored() -> StoredSession:
    """What the browser stores of this session."""
    latest = job()
    token = latest[1].token if latest and latest[1].running else ""
    return StoredSession(orders(), runs(), answers(), token, membership(), controls.values())
