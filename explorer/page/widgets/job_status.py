"""A job on the page: its progress and its stop; for another visitor, that the machine is taken and for how long."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.job import Job

POLL = 0.5  # seconds between two looks at a job; each costs the other process nothing
POLL_OTHERS = 2.0


@st.fragment(run_every=POLL)
def watch(job: Job, key: str, tip: str) -> None:
    """The progress of a job of this session; the page is drawn anew once it has ended."""
    if not job.running:
        st.rerun()
    st.progress(job.progress, f"{job.status}{left(job)}")
    if st.button("Stop", key=f"stop {key}", icon=":material/stop:", help=tip):
        job.stop()


@st.fragment(run_every=POLL_OTHERS)
def show_other(job: Job) -> None:
    """That another visitor's job is going on; the page is drawn anew once it has ended."""
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
