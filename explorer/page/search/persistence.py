"""What the page "Search" keeps: its settings in the address, its jobs for a reload of the tab.

The target, the device and the open network are the session's own, as on Explore.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from archs import ArchError
from explorer.editing.scenario import Scenario
from explorer.jobs import adapt as adaptations
from explorer.jobs import search as jobs
from explorer.jobs.adapt import AdaptJob
from explorer.jobs.search import SearchJob
from explorer.page.browser.memory import memory
from explorer.page.state import session as state
from explorer.page.state import share
from explorer.page.widgets import job_status
from explorer.page.widgets.stored import BrowserText
from explorer.search.runs import settings as search
from explorer.search.runs.adaptation import AdaptSettings
from explorer.search.runs.settings import SearchSettings

SETTINGS, JOB = "search settings", "search job"
ADAPT_SETTINGS, ADAPT_JOB, KIND = "adapt settings", "adapt job", "search kind"
"""Memory."""
BLOCKS, LAYERS = "Block by block", "Layer by layer"
"""The kinds of search."""
ADAPT_PARAMETERS = ("by", "method", "score", "meets")
"""Of a link to a search layer by layer."""

_stored = BrowserText("search storage", "cnn-cost search")


def kind() -> str:
    """Which search the page shows: BLOCKS or LAYERS."""
    return memory().get(KIND, BLOCKS)


def choose_kind(chosen: str) -> None:
    memory()[KIND] = chosen


def settings() -> SearchSettings:
    return memory().get(SETTINGS) or SearchSettings()


def put(changed: SearchSettings) -> None:
    memory()[SETTINGS] = changed


def adapt_settings() -> AdaptSettings:
    return memory().get(ADAPT_SETTINGS) or AdaptSettings()


def put_adapt(changed: AdaptSettings) -> None:
    memory()[ADAPT_SETTINGS] = changed


def job() -> SearchJob | None:
    """The search that this tab started last."""
    return memory().get(JOB)


def started(job: SearchJob) -> None:
    memory()[JOB] = job


def adapt_job() -> AdaptJob | None:
    """The adaptation that this tab started last."""
    return memory().get(ADAPT_JOB)


def adaptation_started(job: AdaptJob) -> None:
    memory()[ADAPT_JOB] = job


def reopen() -> None:
    """The address's settings, once per session."""
    share.reopen()
    if SETTINGS not in memory():
        given = st.query_params.to_dict()
        put(search.of_parameters(given))
        if given.get("by") == "layers":
            choose_kind(LAYERS)
            put_adapt(_adapt_of(given))


def address(scenario: Scenario) -> str:
    """The link that opens this search with its settings."""
    return f"{st.context.url or ''}?{urlencode(_parameters(scenario))}"


def keep(scenario: Scenario) -> None:
    """Writes the address and the jobs' tokens; the last thing on the page."""
    share.write(_parameters(scenario), (*share.PARAMETERS, *search.PARAMETERS, *ADAPT_PARAMETERS))
    _stored.keep(" ".join(one.token for one in (job(), adapt_job()) if one), _found)


def _parameters(scenario: Scenario) -> dict[str, str]:
    if kind() == BLOCKS:
        return share.parameters(scenario) | settings().parameters()
    chosen = adapt_settings()
    values = ("layers", chosen.method, chosen.tier, "interval" if chosen.whole_interval else "point")
    return share.parameters(scenario) | dict(zip(ADAPT_PARAMETERS, values))


def _adapt_of(given: dict[str, str]) -> AdaptSettings:
    start = AdaptSettings()
    try:
        return AdaptSettings(
            given.get("method", start.method), given.get("score", start.tier), given.get("meets") != "point"
        )
    except ArchError:
        return start


def _found(content: list[Any]) -> None:
    """The tokens that the tab has stored: its jobs, where this server still knows them."""
    with state.guard("The search"):
        match content:
            case [str(tokens), True]:
                for token in tokens.split()[:2]:
                    _resume(token)


def _resume(token: str) -> None:
    if job() is None and (search_job := jobs.find(token)):
        search_job.present = job_status.present()
        started(search_job)
    elif adapt_job() is None and (adaptation := adaptations.find(token)):
        adaptation.present = job_status.present()
        adaptation_started(adaptation)
        choose_kind(LAYERS if job() is None else kind())
