"""What a search has found: the figure, the comparison with its baselines, the best to open, compare and export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from archs import ArchError, Spec
from explorer.data import profiles as devices
from explorer.data.metrics import duration, number
from explorer.editing import designs
from explorer.editing.designs import Design
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.figures.search import outcome as figures
from explorer.jobs.search import SearchJob
from explorer.lab.experiment import MAX_THREADS
from explorer.lab.experiment import Settings as Timing
from explorer.page.browser import effects
from explorer.page.browser.memory import memory
from explorer.page.importing import HOME
from explorer.page.lab import measure
from explorer.page.panels import export
from explorer.page.panels.tables import csv
from explorer.page.search import choices, distribution
from explorer.page.state import collection
from explorer.page.state import session as state
from explorer.page.state.share import TAB
from explorer.page.widgets import chart, data_table, download, form, messages
from explorer.page.widgets.form import Change
from explorer.search.objectives import objective
from explorer.search.runs import outcome as words
from explorer.search.runs.baselines import title
from explorer.search.runs.outcome import Outcome
from explorer.search.search import Candidate
from explorer.views import designs as views

CHOSEN, COMPARED = "search chosen", "search compared"
"""Memory: the rank of the network that is opened and exported; the session's, of the networks that are compared."""
OUTCOME = "search outcome"
"""Memory: (what it was made of, the outcome)."""
FINALISTS = 5
"""The best that are measured."""
WATCHED = "search watched"
"""Memory: the token of the search that runs while the page is open; its finalists are measured when it has ended."""


def outcome_of(job: SearchJob) -> Outcome:
    """The job's candidates at this moment; the space and what was derived are kept until there are more."""
    found, random, baselines = tuple(job.found), tuple(job.random), tuple(job.baselines)
    key = job.token, len(found), len(random), len(baselines)
    known = memory().get(OUTCOME)
    if known is None or known[0] != key:
        settings = job.settings
        space = settings.made_space(job.network)
        scored = objective(settings.tier)
        known = key, Outcome(space, scored, job.target_ms, settings.w, found, random, baselines)
        memory()[OUTCOME] = known
    return known[1]


def show(job: SearchJob) -> None:
    """Everything below the settings once a search has ended."""
    outcome = outcome_of(job)
    settings = job.settings
    soft = f" · soft target, w = {number(settings.w, 'g')}" if settings.w is not None else ""
    messages.caption(
        f"{choices.space_title(settings.space)} · {choices.strategy_title(settings.strategy)} · "
        f"seed {settings.seed} · target {job.target_ms:g} ms{soft} · {devices.title(job.profile)}"
    )
    st.markdown(f"**{messages.literal(words.summary(outcome))}**")
    beats, verdict = outcome.verdict
    if not beats:
        messages.warning(verdict, ":material/balance:")
    elif verdict:
        messages.caption(verdict)
    chart.show(figures.pareto(outcome), "search", "Latency against score of all networks evaluated", file="search")
    chart.legend(figures.legend(outcome))
    messages.caption(f"{words.note(outcome.objective)} {outcome.caution}")
    _slope(outcome)
    _comparisons(outcome)
    distribution.show(outcome)
    _table(outcome)
    _use(job, outcome)
    csv(outcome.everything(), "search", "all networks")
    _measured(job, outcome)


def _comparisons(outcome: Outcome) -> None:
    """The baselines, each with its score."""
    if not outcome.comparisons:
        return
    st.subheader("Beside it, at the same target", anchor=False)
    data_table.frame(outcome.comparison_table, key="search baselines")


def _slope(outcome: Outcome) -> None:
    if outcome.slope and outcome.objective.is_accuracy:
        messages.caption(
            f"Around the target, 1 % more latency gives {outcome.slope:.2f} % more of the score on this front: a soft "
            f"target with w = −{outcome.slope:.2f} is indifferent there; a steeper one prefers faster networks."
        )


def _table(outcome: Outcome) -> None:
    st.subheader("The best", anchor=False)
    table = outcome.table.dropna(axis=1, how="all")
    data_table.frame(table, key="search best", column_config=_heads(outcome))


def _heads(outcome: Outcome) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    score = "%.1f" if outcome.objective.is_accuracy else "localized"
    return {
        outcome.unit: number(format=score, help=outcome.objective.note),
        "from": number(format="%.1f", help="lower end of the estimate's 90 % interval"),
        "to": number(format="%.1f"),
        "latency_ms": number("ms", format="%.2f"),
        "low_ms": number("from, ms", format="%.2f", help="lower end of the 90 % interval"),
        "high_ms": number("to, ms", format="%.2f"),
        "target": text(help="whether the upper end of the interval is within the target"),
        "mult_adds": number("mult-adds", format="localized"),
        "params": number(format="localized"),
        "difference": text(f"difference from the seed, {title(outcome.space.base)}", width="large"),
    }


