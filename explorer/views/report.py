"""The one-page report: an HTML file that stands alone, with the figures, the numbers and their sources.

Its text is `templates/report.html.jinja`; every value is escaped but the figures, which plotly writes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from archs.catalogue.registry import citation
from costmodel import CONVENTION, Prediction
from explorer.data import profiles as devices
from explorer.data.metrics import METRICS, duration, human, interval, megabytes, percent
from explorer.editing.scenario import Scenario
from explorer.figures import as_plotly, diagram
from explorer.figures import charts as figures

COLUMNS = ("mult_adds", "latency_ms", "params", "mem_access", "elementwise", "kernels", "fragments")
"""The columns of the table by block, where the scenario has them."""

_TEMPLATES = Environment(loader=PackageLoader("explorer.views"), autoescape=True, undefined=StrictUndefined)


class Total(NamedTuple):
    """A row of the first table: a cost here, in the baseline, and its relative change."""

    name: str
    value: str
    before: str
    change: str


def figure_html(figure: go.Figure, alone: bool = True) -> str:
    """A figure as HTML: with plotly inside where it stands alone, so that it opens without a network."""
    return figure.to_html(full_html=alone, include_plotlyjs=alone, config={"displaylogo": False})


def report(scenario: Scenario, link: str = "") -> str:
    """The network on one page: what it is, its costs against the baseline, its costs by block, its table.

    `link` is the address that reopens it on the page; none is printed where it is empty.
    """
    blocks = scenario.blocks
    shown = [column for column in COLUMNS if column in blocks]
    return _TEMPLATES.get_template("report.html.jinja").render(
        title=scenario.title,
        source=" ".join(citation(scenario.spec)[1:]),
        input=scenario.graph.input,
        output=scenario.graph.output,
        plotly=Markup(get_plotlyjs()),
        baseline=scenario.compared.title,
        totals=_totals(scenario),
        latency=_latency(scenario),
        network=Markup(figure_html(as_plotly.figure(diagram.network(blocks, "mult_adds")), False)),
        by_block=Markup(figure_html(as_plotly.figure(figures.where_by_block(blocks)), False)),
        heads=[METRICS[column].title for column in shown],
        rows=[(row["block"], [_cell(column, row[column]) for column in shown]) for row in blocks.to_dict("records")],
        spec=scenario.spec.to_json(),
        link=link,
        date=date.today().isoformat(),
        convention=CONVENTION,
    )


def _totals(scenario: Scenario) -> list[Total]:
    now, before = scenario.counts, scenario.compared.counts
    rows: list[tuple[str, int, int, Callable[[int], str]]] = [
        ("Mult-adds", now.total.mult_adds, before.total.mult_adds, human),
        ("Params", now.total.params, before.total.params, human),
        ("MAC (memory access cost), elements", now.total.mem_access, before.total.mem_access, human),
        ("Peak activation memory", 4 * now.peak_activation, 4 * before.peak_activation, megabytes),
        ("Kernels", now.total.kernels, before.total.kernels, "{:,}".format),
    ]
    return [
        Total(name, show(value), show(was), percent(value / was - 1, 1, "+") if was else "")
        for name, value, was, show in rows
    ]


def _latency(scenario: Scenario) -> dict[str, str] | None:
    """The row of the latency, each value with its own interval; None where no profile predicts both networks."""
    base = scenario.compared
    if scenario.nodes_ms is None or base.nodes_ms is None or scenario.profile is None:
        return None
    now, before = scenario.prediction, base.prediction
    if now is None or before is None:
        return None
    return {
        "device": devices.whose(scenario.profile),
        "value": _interval(now),
        "before": _interval(before),
        "change": percent(now.latency_ms / before.latency_ms - 1, 1, "+"),
    }


def _interval(found: Prediction) -> str:
    return f"{duration(found.latency_ms)} ({interval(found)})"


def _cell(column: str, value: Any) -> str:
    return f"{value:.3f}" if column == "latency_ms" else f"{value:,}"
