"""The button that times networks on this machine: queue, progress, a stop that keeps complete rounds, messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from archs import Spec
from explorer.data.metrics import quantity
from explorer.errors import LabError
from explorer.jobs import lab_queue
from explorer.jobs.lab_queue import Ticket
from explorer.lab.experiment import Experiment, Settings
from explorer.lab.repeat import repeated, sentence
from explorer.lab.run import ROUNDS, SECONDS, Run
from explorer.lab.verdict import TOO_NOISY
from explorer.page.browser import effects
from explorer.page.lab import store
from explorer.page.widgets import job_status, messages


def panel(
    name: str,
    networks: Sequence[tuple[str, Spec]],
    settings: Settings | None = None,
    label: str = "Measure here",
    at_once: bool = False,
) -> Run | None:
    """Draw the button, the place in the queue or the progress; return the finished run of these networks, if any.

    `at_once`: the run starts without the button, where there is none yet.
    """
    settings = settings or Settings()
    of = store.key(networks, settings)
    mine, running = _latest()
    if mine and running:
        if mine[0] == of:
            job_status.follow(mine[1], name, "Complete rounds are kept.")
        else:
            job_status.wait_for(mine[1], "Your run of other settings or of another page is not finished; it is kept.")
    else:
        again = of in store.runs()
        if at_once and not again and (leave := _start(networks, settings)):
            leave()
        if not again:
            _offer(name, networks, settings)
        effects.button(
            "Measure again" if again else label,
            f"measure {name}",
            partial(_start, networks, settings),
            type="secondary" if again else "primary",
            icon=TIMER,
            help=f"{ROUNDS} rounds over all networks in turn, about {SECONDS:.0f} s.{_queue()}",
        )
        if mine and mine[0] == of and mine[1].problem:
            messages.error(mine[1].problem)
    run = store.runs().get(of)
    if run:
        _about(run)
        _again(store.before().get(of), run)
    return run


QUEUE = "lab queue"
TIMER = ":material/timer:"


def measure_all(experiments: Sequence[Experiment]) -> None:
    """A button that measures all missing experiments in sequence; a stop ends the sequence."""
    experiments = list({store.key_of(made): made for made in experiments}.values())  # G4 has one for both columns
    mine, running = _latest()
    if mine and not running and (mine[1].stopped or mine[1].problem):
        st.session_state.pop(QUEUE, None)
    missing = [made for made in experiments if not store.run_of(made)]
    if mine and running:
        done = len(experiments) - len(missing)
        st.caption(f"{done} of {len(experiments)} experiments measured.")
        job_status.follow(mine[1], "several", "Complete rounds are kept; the experiments after it are not started.")
        return
    if missing and st.session_state.get(QUEUE):
        made = missing[0]
        if leave := _start([(variant.row, variant.spec) for variant in made.variants], made.settings):
            leave()
    st.session_state.pop(QUEUE, None)  # none is left, or the next one was refused
    if mine and mine[1].problem:
        messages.error(mine[1].problem)
    if missing:
        effects.button(
            f"Measure {'all' if len(missing) == len(experiments) else 'the missing of'} {len(experiments)}",
            "measure several",
            _start_all,
            type="primary",
            icon=TIMER,
            help=f"One after the other, each in about {SECONDS:.0f} s.{_queue()}",
        )


def _start_all() -> Callable[[], None]:
    st.session_state[QUEUE] = True
    return st.rerun


def _queue() -> str:
    """The state of the queue, for the help of a button."""
    runs, seconds = lab_queue.waiting()
    if not runs:
        return " Other programs on this machine make the intervals wider."
    return (
        f" {runs} {'run is' if runs == 1 else 'runs are'} in the queue: yours starts automatically in {seconds:.0f} s."
    )


def _request(networks: Sequence[tuple[str, Spec]]) -> list[tuple[str, str]]:
    return [(row, spec.to_json()) for row, spec in networks]


def _offer(name: str, networks: Sequence[tuple[str, Spec]], settings: Settings) -> None:
    """A button that takes over the run of another visitor with equal settings, if there is one of the last minutes."""
    found = lab_queue.recent(_request(networks), settings)
    if found is None:
        return
    run, age = found
    st.info(f"The same networks were measured on this server {_ago(age)} with the same settings.", icon=TIMER)
    use = partial(_use, store.key(networks, settings), run)
    effects.button("Use this run", f"use {name}", use, icon=":material/content_copy:")


def _use(of: store.Key, run: Run) -> Callable[[], None]:
    store.add(of, run)
    return st.rerun


def _ago(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min ago" if minutes else "less than a minute ago"


def _start(networks: Sequence[tuple[str, Spec]], settings: Settings) -> Callable[[], None] | None:
    """Join the queue and return the page's rerun; a refusal is a warning on it."""
    try:
        ticket = lab_queue.join(_request(networks), settings, SECONDS, job_status.present())
    except LabError as error:
        messages.warning(str(error), job_status.HOURGLASS)
        return None
    store.start(store.key(networks, settings), ticket)
    return st.rerun


def _latest() -> tuple[tuple[store.Key, Ticket] | None, bool]:
    """The session's latest run, and whether it is still to come: asked once, as it may end at any moment.

    A page that took it for going on and then for ended neither followed it nor had its result.
    """
    mine = store.job()
    if mine is None or mine[1].running:
        return mine, mine is not None
    of, ticket = mine
    if ticket.run and store.runs().get(of) is not ticket.run:
        store.add(of, ticket.run)
    return mine, False


def _again(before: Run | None, run: Run) -> None:
    """Agreement with the previous run of the same experiment."""
    if before:
        st.markdown(f"Measured again with the same settings: {sentence(repeated([before, run]))}.")


def _about(run: Run) -> None:
    where = run.environment
    facts = [str(where.get("processor", "")), quantity(where.get("threads", 1), "thread"), f"{len(run.rounds)} rounds"]
    messages.caption(" · ".join(fact for fact in [*facts, f"{run.seconds:.0f} s"] if fact))
    if run.stopped:
        messages.info(f"Stopped early: the intervals come from {len(run.rounds)} rounds.", ":material/stop:")
    if max(ratio.half_width for ratio in run.ratio) > TOO_NOISY:
        st.warning(
            "The machine was too noisy to tell some rows apart: stop other programs and measure again.",
            icon=":material/graphic_eq:",
        )
