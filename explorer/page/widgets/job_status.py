"""A job on the page: progress and stop; for other visitors, that the machine is busy and for how long."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.jobs.job import ABANDONED, Job

POLL = 0.5  # seconds
POLL_OTHERS = 2.0


@st.fragment(run_every=POLL)
def watch(job: Job, key: str, help: str) -> None:
    """The progress of a job of this session; the page reruns when it has ended."""
    if not job.running:
        st.rerun()
    if job.present is None and (context := get_script_run_ctx()) and runtime.exists():
        job.present = partial(runtime.get_instance().is_active_session, context.session_id)
    st.progress(job.progress, f"{job.status}{left(job)}")
    if st.button("Stop", key=f"stop {key}", icon=":material/stop:", help=help):
        job.stop()
    job.keep = st.toggle(
        "Continue after this tab is closed",
        job.keep,
        key=f"keep {key}",
        help=f"Otherwise it ends {ABANDONED:.0f} s after the connection is lost.",
    )


@st.fragment(run_every=POLL_OTHERS)
def show_other(job: Job) -> None:
    """Another visitor's job; the page reruns when it has ended."""
    if not job.running:
        st.rerun()
    st.info(
        f"For another visitor, or another tab, {job.title} is going on: {job.progress:.0%} done{left(job)}. Two at "
        "once would time each other, so yours can start when it has ended.",
        icon=":material/hourglass:",
    )


def left(job: Job) -> str:
    """` · about 2 min to go`; nothing while that is not known."""
    seconds = job.remaining
    if seconds is None:
        return ""
    return f" · about {seconds / 60:.0f} min to go" if seconds > 90 else f" · about {5 * round(seconds / 5)} s to go"
