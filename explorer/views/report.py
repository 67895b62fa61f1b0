"""The one-page report: an HTML file that stands alone, with the figures, the numbers and where they come from."""

from __future__ import annotations

from datetime import date
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from archs.catalogue.registry import citation
from costmodel import CONVENTION
from explorer.data import profiles as devices
from explorer.data.metrics import METRICS, human, megabytes
from explorer.editing.scenario import Scenario
from explorer.figures import charts as figures
from explorer.figures import diagram

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#16202c;background:#fff;max-width:1000px;margin:2rem auto;"
    "padding:0 1rem}h1{font-size:1.7rem;margin-bottom:0}table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "td,th{border-bottom:1px solid #ccd3dc;padding:.25rem .6rem;text-align:right}td:first-child,th:first-child"
    "{text-align:left}pre{background:#f3f5f8;padding:.8rem;overflow:auto}p.small{color:#4a5666;font-size:.9rem}"
)
COLUMNS = ("mult_adds", "latency_ms", "params", "mem_access", "elementwise", "kernels", "fragments")


def figure_html(figure: go.Figure, alone: bool = True) -> str:
    """A figure as HTML: with plotly inside where it stands alone, so that it opens without a network."""
    return figure.to_html(full_html=alone, include_plotlyjs=alone, config={"displaylogo": False})


def report(scenario: Scenario, link: str = "") -> str:
    """The network on one page: what it is, what it costs against the baseline, where that goes, its table."""
    title, source = scenario.title, " ".join(citation(scenario.spec)[1:])
    blocks = scenario.blocks
    first = figure_html(diagram.network(blocks, "mult_adds"), False)
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(source)} Input {scenario.graph.input}, output {scenario.graph.output}.</p>",
        _totals(scenario),
        "<h2>The network, coloured by mult-adds</h2>",
        first,
        "<h2>Where it goes, by block</h2>",
        figure_html(figures.where_by_block(blocks), False),
        "<h2>By block</h2>",
        _blocks(scenario),
        f"<h2>The table</h2><pre>{escape(scenario.spec.to_json())}</pre>",
        f"<p class='small'>{f'Link: <a href={escape(link)!r}>{escape(link)}</a><br>' if link else ''}"
        f"{date.today().isoformat()} · counting convention of {CONVENTION}</p></html>",
    ]
    return "\n".join(parts)


def _totals(scenario: Scenario) -> str:
    base = scenario.compared
    now, before = scenario.counts, base.counts
    rows = [
        ("Mult-adds", now.total.mult_adds, before.total.mult_adds, human),
        ("Params", now.total.params, before.total.params, human),
        ("MAC (memory access cost), elements", now.total.mem_access, before.total.mem_access, human),
        ("Peak activation memory", 4 * now.peak_activation, 4 * before.peak_activation, megabytes),
        ("Kernels", now.total.kernels, before.total.kernels, lambda value: f"{value:,}"),
    ]
    found = scenario.nodes_ms and scenario.prediction
    lines = [
        f"<tr><td>{name}</td><td>{show(value)}</td><td>{show(was)}</td><td>{_share(value, was)}</td></tr>"
        for name, value, was, show in rows
    ]
    if found:
        interval = f"{found.low_ms:.3g} – {found.high_ms:.3g} ms with 90 %"
        lines.append(
            f"<tr><td>Latency, {escape(devices.whose(scenario.profile))}</td><td>{found.latency_ms:.3g} ms</td>"
            f"<td colspan='2'>{interval}</td></tr>"
        )
    baseline = escape(base.title)
    return f"<table><tr><th></th><th>here</th><th>{baseline}</th><th>change</th></tr>{''.join(lines)}</table>"


def _share(now: float, before: float) -> str:
    return f"{now / before - 1:+.1%}" if before else ""


def _blocks(scenario: Scenario) -> str:
    table = scenario.blocks
    shown = [column for column in COLUMNS if column in table]
    heads = "".join(f"<th>{METRICS[column].title}</th>" for column in shown)
    rows = [
        f"<tr><td>{escape(row['block'])}</td>"
        + "".join(f"<td>{row[c]:.3f}</td>" if c == "latency_ms" else f"<td>{row[c]:,}</td>" for c in shown)
        + "</tr>"
        for row in table.to_dict("records")
    ]
    return f"<table><tr><th>block</th>{heads}</tr>{''.join(rows)}</table>"
