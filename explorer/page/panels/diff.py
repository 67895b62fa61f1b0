"""The network against the baseline, block by block; the differences add up to those on the tiles."""

from __future__ import annotations

from functools import partial

import streamlit as st

from explorer.data.metrics import METRICS, number
from explorer.editing import diff as compare
from explorer.editing.scenario import Scenario
from explorer.figures import tradeoff
from explorer.page.panels.tables import download, of_device
from explorer.page.widgets import chart, data_table

MARKS = {"same": "", "changed": "● changed", "added": "+ added", "removed": "− removed"}
NUMBERS = {"mult_adds": "mult-adds", "latency_ms": "ms", "params": "params", "mem_access": "MAC", "kernels": "kernels"}
CHANGE, CHANGE_MS = "+,d", "+.3f"
"""How a change is written."""


def diff(scenario: Scenario) -> None:
    base = scenario.compared
    found = _diff(scenario, base)
    table = found.table()
    if "latency_ms" in table:
        of_device(scenario, base)
    count = table["status"].value_counts()
    summary = ", ".join(f"{count[status]} {status}" for status in ("changed", "added", "removed") if status in count)
    st.markdown(
        f"From **{base.title}** to **{scenario.title}**: {summary or 'no difference'}"
        f"{'' if scenario.spec != base.spec else '. Edit the network, or compare it with another one in the sidebar'}."
    )
    if not summary:
        return
    columns = [column for column in NUMBERS if column in table]
    metric = st.segmented_control(
        "Difference in", columns, default="mult_adds", required=True, key="diff metric", format_func=NUMBERS.__getitem__
    )
    metric = metric or "mult_adds"
    alt = f"What each block adds to {METRICS[metric].title}"
    chart.show(tradeoff.differences(table, metric), "differences", alt, file=scenario.file("differences"))
    total = table[metric].sum()
    exact = f"{number(total, CHANGE_MS)} ms" if metric == "latency_ms" else number(int(total), CHANGE)
    st.caption(f"The bars add up to {exact}, which is the difference of the totals.")
    everything = st.toggle("Show unchanged blocks", key="diff everything")
    view = table if everything else table[table["status"] != "same"]
    view = view.assign(status=view["status"].map(MARKS))[["status", "block", "before", "what", *columns]]
    forms = {column: CHANGE_MS if column == "latency_ms" else CHANGE for column in columns}
    data_table.frame(
        view.style.format({column: partial(number, form=form) for column, form in forms.items()}),
        column_config={
            "before": "before",
            **{
                column: st.column_config.NumberColumn(title, help="after − before") for column, title in NUMBERS.items()
            },
        },
    )
    download(table, scenario, "difference")


def _diff(scenario: Scenario, base: Scenario) -> compare.Diff:
    before, after = base.nodes_ms, scenario.nodes_ms
    timed = (before, after) if before and after else (None, None)
    return compare.diff(base.counts, scenario.counts, *timed)