def _use(job: SearchJob, outcome: Outcome) -> None:
    """One of the best: opened, exported; several: compared."""
    ranks = range(1, len(outcome.best) + 1)
    rank = memory().get(CHOSEN, 1)
    rank = rank if rank in ranks else 1
    one = outcome.best[rank - 1]
    form.show(
        "search best form",
        [
            form.row(
                "chosen",
                [form.choice("rank", "Network", ranks, rank, _choose, lambda n: _title(outcome, n))],
            )
        ],
    )
    chosen = _scenario(job, outcome, one)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        open_it = partial(_open, job, chosen.spec, rank)
        effects.button("Open in Explore", "search open", open_it, type="primary", icon=":material/open_in_new:")
        _file("PyTorch file", chosen.source, f"search_{rank}.py", "text/x-python")
        _file("Spec (JSON)", chosen.spec.to_json(), f"search_{rank}.json", "application/json")
        export.onnx_file(chosen)
    messages.caption(f"Difference of network {rank} from the seed: {outcome.difference(one)}.")
    compared = st.multiselect("Side by side", ranks, default=list(ranks)[:3], key=COMPARED, placeholder="networks")
    if compared:
        _compare(job, outcome, compared)


def _open(job: SearchJob, spec: Spec, rank: int) -> Callable[[], None]:
    state.choose("link", spec=spec, label=f"search, network {rank}", profile=job.profile, folded=False)
    return partial(st.switch_page, st.session_state[HOME])


def _title(outcome: Outcome, rank: int) -> str:
    one = outcome.best[rank - 1]
    return f"{rank}. {outcome.score_text(one.score)} at {duration(one.latency_ms)}"


def _choose(change: Change) -> None:
    memory()[CHOSEN] = change.value


def _scenario(job: SearchJob, outcome: Outcome, one: Candidate) -> Scenario:
    """The network as Explore would show it."""
    history = History.start(outcome.spec(one))
    like = state.scenario()
    return replace(like, history=history, profile=job.profile, folded=False, block=None, problem=None, notes=())


def _file(label: str, text: str, name: str, mime: str) -> None:
    download.button(label, lambda: text, name, mime, f"search {label}")


def _compare(job: SearchJob, outcome: Outcome, ranks: list[int]) -> None:
    """The networks side by side, and a button that puts them among the designs of Explore."""
    chosen = [Design(_title(outcome, rank), outcome.spec(outcome.best[rank - 1])) for rank in ranks]
    data_table.frame(views.tiles(views.table(chosen, _scenario(job, outcome, outcome.best[0]))))
    keep = partial(_keep, outcome, chosen)
    effects.button("Keep these among the designs", "search keep", keep, icon=":material/bookmark_add:")


def _keep(outcome: Outcome, chosen: list[Design]) -> Callable[[], None] | None:
    found = collection.current()
    try:
        for one in chosen:
            if one.spec not in [known.spec for known in found]:
                name = designs.free_name(found, f"{outcome.space.name} {one.name}")
                found = designs.keep(found, replace(one, name=name))
    except ArchError as error:
        messages.error(str(error))
        return None
    collection.put(found)
    memory()[TAB] = "Designs"
    return partial(st.switch_page, st.session_state[HOME])


def _measured(job: SearchJob, outcome: Outcome) -> None:
    """The finalists timed, where the profile is of the machine that serves the page."""
    if job.profile not in devices.here():
        st.caption(
            "Milliseconds are predictions. With a profile of the machine that serves this page, which the page "
            "Calibrate makes, the best networks can be measured here too."
        )
        return
    regime = devices.load(job.profile).regime
    if regime.folded or regime.threads > MAX_THREADS:
        st.caption("The best networks are not measured here: the profile's regime is none that the page times.")
        return
    best = outcome.best[:FINALISTS]
    networks = [(f"network {rank}", outcome.spec(one)) for rank, one in enumerate(best, 1)]
    timing = Timing(regime.batch, regime.threads, regime.layout, regime.device)
    st.subheader("Measured", anchor=False)
    ended = memory().pop(WATCHED, None) == job.token and job.done
    run = measure.panel("finalists", networks, timing, f"Measure the best {len(best)} here", at_once=ended)
    if run:
        times = [(one, time.middle) for one, time in zip(best, run.time_ms)]
        messages.info(words.kept(outcome, times), ":material/timer:")
