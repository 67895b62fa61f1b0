"""The button that times networks on this machine, with progress, a stop that keeps complete rounds, and messages."""

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
from explorer.page.widgets import job_status, messages


def panel(
    name: str, networks: Sequence[tuple[str, Spec]], settings: Settings | None = None, label: str = "Measure here"
) -> Run | None:
    """Draw the button or the progress of a run; return the finished run of these networks, if any."""
    settings = settings or Settings()
    of = store.key(networks, settings)
    mine = store.job()
    if mine and not mine[1].running:
        _collect(*mine)
    taken = current()
    if mine and mine[1].running:
        if mine[0] == of:
            job_status.watch(mine[1], name, "What was measured so far is kept.")
        else:
            st.info("A run is going on on another page, or of other channels; it is kept.", icon=":material/timer:")
    elif taken:
        job_status.show_other(taken)
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
            messages.error(mine[1].problem)
    run = store.runs().get(of)
    if run:
        _about(run)
        _again(store.before().get(of), run)
    return run


QUEUE = "lab queue"


def measure_all(experiments: Sequence[Experiment]) -> None:
    """A button that measures all missing experiments in sequence; a stop ends the sequence."""
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
        job_status.watch(mine[1], "several", "What was measured so far is kept; those after it are not started.")
    elif taken:
        job_status.show_other(taken)
    elif missing and st.session_state.get(QUEUE):
        made = missing[0]
        _start([(variant.row, variant.spec) for variant in made.variants], made.settings)
    else:
        st.session_state.pop(QUEUE, None)
        if mine and mine[1].problem:
            messages.error(mine[1].problem)
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
        messages.warning(str(error), ":material/hourglass:")
    else:
        st.rerun()


def _collect(of: store.Key, job: jobs.Job) -> None:
    if job.run and store.runs().get(of) is not job.run:
        store.add(of, job.run)


def _again(before: Run | None, run: Run) -> None:
    """Agreement with the previous run of the same experiment."""
    if before:
        st.markdown(f"Measured again with the same settings: {sentence(repeated([before, run]))}.")


def _about(run: Run) -> None:
    where = run.environment
    facts = [str(where.get("processor", "")), f"{where.get('threads', 1)} thread(s)", f"{len(run.rounds)} rounds"]
    messages.caption(" · ".join(fact for fact in [*facts, f"{run.seconds:.0f} s"] if fact))
    if run.stopped:
        messages.info(f"Stopped early: the intervals come from {len(run.rounds)} rounds.", ":material/stop:")
    if max(ratio.half_width for ratio in run.ratio) > TOO_NOISY:
        st.warning(
            "The machine was too noisy to tell some rows apart: stop other programs and measure again.",
            icon=":material/graphic_eq:",
        )
