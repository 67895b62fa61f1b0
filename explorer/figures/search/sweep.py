"""Figures of a sweep: clouds, distributions of the score (plain and at equal latency), good ranges of parameters."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.data.metrics import METRICS, percent
from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS
from explorer.search.analysis.distribution import Floats, edf, equal_latency
from explorer.search.analysis.sweep_table import GoodRange, Influence, SweepSummary, SweepTable
from explorer.search.objectives import Objective

PLAIN, NORMALISED = STAGE_COLOURS[:2]
WITH, WITHOUT = STAGE_COLOURS[2], STAGE_COLOURS[6]
ROW = 26
"""Pixels per parameter."""


def every(table: SweepTable, summary: SweepSummary) -> list[go.Figure]:
    """All figures of a sweep, in order."""
    made = [cloud(table, "latency_ms"), cloud(table, "mult_adds"), distributions(table)]
    if summary.influences:
        made.append(influence(table, summary.influences[0]))
    return [*made, good_ranges(summary.ranges)]


def cloud(table: SweepTable, cost: str) -> go.Figure:
    """Every network: a cost against its score."""
    title = "predicted latency, ms" if cost == "latency_ms" else METRICS[cost].title
    trace = dict(
        type="scatter",
        x=table.costs[cost].tolist(),
        y=table.scores.tolist(),
        mode="markers",
        marker={"size": 5, "color": PLAIN, "opacity": 0.5},
        name="networks",
        hovertemplate="%{x:.4g}: %{y:.4g}<extra></extra>",
    )
    return draw.figure([trace], draw.layout(380, 64, xaxis=draw.axis(title), yaxis=draw.axis(table.objective.unit)))


def distributions(table: SweepTable) -> go.Figure:
    """The share of networks that are at least as good: plain, and with equal weight for each bin of latency."""
    weights = equal_latency(table.costs["latency_ms"].to_numpy(float))
    traces = [
        _line(table.objective, *edf(table.scores), "all networks", PLAIN, "solid"),
        _line(table.objective, *edf(table.scores, weights), "at equal latency", NORMALISED, "dash"),
    ]
    return draw.figure(traces, _shares(table.objective))


def against_random(objective: Objective, found: Floats, drawn: Floats) -> go.Figure:
    """The distributions of what a search and random search have evaluated."""
    traces = [
        _line(objective, *edf(found), "search", WITH, "solid"),
        _line(objective, *edf(drawn), "random search", WITHOUT, "dash"),
    ]
    return draw.figure(traces, _shares(objective))


def influence(table: SweepTable, one: Influence) -> go.Figure:
    """The distribution with an option of a parameter, and with its others."""
    gene = [name for name, _ in table.parameters].index(one.parameter)
    labels = table.parameters[gene][1]
    has = table.genes[:, gene] == labels.index(one.option)
    apart = one.difference
    said = f"D = {apart.statistic:.2f} ({apart.low:.2f} to {apart.high:.2f})"
    traces = [
        _line(table.objective, *edf(table.scores[has]), f"{one.parameter} = {one.option}, {said}", WITH, "solid"),
        _line(table.objective, *edf(table.scores[~has]), "its other options", WITHOUT, "dash"),
    ]
    return draw.figure(traces, _shares(table.objective))


def good_ranges(found: Sequence[GoodRange]) -> go.Figure:
    """Per parameter the range of the best of resampled networks, from its first option (0) to its last (1)."""
    ranges = found[::-1]
    likely = [one.positions[1] for one in ranges]
    trace = dict(
        type="scatter",
        x=likely,
        y=[one.parameter for one in ranges],
        mode="markers",
        marker={"size": 10, "color": EDITED, "symbol": "diamond"},
        error_x=draw.interval(
            likely, [one.positions[0] for one in ranges], [one.positions[2] for one in ranges], OUTLINE, 3, 6
        ),
        customdata=[[one.parameter, one.low, one.likely, one.high] for one in ranges],
        hovertemplate="%{customdata[0]}: %{customdata[1]} to %{customdata[3]}, likely %{customdata[2]}<extra></extra>",
        name="good values",
    )
    layout = draw.layout(
        80 + ROW * len(ranges),
        150,
        xaxis=draw.axis("from the first option to the last", range=[-0.05, 1.05]),
        yaxis=draw.axis("", automargin=True),
    )
    return draw.figure([trace], layout)


def _line(objective: Objective, scores: Floats, shares: Floats, name: str, colour: str, dash: str) -> draw.Trace:
    return dict(
        type="scatter",
        x=(100 - scores if objective.is_accuracy else scores).tolist(),
        y=shares.tolist(),
        customdata=[percent(share) for share in shares],
        mode="lines",
        line={"shape": "hv", "width": 3, "color": colour, "dash": dash},
        name=name,
        hovertemplate="%{x:.4g}: %{customdata}<extra>" + name + "</extra>",
    )


def _shares(objective: Objective) -> dict[str, object]:
    title = f"{objective.tier} top-1 error, %" if objective.is_accuracy else objective.unit
    return draw.layout(
        380,
        64,
        xaxis=draw.axis(title),
        yaxis=draw.axis("networks at least as good", **draw.percents(*draw.FIFTHS), range=[0, 1.02]),
    ) | {"legend": {"orientation": "h", "y": -0.2}, "showlegend": True}
