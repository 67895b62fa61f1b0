"""A job on the page: progress and stop; a place in the lab's queue; for other visitors, that the machine is busy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.data.metrics import percent
from explorer.jobs.job import ABANDONED, Job
from explorer.jobs.lab_queue import Ticket
from explorer.page.widgets import messages

# Seconds. With each look a browser renders the page again, for a fifth of a second of a core: on the machine that is
# timed, the run lacks it
POLL = 1.0
POLL_OTHERS = 2.0
POLL_FAR = 10.0
"""For a place in the queue that is not the next one: a run takes some 20 s."""
HOURGLASS = ":material/hourglass:"


@st.fragment(run_every=POLL)
def watch(job: Job, key: str, help: str, keepable: bool = True) -> None:
    """The progress of a job of this session; the page reruns when it has ended.

    `keepable`: whether its result is worth anything to others than this session.
    """
    if not job.running:
        st.rerun()
    waits = f"waiting for {job.ahead} other job{'s' if job.ahead > 1 else ''}" if job.ahead else ""
    st.progress(job.progress, waits or f"{job.status}{left(job)}")
    st.button("Stop", key=f"stop {key}", icon=":material/stop:", help=help, on_click=job.stop)
    if keepable:
        _keep(job, key)


@st.fragment(run_every=POLL_OTHERS)
def show_other(job: Job) -> None:
    """Another visitor's job; the page reruns when it has ended."""
    if not job.running:
        st.rerun()
    st.info(
        f"For another visitor, or another tab, {job.title} is going on: {percent(job.progress)} done{left(job)}. Two "
        "at once would time each other, so yours can start when it has ended.",
        icon=HOURGLASS,
    )


@st.fragment(run_every=POLL_OTHERS)
def wait_for(ticket: Ticket, text: str) -> None:
    """A run of this session that is shown elsewhere; the page reruns when it has ended."""
    if not ticket.running:
        st.rerun()
    messages.info(text, HOURGLASS)


def follow(ticket: Ticket, key: str, help: str) -> None:
    """A place in the lab's queue: the position while it waits, then the progress of its run."""
    if ticket.job:
        _follow_run(ticket, key, help)
    else:
        soon = _is_next(ticket)
        st.fragment(_follow_queue, run_every=POLL_OTHERS if soon else POLL_FAR)(ticket, key, soon)


def _is_next(ticket: Ticket) -> bool:
    return ticket.ahead <= 1


def _follow_queue(ticket: Ticket, key: str, soon: bool) -> None:
    if ticket.job or not ticket.running or _is_next(ticket) != soon:
        st.rerun()
    ahead = ticket.ahead
    before = "Next in the queue" if not ahead else f"In the queue: {ahead} {'run' if ahead == 1 else 'runs'} before"
    said = [f"{before}{left(ticket)}", *filter(None, [ticket.obstacle])]
    messages.info(f"{'. '.join(said)}. The run starts automatically; the page can stay as it is.", HOURGLASS)
    st.button("Leave the queue", key=f"leave {key}", icon=":material/close:", on_click=ticket.stop)
    _keep(ticket, key)


@st.fragment(run_every=POLL)
def _follow_run(ticket: Ticket, key: str, help: str) -> None:
    job = ticket.job
    if job is None or not ticket.running:
        st.rerun()
    shared = f" · shared with {ticket.shared} more" if ticket.shared else ""
    st.progress(job.progress, f"{job.status}{left(ticket)}{shared}")
    st.button("Stop", key=f"stop {key}", icon=":material/stop:", help=help, on_click=ticket.stop)
    _keep(ticket, key)


def _keep(job: Job | Ticket, key: str) -> None:
    job.keep = st.toggle(
        "Continue after this tab is closed",
        job.keep,
        key=f"keep {key}",
        help=f"Otherwise it ends {ABANDONED:.0f} s after the connection is lost.",
    )


def present() -> Callable[[], bool] | None:
    """Whether the browser of the current session is connected, as a function; None outside of a session."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return None
    return partial(runtime.get_instance().is_active_session, context.session_id)


def left(job: Job | Ticket) -> str:
    """` · about 2 min to go`; nothing while that is not known."""
    seconds = job.remaining
    if seconds is None:
        return ""
    return f" · about {seconds / 60:.0f} min to go" if seconds > 90 else f" · about {5 * round(seconds / 5)} s to go"
