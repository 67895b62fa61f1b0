"""The one Scenario of a session, how a control changes it, and what happens when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from archs import ArchError
from costmodel import CostError
from explorer.scenario import Scenario, start

log = logging.getLogger("explorer")


def scenario() -> Scenario:
    if "scenario" not in st.session_state:
        st.session_state.scenario = start()
    return st.session_state.scenario


def put(changed: Scenario) -> None:
    st.session_state.scenario = changed


def choose(control: str, **choices: object) -> None:
    put(scenario().choose(control, **choices))


def show_problem(control: str) -> None:
    """The last refused choice, beside the control that it was made with."""
    problem = scenario().problem
    if problem and problem.control == control:
        st.error(problem.message, icon=":material/error:")


@contextmanager
def guard(what: str) -> Iterator[None]:
    """A panel that fails says so in one line, the others go on; the log has the traceback, the user never.

    Streamlit's own control flow (rerun, stop) is no Exception and passes.
    """
    try:
        yield
    except (ArchError, CostError) as error:
        st.error(str(error), icon=":material/error:")
    except Exception:
        log.exception("%s failed", what)
        st.error(
            f"{what} could not be shown: an error in this program, written to its log. Your network is kept.",
            icon=":material/error:",
        )
