"""The button that times networks here: progress, a stop that keeps what is done, and messages that say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from archs import Spec
from explorer.jobs import lab as jobs
from explorer.jobs.job import Busy, current
from explorer.lab.experiment import Experiment, Settings
from explorer.lab.repeat import repeated, sentence
from explorer.lab.run import ROUNDS, SECONDS, Run
from explorer.lab.verdict import TOO_NOISY
from explorer.page.lab import store
from explorer.page.widgets import job_status as work


def panel(
    name: str, networks: Sequence[tuple[str, Spec]], settings: Settings | None = None, label: str = "Measure here"
) -> Run | None:
    """Draws the button, or the run that is going on; returns the run of exactly these networks, where there is one."""
    settings = settings or Settings()
    of = store.key(networks, settings)
    mine = store.job()
    if mine and not mine[1].running:
        _collect(*mine)
    taken = current()
    if mine and mine[1].running:
        if mine[0] == of:
            work.watch(mine[1], name, "What was measured so far is kept.")
        else:
            st.info("A run is going on on another page, or of other channels; it is kept.", icon=":material/timer:")
    elif taken:
        work.others(taken)
    else:
        again = of in store.runs()
        if st.button(
            "Measure again" if again else label,
            key=f"measure {name}",
            type="secondary" if again else "primary",
            icon=":material/timer:",
            help=f"{ROUNDS} rounds over all networks in turn, under a minute; close other programs first.",
        ):
            _start(networks, settings)
        if mine and mine[0] == of and mine[1].problem:
            st.error(mine[1].problem, icon=":material/error:")
    run = store.runs().get(of)
    if run:
        _about(run)
        _again(store.before().get(of), run)
    return run


QUEUE = "lab queue"


def several(experiments: Sequence[Experiment]) -> None:
    """One button for all that is not measured yet: one run after the other, and a stop ends them all."""
    experiments = list({store.key_of(made): made for made in experiments}.values())  # G4 has one for both columns
    mine = store.job()
    if mine and not mine[1].running:
        _collect(*mine)
        if mine[1].stopped or mine[1].problem:
            st.session_state.pop(QUEUE, None)
    missing = [made for made in experiments if not store.run_of(made)]
    taken = current()
    if mine and mine[1].running:
        done = len(experiments) - len(missing)
        st.caption(f"{done} of {len(experiments)} experiments measured.")
        work.watch(mine[1], "several", "What was measured so far is kept; those after it are not started.")
    elif taken:
        work.others(taken)
    elif missing and st.session_state.get(QUEUE):
        made = missing[0]
        _start([(variant.row, variant.spec) for variant in made.variants], made.settings)
    else:
        st.session_state.pop(QUEUE, None)
        if mine and mine[1].problem:
            st.error(mine[1].problem, icon=":material/error:")
        if missing and st.button(
            f"Measure {'all' if len(missing) == len(experiments) else 'what is missing of'} {len(experiments)}",
            key="measure several",
            type="primary",
            icon=":material/timer:",
            help="One after the other, each in under a minute; close other programs first.",
        ):
            st.session_state[QUEUE] = True
            st.rerun()


def _start(networks: Sequence[tuple[str, Spec]], settings: Settings) -> None:
    try:
        request = [(row, spec.to_json()) for row, spec in networks]
        store.start(store.key(networks, settings), jobs.start(request, settings, SECONDS))
    except Busy as error:
        st.warning(str(error), icon=":material/hourglass:")
    else:
        st.rerun()


def _collect(of: store.Key, job: jobs.Job) -> None:
    if job.run and store.runs().get(of) is not job.run:
        store.keep(of, job.run)


def _again(before: Run | None, run: Run) -> None:
    """What the same experiment had given before."""
    if before:
        st.markdown(f"Measured again with the same settings: {sentence(repeated([before, run]))}.")


def _about(run: Run) -> None:
    where = run.environment
    facts = [str(where.get("processor", "")), f"{where.get('threads', 1)} thread(s)", f"{len(run.rounds)} rounds"]
    st.caption(" · ".join(fact for fact in [*facts, f"{run.seconds:.0f} s"] if fact))
    if run.stopped:
        st.info(f"Stopped early: the intervals come from {len(run.rounds)} rounds.", icon=":material/stop:")
    if max(ratio.half_width for ratio in run.ratio) > TOO_NOISY:
        st.warning(
            "The machine was too noisy to tell some rows apart: stop other programs and measure again.",
            icon=":material/graphic_eq:",
        )
