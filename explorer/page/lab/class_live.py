"""The teacher's class: create it, see predictions and results as they arrive, export and delete them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import pandas
import streamlit as st

from explorer.data.plain_text import csv_text, plain
from explorer.lab import charts, record
from explorer.lab.classes import Classes, Contribution
from explorer.lab.experiment import GUIDELINES, PLATFORMS, experiment, printed_platform
from explorer.lab.published import ratios
from explorer.page.browser import effects
from explorer.page.lab.class_bar import PARAMETER
from explorer.page.state.session import guard
from explorer.page.widgets import chart, data_table, download, messages

KEY = "key"
"""Of the address: the key that shows a class's results."""
OPENED = "class opened"
"""Session state: the code and the key of the teacher's class, which the address loses on the way to another page."""
POLL = 3.0  # seconds
ORDERED = {f"G{guideline}" for guideline in GUIDELINES}
"""Topics whose predictions are orders."""
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def panel() -> None:
    st.subheader("A class", anchor=False)
    if not st.query_params.get(KEY) and OPENED in st.session_state:
        st.query_params[PARAMETER], st.query_params[KEY] = st.session_state[OPENED]
    code, key = plain(st.query_params.get(PARAMETER, ""), 12), st.query_params.get(KEY, "")
    classes = Classes()
    if not key:
        st.markdown(
            "Students join with a code. Their predictions and results arrive here and are kept on this server, in a "
            "file that survives a restart."
        )
        effects.button("Create a class", "create class", _create, type="primary", icon=":material/school:")
        return
    if not classes.allows(code, key):
        messages.error(f"Class {code}: not found on this server, or the key in the address is not that of this class.")
        effects.button("Create a class", "create class", _create)
        return
    st.session_state[OPENED] = code, key
    with st.container(key="class-code"):  # read from the last row
        st.markdown(f"Class code: **{code}**")
    st.markdown(f"Students open `{_address(code)}`, or enter the code under *Join a class* on any page of the lab.")
    if urlsplit(st.context.url or "").hostname in THIS_MACHINE:
        messages.info(
            "This address works on this machine alone. For students, open the page by the network URL that the "
            "server printed at its start."
        )
    st.caption("Keep the address of this page: only it shows the results.")
    _live(code)
    _export(code)
    with st.popover("Delete the class", icon=":material/delete:"):
        st.markdown("All predictions and results of this class are deleted.")
        effects.button("Delete", "delete class", partial(_delete, code), type="primary")


def _address(code: str) -> str:
    """Of the first guideline, where the class is joined, on the server as the teacher reaches it."""
    base = (st.context.url or "").split("?")[0].rpartition("/")[0]
    return f"{base}/g1?{PARAMETER}={code}"


def _create() -> Callable[[], None]:
    st.query_params[PARAMETER], st.query_params[KEY] = Classes().create()
    return st.rerun


def _delete(code: str) -> Callable[[], None]:
    Classes().delete(code)
    st.session_state.pop(OPENED, None)
    st.query_params.clear()
    return st.rerun


@st.fragment(run_every=POLL)
def _live(code: str) -> None:
    """What has arrived."""
    with guard("The class"):  # the page's own guard is not around a fragment that runs by itself
        _arrived(code)


def _arrived(code: str) -> None:
    predictions, results = Classes().predictions(code), Classes().results(code)
    students = list(dict.fromkeys(entry.student for entry in sorted([*predictions, *results], key=lambda e: e.at)))
    st.markdown(
        f"**{len(students)}** {'student' if len(students) == 1 else 'students'}, **{len(predictions)}** "
        f"{'prediction' if len(predictions) == 1 else 'predictions'}, **{len(results)}** "
        f"{'result' if len(results) == 1 else 'results'}"
    )
    for topic in dict.fromkeys(entry.topic for entry in predictions):
        found = [entry for entry in predictions if entry.topic == topic]
        st.markdown(f"**{messages.literal(topic)}**, predictions{', fastest first' if topic in ORDERED else ''}")
        chart.show(
            charts.answers([(entry.student, entry.content) for entry in found]),
            f"class predictions {topic}",
            f"Predictions for {topic}: number of students per answer",
        )
    runs = result_table(results)
    for (guideline, platform, scale), group in runs.groupby(["guideline", "platform", "scale"], sort=True):
        if guideline:
            spread(int(guideline), str(platform), int(scale), group, "class")
    if predictions:
        data_table.show(_by_student(predictions, results), key="class students")


def result_table(results: list[Contribution]) -> pandas.DataFrame:
    """All rows of the results with the student's name as the machine."""
    tables = [record.read(entry.content, entry.student).assign(machine=entry.student) for entry in results]
    return pandas.concat(tables, ignore_index=True) if tables else pandas.DataFrame(columns=list(record.COLUMNS))


def _by_student(predictions: list[Contribution], results: list[Contribution]) -> pandas.DataFrame:
    """One row per student: the prediction of every topic, and which results have arrived."""
    rows: dict[str, dict[str, str]] = {}
    for entry in predictions:
        rows.setdefault(entry.student, {"student": entry.student})[entry.topic] = entry.content
    for entry in results:
        row = rows.setdefault(entry.student, {"student": entry.student})
        row["results"] = ", ".join(filter(None, (row.get("results"), entry.topic)))
    table = pandas.DataFrame(list(rows.values())).fillna("")
    return table[sorted(table, key="results".__eq__)]  # as the last column


def spread(guideline: int, platform: str, scale: int, runs: pandas.DataFrame, key: str) -> None:
    """The chart of one column: a mark per machine or student and row. `key` tells charts of one page apart."""
    st.markdown(
        f"**G{guideline}**, results with the channels of the paper's {printed_platform(guideline, platform)} column "
        f"{experiment(guideline, platform, scale).column}"
    )
    columns = {f"paper_{name}": ratios(guideline, name, scale) for name in PLATFORMS}
    rows = list(next(iter(columns.values())))
    paper = pandas.DataFrame(
        {"row": rows, **{name: [found[row].middle for row in rows] for name, found in columns.items()}}
    )
    chart.show(
        charts.spread(runs, paper, guideline),
        f"{key} g{guideline} {platform} {scale}",
        f"Guideline {guideline} on every machine",
    )


def _export(code: str) -> None:
    left, right = st.columns(2)
    with left:
        download.button(
            "Predictions as CSV",
            lambda: _predictions_csv(code),
            f"class_{code}_predictions.csv",
            "text/csv",
            "class predictions csv",
        )
    with right:
        download.button(
            "Results as CSV",
            lambda: _results_csv(code),
            f"class_{code}_results.csv",
            "text/csv",
            "class results csv",
        )


def _predictions_csv(code: str) -> str:
    table = pandas.DataFrame(Classes().predictions(code), columns=["student", "topic", "prediction", "at"])
    table["at"] = pandas.to_datetime(table["at"], unit="s", utc=True).dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    return csv_text(table)


def _results_csv(code: str) -> str:
    return csv_text(result_table(Classes().results(code)))
