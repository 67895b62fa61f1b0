"""The search layer by layer: NetAdapt on the open network, as a job with a live staircase; a click opens a step.

The algorithm is `explorer.search.netadapt`'s, its process `explorer.jobs.adapt`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial

import pandas
import streamlit as st

from explorer.data import frontier
from explorer.data import profiles as devices
from explorer.data.metrics import duration, interval
from explorer.editing.scenario import Scenario
from explorer.figures.search import adaptation as figures
from explorer.jobs.adapt import AdaptJob
from explorer.page.browser.memory import memory
from explorer.page.importing import HOME
from explorer.page.panels.tables import csv
from explorer.page.search import choices, persistence, starting
from explorer.page.state import session as state
from explorer.page.widgets import chart, data_table, form, job_status, messages
from explorer.page.widgets.form import Change
from explorer.search.netadapt import VERSIONS, AdaptedStep, Proposal
from explorer.search.objectives import OBJECTIVES
from explorer.search.runs.adaptation import TIERS, TRAINED

LIVE = 1.5
"""Seconds between two drawings of the figure."""
OPENED = "adapt opened"
"""Memory: the step whose point was clicked."""
METHOD_TITLES = {"mobilenet_v3": "MobileNetV3's: all widths that save 1 %", "original": "original: one per layer"}
TIER_TITLES = {
    "estimated": "estimated: ImageNet top-1",
    "mult_adds": "proxy: more multiply-adds",
    "params": "proxy: more parameters",
    TRAINED: "trained: drawn shapes, minutes",
}


def show_settings(scenario: Scenario) -> None:
    """The form: target, device, and how."""
    parts = [form.grid("what", choices.shared_parts(scenario)), form.grid("how", _parts())]
    form.show("adapt form", [*parts, *state.problem_parts(choices.CONTROL)])


def _parts() -> list[form.Part]:
    """Version of the algorithm, tier of the score, and whose interval the target holds for."""
    chosen = persistence.adapt_settings()
    return [
        form.choice("method", "NetAdapt", VERSIONS, chosen.method, _setter("method"), lambda n: METHOD_TITLES[n]),
        form.choice(
            "adapt tier",
            "Score",
            TIERS,
            chosen.tier,
            _setter("tier"),
            lambda name: TIER_TITLES[name],
            help="Trained: the network, fitted to small drawn shapes, is trained for some steps, and each proposal is "
            "fine-tuned from its truncated weights. The score is the accuracy on the validation part.",
        ),
        form.switch(
            "whole interval", "The whole interval meets the target", chosen.whole_interval, _setter("whole_interval")
        ),
    ]


def _setter(name: str) -> Callable[[Change], None]:
    return partial(_set, name)


def _set(name: str, change: Change) -> None:
    with state.guard("The adaptation"):
        persistence.put_adapt(replace(persistence.adapt_settings(), **{name: change.value}))


def show(scenario: Scenario) -> None:
    """The button or the progress, the figure and the steps."""
    job = persistence.adapt_job()
    messages.caption(
        f"The seed is the open network, {scenario.title}. Each step takes at least a share of its latency off, by the "
        "proposal that costs least of the score."
    )
    if job and job.running:
        job_status.watch(job, "adapt", "Its steps are kept: the adaptation can be continued.")
        _live(job)
        return
    _start_row(scenario, job)
    starting.show_refusal()
    if job is None:
        return
    if job.problem:
        messages.error(job.problem)
    if job.steps:
        _result(job)


def _start_row(scenario: Scenario, job: AdaptJob | None) -> None:
    if not scenario.profile:
        st.info("An adaptation needs a device: choose one above, or make a profile on the page Calibrate.")
        return
    parts = [form.button("start adapt", "Adapt", "stairs", _press, disabled=scenario.target_ms is None)]
    if job and not job.done:
        parts.append(form.button("continue adapt", f"Continue after step {len(job.steps) - 1}", "resume", _continue))
    form.show("adapt start form", [form.row("start", parts)])
    if scenario.target_ms is None:
        found = scenario.prediction
        needs = f"{scenario.title} needs {duration(found.latency_ms)}, {interval(found)}." if found else ""
        messages.info(f"Type a target in milliseconds. {needs}", ":material/flag:")


def _press(_: Change) -> None:
    with state.guard("The adaptation"):
        scenario = state.scenario()
        if scenario.target_ms is not None and scenario.profile:
            job = AdaptJob(
                settings=persistence.adapt_settings(),
                network=scenario.spec,
                profile=scenario.profile,
                target_ms=scenario.target_ms,
            )
            starting.begin(job, persistence.adaptation_started)


def _continue(_: Change) -> None:
    with state.guard("The adaptation"):
        job = persistence.adapt_job()
        if job and not job.running:
            starting.begin(job.continued(), persistence.adaptation_started)


@st.fragment(run_every=LIVE)
def _live(job: AdaptJob) -> None:
    """The figure while the adaptation is going on."""
    if job.steps:
        figure = figures.staircase(job.steps, job.target_ms, _unit(job))
        chart.show(figure, "adapt live", "Latency and score over the steps")


def _unit(job: AdaptJob) -> str:
    return (
        "trained accuracy, validation part, %" if job.settings.tier == TRAINED else OBJECTIVES[job.settings.tier].unit
    )


def _is_accuracy(job: AdaptJob) -> bool:
    return job.settings.tier == TRAINED or OBJECTIVES[job.settings.tier].is_accuracy


def _score(job: AdaptJob, step: AdaptedStep) -> str:
    return f"{step.score:.1f}" if _is_accuracy(job) else f"{step.score:,.0f}"


def _result(job: AdaptJob) -> None:
    steps = job.steps[:-1] if job.steps[-1].number and job.steps[-1].chosen is None else job.steps
    first, last, unit = steps[0], steps[-1], _unit(job)
    ended = f"{job.reason[:1].upper()}{job.reason[1:]}." if job.done else f"Stopped after {last.number} steps."
    verb = "meets" if job.met else "does not meet"
    whole = "with its whole interval" if job.settings.whole_interval else "with its prediction"
    st.markdown(
        f"**{messages.literal(job.network.name)}: {duration(first.latency_ms)} to {duration(last.latency_ms)} in "
        f"{last.number} steps, {_score(job, first)} to {_score(job, last)} ({messages.literal(unit)}). The last "
        f"network {verb} {job.target_ms:g} ms {whole}.** {messages.literal(ended)}"
    )
    chart.show(
        figures.staircase(steps, job.target_ms, unit),
        "adapt",
        "Latency and score over the steps",
        partial(_clicked, job),
        "adaptation",
    )
    inside = sum(one.chosen is not None and one.chosen.inside_interval for one in steps)
    messages.caption(
        f"A click on a step opens its network in Explore. Hollow: the step's gain lies inside its interval, {inside} "
        f"of {last.number}."
    )
    published = frontier.timed_on(getattr(devices.load(job.profile), "device", ""))
    if len(published) and job.settings.tier == "estimated":
        chart.show(
            figures.beside_published(steps, published, unit), "adapt published", "The steps beside published networks"
        )
    rows = [
        {
            "step": one.number,
            "change": one.change,
            "ms": one.latency_ms,
            "from, ms": one.low_ms,
            "to, ms": one.high_ms,
            unit: one.score,
        }
        for one in steps
    ]
    number = st.column_config.NumberColumn
    formats = {name: number(format="%.2f") for name in ("ms", "from, ms", "to, ms")}
    formats[unit] = number(format="%.1f" if _is_accuracy(job) else "localized")
    data_table.frame(pandas.DataFrame(rows), key="adapt steps", column_config=formats)
    csv(_proposals(job), "adaptation", "all proposals")
    if memory().pop(OPENED, None) is not None:
        st.switch_page(st.session_state[HOME])


PROPOSED = [column.name for column in fields(Proposal)]


def _proposals(job: AdaptJob) -> pandas.DataFrame:
    """Every proposal of every step, the rejected ones too."""
    rows = []
    for step in job.steps:
        for one in step.proposals:
            rows.append({"step": step.number} | {name: getattr(one, name) for name in PROPOSED})
    return pandas.DataFrame(rows)


def _clicked(job: AdaptJob, number: str) -> None:
    with state.guard("The network"):
        step = next((one for one in job.steps if str(one.number) == number), None)
        if step:
            label = f"{job.network.name}, step {number}"
            state.choose("link", spec=step.spec, label=label, profile=job.profile, folded=False)
            memory()[OPENED] = step.number
