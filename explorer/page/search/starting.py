"""The start of a search or an adaptation with its device's profile, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from archs import ArchError
from costmodel import CostError
from explorer.data import profiles as devices
from explorer.jobs.adapt import AdaptJob
from explorer.jobs.search import SearchJob
from explorer.page.browser.memory import memory
from explorer.page.widgets import job_status, messages

REFUSED = "search refused"
"""Memory: why a job could not be started."""

J = TypeVar("J", SearchJob, AdaptJob)


def begin(job: J, started: Callable[[J], None]) -> None:
    """Start a job; `started` stores it. A refusal is shown by the next run."""
    try:
        content = devices.load(job.profile).model_dump_json(by_alias=True).encode()
        job.present = job_status.present()
        job.begin(content)
    except (ArchError, CostError) as error:
        memory()[REFUSED] = str(error)
    else:
        started(job)


def show_refusal() -> None:
    """Why the last press started nothing, once."""
    if refused := memory().pop(REFUSED, ""):
        messages.error(refused)
