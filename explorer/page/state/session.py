"""The one Scenario of a session, how a control changes it, and what happens when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import streamlit as st

from archs import ArchError, Spec
from archs.errors import Fix
from costmodel import CostError
from explorer.editing import edits
from explorer.editing.repair import Edited
from explorer.editing.scenario import Rejection, Scenario, start
from explorer.page.browser.memory import memory
from explorer.page.widgets import form, messages
from explorer.page.widgets.form import Change, Part

log = logging.getLogger("explorer")
SCENARIO = "scenario"
"""Memory: the session's."""


def scenario() -> Scenario:
    """The session's scenario, a new one at first."""
    kept = memory()
    if SCENARIO not in kept:
        kept[SCENARIO] = start()
    return kept[SCENARIO]


def put(changed: Scenario) -> None:
    """Replace the session's scenario."""
    memory()[SCENARIO] = changed


def choose(control: str, **choices: object) -> None:
    """Apply choices of a control to the session's scenario."""
    put(scenario().choose(control, **choices))


def edit(
    control: str,
    label: str,
    make: Callable[[Spec], Edited],
    attempt: Spec | None = None,
    follow: int | None = None,
) -> None:
    """An edit of the table; a refusal is shown at `control`. `follow`: the row to open afterwards."""
    with guard("The edit"):
        put(scenario().edit(control, label, make, attempt, follow))


def show_problem(control: str) -> None:
    """The last refused file or link, beside the control that it was given to; none of these has a suggested fix."""
    problem = scenario().problem
    if problem and problem.control == control:
        messages.error(problem.message)


def problem_parts(control: str) -> list[Part]:
    """The same as parts of a form: the problem and its suggested fixes."""
    problem = scenario().problem
    return parts_of(problem) if problem and problem.control == control else []


def parts_of(problem: Rejection) -> list[Part]:
    """A problem as parts of a form."""
    control = problem.control
    return [
        form.note(f"problem {control}", problem.message, "error", "error"),
        *(
            form.button(f"fix {control} {number}", f"Take {fix}", "build", partial(_on_fix, problem, fix))
            for number, fix in enumerate(_fixes(problem))
        ),
    ]


def is_refused(control: str) -> bool:
    """Whether the last choice was made with this control, and could not be followed."""
    problem = scenario().problem
    return problem is not None and problem.control == control


def _fixes(problem: Rejection) -> list[Fix]:
    return [cause.fix for cause in problem.causes if cause.fix] if problem.attempt else []


def _on_fix(problem: Rejection, fix: Fix, _: Change) -> None:
    _apply_fix(problem, fix)


def _apply_fix(problem: Rejection, fix: Fix) -> None:
    """Applies the refused choice with the suggested value."""
    edit(
        problem.control,
        f"suggested fix: {fix}",
        lambda spec: edits.apply_fix(problem.attempt or spec, fix),
        problem.attempt,
    )


@contextmanager
def guard(what: str) -> Iterator[None]:
    """A failing panel shows one line and the others are drawn; the traceback is logged and never shown.

    Streamlit's own control flow (rerun, stop) is no Exception and passes.
    """
    try:
        yield
    except (ArchError, CostError) as error:
        messages.error(str(error))
    except Exception:
        log.exception("%s failed", what)
        st.error(
            f"{what} could not be shown: an error in this program, written to its log. Your network is kept.",
            icon=":material/error:",
        )
