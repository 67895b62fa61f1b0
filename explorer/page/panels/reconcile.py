"""Why another counter says another number: each tool's total, the terms that differ, and fvcore itself."""

from __future__ import annotations

import pandas
import streamlit as st

import costmodel
from explorer.data.metrics import human
from explorer.editing.scenario import Scenario
from explorer.figures import charts as figures
from explorer.page.browser import effects
from explorer.page.browser.memory import memory
from explorer.page.panels.tables import download
from explorer.page.widgets import chart, data_table

FVCORE = "fvcore"
"""Memory: (graph, what fvcore counted of it)."""


def reconcile(scenario: Scenario) -> None:
    reports = costmodel.reconcile(scenario.graph)
    mult_adds = scenario.counts.total.mult_adds
    st.markdown(
        f"One network, many numbers: here it has **{mult_adds:,}** multiply-adds. Each tool's total is this figure and "
        "the terms below, to the unit."
    )
    data_table.frame(
        pandas.DataFrame(
            {
                "tool": [r.tool for r in reports],
                "total": [r.total for r in reports],
                "difference": [r.total - r.mult_adds for r in reports],
                "relative": [r.total / r.mult_adds if r.mult_adds else 0.0 for r in reports],
                "terms": [", ".join(t.name for t in r.terms if t.amount) or "equal" for r in reports],
            }
        ),
        column_config={
            "total": st.column_config.NumberColumn("reports", format="localized"),
            "difference": st.column_config.NumberColumn("difference", format="localized"),
            "relative": st.column_config.NumberColumn("ratio", format="%.3f"),
        },
    )
    _run_fvcore(scenario, next(r.total for r in reports if r.tool == "fvcore"))
    by_tool = {r.tool: r for r in reports}
    tool = st.segmented_control("Explain", list(by_tool), default="fvcore", required=True, key="tool")
    report = by_tool[tool or "fvcore"]
    chart.show(
        figures.waterfall(costmodel.table((report,))),
        "waterfall",
        f"From our multiply-adds to what {report.tool} reports, term by term",
    )
    terms = pandas.DataFrame([vars(term) for term in report.terms], columns=["name", "amount", "why", "nodes"])
    data_table.frame(
        terms[["name", "amount", "nodes", "why"]],
        column_config={
            "name": "term",
            "amount": st.column_config.NumberColumn("adds", format="localized"),
            "nodes": "operators",
            "why": st.column_config.TextColumn("reason", width="large"),
        },
    )
    st.caption(
        f"`{report.call}`, rules of version {report.version_of_rules}. Terms that add 0 are not seen by the tool."
    )
    download(costmodel.table(reports), scenario, "reconciliation")


def _run_fvcore(scenario: Scenario, expected: int) -> None:
    """Not done unasked: it executes the exported network, which takes a second or more."""

    def count() -> None:
        with st.spinner("fvcore counts the exported network …"):
            memory()[FVCORE] = scenario.graph, costmodel.run_fvcore(scenario.graph)

    effects.button("Run the real fvcore now", "fvcore", count, icon=":material/play_arrow:")
    graph, run = memory().get(FVCORE, (None, None))
    if run is None or graph != scenario.graph:
        return
    rows = ", ".join(f"{name} {n:,}" for name, n in run.by_operator.items() if n)
    if run.total == expected:
        st.success(f"fvcore reports {run.total:,}, as predicted: {rows}.", icon=":material/check:")
    else:
        st.error(f"fvcore reports {run.total:,} ({human(run.total)}), predicted was {expected:,}: {rows}.")
