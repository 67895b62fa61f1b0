"""Shared parts of the lesson pages: title and introduction, and the networks to count and to time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import NamedTuple

import pandas
import streamlit as st

import archs
import costmodel
from explorer.data.metrics import quantity
from explorer.lab import prediction
from explorer.lab.experiment import Settings
from explorer.lab.lessons import charts as lesson_charts
from explorer.lab.lessons.networks import Networks
from explorer.lab.lessons.questions import Question
from explorer.lab.run import Run
from explorer.page.browser import effects
from explorer.page.lab import class_bar, controls, measure, store
from explorer.page.state.session import guard
from explorer.page.widgets import chart, data_table, messages


class Lesson(NamedTuple):
    """A page of the navigation."""

    title: str
    render: Callable[[], None]


def lesson(title: str, sentence: str, question: Question) -> Callable[[Callable[[], None]], Lesson]:
    """Decorator that makes a page of a function: title, introduction, prediction, then the body under `guard`."""

    def page(body: Callable[[], None]) -> Lesson:
        @wraps(body)
        def render() -> None:
            st.title(title, anchor=False)
            st.markdown(sentence)
            with guard("The class"):
                class_bar.show()
            with guard("Predict first"):
                if not _predict_first(title, question):
                    return
            with guard(title):
                body()

        return Lesson(title, render)

    return page


def _predict_first(title: str, question: Question) -> bool:
    """The lesson's question. Returns whether it was answered or skipped."""
    answers = store.answers()
    if title not in answers:
        key = controls.kept(_unkept(title), question.options)
        chosen = st.radio(
            question.text, question.options, index=None, key=key, horizontal=True, persist_state="session"
        )
        left, right, _ = st.columns([1, 1, 3])
        effects.button(
            "Keep my prediction",
            f"keep {title}",
            partial(_answer, title, chosen),
            left.button,
            type="primary",
            disabled=chosen is None,
            width="stretch",
        )
        effects.button("Skip", f"skip {title}", partial(_answer, title, ""), right.button, width="stretch")
        st.info("The lesson follows once you have kept a prediction or skipped this step.")
        return False
    given, right_one = answers[title], question.options[question.answer()]
    class_bar.predicted(title, given)
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        sentence = (
            f"Your prediction: {given} {'✓' if given == right_one else '✗'}. " if given else "Prediction skipped. "
        )
        messages.info(f"{question.text} {sentence}Computed: {right_one}.", ":material/quiz:")
    effects.button("Predict again", f"again {title}", partial(_answer, title, None), right.button)
    return True


def _answer(title: str, given: str | None) -> Callable[[], None]:
    """Keeps the answer to a lesson's question; None takes it away."""
    if given is None:
        st.session_state[_unkept(title)] = None
        store.answers().pop(title, None)
    else:
        store.answers()[title] = given
    return st.rerun


def _unkept(title: str) -> str:
    """The key of a prediction that is not kept."""
    return f"question {title}"


def networks_panel(name: str, networks: Networks, table: pandas.DataFrame, bars: bool = True) -> Run | None:
    """Table of the counts, the predicted milliseconds and, once measured, the milliseconds of this machine."""
    if bars:
        chart.show(lesson_charts.side_by_side(table), f"{name} bars", "Counts of the networks over the first one's")
    run = measure.panel(name, networks)
    shown = table[["network", "mult_adds", "params", "mem_access", "elementwise", "kernels"]].copy()
    times = predicted_ms(networks)
    if times:
        shown["predicted, ms"] = times
    if run:
        shown["measured here, ms"] = [time.middle for time in run.time_ms]
        shown["ratio to the first"] = [f"{r.middle:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in run.ratio]
    number = st.column_config.NumberColumn
    heads = {"mult_adds": "mult-adds", "mem_access": "MAC", "elementwise": "element-wise", "params": "params"}
    config = {column: number(title, format="localized") for column, title in heads.items()}
    config |= {column: number(format="%.2f") for column in ("predicted, ms", "measured here, ms")}
    data_table.show(shown, key=f"{name} table", columns=config)
    profile = prediction.profile_for(Settings())
    if times and profile:
        processor = profile.environment.get("processor", "unknown processor")
        threads = quantity(profile.regime.threads, "thread")
        messages.caption(f"Predicted for {processor}, eager PyTorch, {threads}.")
    return run


def predicted_ms(networks: Networks) -> list[float]:
    """Predicted milliseconds of each network; empty without a profile or with an unknown operator."""
    profile = prediction.profile_for(Settings())
    try:
        return [costmodel.predict(archs.build(spec), profile).latency_ms for _, spec in networks] if profile else []
    except costmodel.CostError:
        return []
