"""What a session keeps of the lab: its runs by what was run, the run that is going on, the orders predicted.

A run is kept under its networks and settings, so turning a knob and back loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from archs import Spec
from explorer.jobs.lab import Job
from explorer.lab.experiment import Experiment, Settings
from explorer.lab.run import Run

Key = tuple[tuple[Spec, ...], Settings]
MAX_RUNS = 64


def key(networks: Sequence[tuple[str, Spec]], settings: Settings) -> Key:
    return tuple(spec for _, spec in networks), settings


def runs() -> dict[Key, Run]:
    return st.session_state.setdefault("lab runs", {})


def run_of(made: Experiment) -> Run | None:
    """What was measured of an experiment, where it was."""
    return runs().get(key_of(made))


def key_of(made: Experiment) -> Key:
    return key([(variant.row, variant.spec) for variant in made.variants], made.settings)


def before() -> dict[Key, Run]:
    """What a run of the same networks and settings had found before the one in `runs`."""
    return st.session_state.setdefault("lab runs before", {})


def keep(of: Key, run: Run) -> None:
    kept = runs()
    if of in kept:
        before()[of] = kept.pop(of)
    kept[of] = run
    while len(kept) > MAX_RUNS:
        oldest = next(iter(kept))
        kept.pop(oldest)
        before().pop(oldest, None)


def job() -> tuple[Key, Job] | None:
    """The run that this session started last, and what it is of."""
    return st.session_state.get("lab job")


def start(of: Key, job: Job) -> None:
    st.session_state["lab job"] = (of, job)


def results() -> dict[int, Experiment]:
    """Guideline → the experiment that was measured last, for the class sheet."""
    return st.session_state.setdefault("lab results", {})


def orders() -> dict[int, list[str]]:
    """Guideline → the rows from fastest to slowest as predicted; empty where the student skipped."""
    return st.session_state.setdefault("lab orders", {})
