"""What the page "Search" keeps: its settings in the address, its job for a reload of the tab.

The target, the device and the open network are the session's own, as on Explore.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from explorer.editing.scenario import Scenario
from explorer.jobs import search as jobs
from explorer.jobs.search import SearchJob
from explorer.page.browser import events
from explorer.page.browser.memory import memory
from explorer.page.frontend import bundle
from explorer.page.state import session as state
from explorer.page.state import share
from explorer.page.widgets import job_status
from explorer.page.widgets.components import Component
from explorer.search.runs import settings as search
from explorer.search.runs.settings import SearchSettings

KEY = "search storage"
SETTINGS, JOB = "search settings", "search job"
"""Memory."""

_component = Component("search_storage", js=bundle.script("storage"))


def settings() -> SearchSettings:
    return memory().get(SETTINGS) or SearchSettings()


def put(changed: SearchSettings) -> None:
    memory()[SETTINGS] = changed


def job() -> SearchJob | None:
    """The search that this tab started last."""
    return memory().get(JOB)


def started(job: SearchJob) -> None:
    memory()[JOB] = job


def reopen() -> None:
    """The address's settings, once per session."""
    share.reopen()
    if SETTINGS not in memory():
        put(search.of_parameters(st.query_params.to_dict()))


def address(scenario: Scenario) -> str:
    """The link that opens this search with its settings."""
    return f"{st.context.url or ''}?{urlencode(_parameters(scenario))}"


def keep(scenario: Scenario) -> None:
    """Writes the address and the job's token; the last thing on the page."""
    share.write(_parameters(scenario), (*share.PARAMETERS, *search.PARAMETERS))
    last = job()
    data = {
        "storage": "cnn-cost search",
        "text": last.token if last else "",
        "acknowledged": events.acknowledged(KEY),
    }
    _component(key=KEY, data=data, on_queue_change=partial(events.handle, KEY, _found))


def _parameters(scenario: Scenario) -> dict[str, str]:
    return share.parameters(scenario) | settings().parameters()


def _found(content: list[Any]) -> None:
    """The token that the tab has stored: its job, where this server still knows it."""
    with state.guard("The search"):
        match content:
            case [str(token)] if job() is None:
                if found := jobs.find(token):
                    found.present = job_status.present()
                    started(found)
