"""The page "Search": settings, the job with its live figure, a stop, and the result.

The search itself is `explorer.search`, its process `explorer.jobs.search`.
"""

from __future__ import annotations

import streamlit as st

from explorer.data.metrics import duration, interval
from explorer.editing.scenario import Scenario
from explorer.figures.search import outcome as figures
from explorer.jobs.search import SearchJob
from explorer.page.browser.memory import memory
from explorer.page.search import adapting, choices, exponent, persistence, result, starting
from explorer.page.state import session as state
from explorer.page.state.session import guard
from explorer.page.widgets import chart, form, job_status, messages
from explorer.page.widgets.form import Change

LIVE = 1.5
"""Seconds between two drawings of the figure."""


def render() -> None:
    """Draws the page."""
    with guard("The link"):
        persistence.reopen()
    scenario = state.scenario()
    st.title("Search", anchor=False)
    st.caption(
        "The network for a latency: which network of a space has the best score within the target, on your device."
    )
    state.show_problem("link")
    kinds = (persistence.BLOCKS, persistence.LAYERS)
    form.show("search kind form", [form.tabs("search kind", "Search", kinds, persistence.kind(), _choose)])
    if persistence.kind() == persistence.LAYERS:
        with guard("The settings"):
            adapting.show_settings(scenario)
        with guard("The adaptation"):
            adapting.show(scenario)
    else:
        _by_blocks(scenario)
    with guard("The address"):
        persistence.keep(state.scenario())


def _choose(change: Change) -> None:
    with guard("The kind of search"):
        persistence.choose_kind(change.value)


def _by_blocks(scenario: Scenario) -> None:
    """The search over a space."""
    with guard("The settings"):
        choices.show(scenario)
    with guard("w"):
        exponent.show(scenario)
    with guard("The search"):
        _run(scenario)
    with guard("The result"), st.container():
        _show(persistence.job())


def _run(scenario: Scenario) -> None:
    """The button, or the progress of the job."""
    job = persistence.job()
    if job and job.running:
        memory()[result.WATCHED] = job.token
        job_status.watch(job, "search", "What was evaluated is kept: the search can be continued.")
        return
    if not scenario.profile:
        st.info("A search needs a device: choose one above, or make a profile on the page Calibrate.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        parts = [form.button("start search", "Search", "search", _press, disabled=scenario.target_ms is None)]
        if job and job.found and not job.done:
            left = job.settings.evaluations - len(job.found)
            parts.append(form.button("continue search", f"Continue: {left} evaluations left", "resume", _continue))
        form.show("search start form", [form.row("start", parts)])
        with st.popover("Link to this search", icon=":material/link:"):
            st.caption("Opens this page with these settings, the device and the open network.")
            st.code(persistence.address(scenario), language=None, wrap_lines=True)
    starting.show_refusal()
    if scenario.target_ms is None:
        found = scenario.prediction
        needs = f"{scenario.title} needs {duration(found.latency_ms)}, {interval(found)}." if found else ""
        messages.info(f"Type a target in milliseconds. {needs}", ":material/flag:")


def _press(_: Change) -> None:
    with guard("The search"):
        scenario, settings = state.scenario(), persistence.settings()
        if scenario.target_ms is None or not scenario.profile:
            return
        job = SearchJob(
            settings=settings, network=scenario.spec, profile=scenario.profile, target_ms=scenario.target_ms
        )
        starting.begin(job, persistence.started)


def _continue(_: Change) -> None:
    with guard("The search"):
        job = persistence.job()
        if job and not job.running:
            starting.begin(job.continued(), persistence.started)


def _show(job: SearchJob | None) -> None:
    if job is None:
        return
    if job.running:
        _live(job)
        return
    if job.problem:
        messages.error(job.problem)
    if not job.found:
        return
    if not job.done:
        st.info(
            f"Stopped after {len(job.found)} of {job.settings.evaluations} evaluations.", icon=":material/stop_circle:"
        )
    elif len(job.found) < job.settings.evaluations:
        st.info(f"No other network of the space is within the target: {len(job.found)} were evaluated.")
    result.show(job)


@st.fragment(run_every=LIVE)
def _live(job: SearchJob) -> None:
    """The figure while the search is going on."""
    if not job.found:
        return
    outcome = result.outcome_of(job)
    chart.show(figures.pareto(outcome), "search live", "Latency against score of the networks evaluated so far")
    chart.legend(figures.legend(outcome))
