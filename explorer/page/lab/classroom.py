"""For the teacher: the class, the class sheet, the answers of this machine, and results from files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.lab import prediction, record, sheet
from explorer.lab.experiment import GUIDELINES, PLATFORMS, SCALES, Experiment, experiment
from explorer.lab.verdict import compare
from explorer.page.lab import class_live, store
from explorer.page.panels.tables import csv
from explorer.page.state.session import guard
from explorer.page.widgets import data_table, download, messages, upload

MAX_FILES = 60


def render() -> None:
    st.title("For the teacher", anchor=False)
    with guard("The class"):
        class_live.panel()
    with guard("The class sheet"):
        _sheets()
    with guard("Collected files"):
        _class()


def _sheets() -> None:
    st.subheader("The class sheet", anchor=False)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        platform = st.segmented_control(
            "The paper's device",
            PLATFORMS,
            default="ARM",
            required=True,
            key="sheet platform",
            format_func={"GPU": "GPU", "ARM": "ARM (CPU)"}.__getitem__,
        )
    with right:
        scale = st.segmented_control(
            "Column", SCALES, default=1, required=True, key="sheet scale", format_func="×{}".format
        )
    made = [experiment(guideline, platform, scale) for guideline in GUIDELINES]
    left, right = st.columns(2)
    with left:
        _file("Questions", lambda: sheet.questions(made), "guideline_questions.html")
        st.caption("Two pages to hand out: the claims, the variants to put into order, questions.")
    with right:
        _answers(made)


def _answers(column: list[Experiment]) -> None:
    """The answers for the chosen column if it was measured, else for the last measured one."""
    measured, machine = [], ""
    for shown in column:
        of = shown if store.run_of(shown) else store.results().get(shown.guideline, shown)
        run = store.run_of(of)
        if run:
            measured.append((of, compare(of, run, prediction.predicted_here(of))))
            machine = str(run.environment.get("processor", ""))
    if measured:
        _file("Answers", lambda: sheet.answers(measured, machine), "guideline_answers.html")
    names = ", ".join(f"G{of.guideline} ({of.platform}, {of.column})" for of, _ in measured)
    st.caption(
        f"From this session's runs: {names}."
        if measured
        else "Measure a guideline on its page first, or all at once under *All guidelines*: the answers are this "
        "machine's."
    )


def _file(label: str, make: Callable[[], str], name: str) -> None:
    download.button(label, make, name, "text/html", name)


def _class() -> None:
    st.subheader("Results from files", anchor=False)
    files = st.file_uploader(
        "The students' CSV files",
        type="csv",
        accept_multiple_files=True,
        max_upload_size=upload.LIMITS_MB["csv"],
        key="class files",
        help=f"Up to {MAX_FILES} files of up to {record.MAX_TEXT:,} characters each.",
    )
    pasted = st.text_area("Or paste them here, one after the other", key="class paste", height=110)
    given: list[tuple[str, str | bytes]] = [
        (file.name, file.getvalue()[: 4 * record.MAX_TEXT + 2]) for file in files[:MAX_FILES]
    ]
    if len(files) > MAX_FILES:
        st.warning(f"Only the first {MAX_FILES} of {len(files)} files were read.")
    if pasted and pasted.strip():
        given.append(("what was pasted", pasted))
    if not given:
        st.caption(
            "Without a class: each guideline's page gives its result as CSV. Files are compared here and not stored."
        )
        return
    runs, problems = record.collect(given)
    for problem in problems:
        messages.error(problem)
    if runs.empty:
        return
    machines = runs["machine"].nunique()
    st.markdown(f"**{machines}** machine{'s' if machines != 1 else ''}, {len(runs)} rows.")
    for (guideline, platform, scale), group in runs.groupby(["guideline", "platform", "scale"], sort=True):
        if guideline:
            class_live.spread(int(guideline), str(platform), int(scale), group, "files")
    data_table.show(record.per_machine(runs), key="class machines")
    summary = record.summary(runs)
    data_table.show(summary, key="class summary")
    csv(runs, "class", "all runs")
