"""Networks as points: accuracy against cost, with their Pareto frontier. DataFrame → plotly Figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas
import plotly.graph_objects as go

from explorer.data import sources
from explorer.data.metrics import METRICS, duration, human
from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS

SYMBOLS = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "triangle-down": "▼",
    "pentagon": "⬟",
    "hexagon": "⬢",
    "cross": "✚",
    "x": "✖",
}
"""plotly's word for a sign and the sign itself, for the legend: plotly's legend is cut off on a phone."""


def marker(number: int, size: int) -> draw.Trace:
    """How the points of a chart's nth family look: a symbol and a colour."""
    return {
        "size": size,
        "symbol": list(SYMBOLS)[number % len(SYMBOLS)],
        "color": STAGE_COLOURS[number % len(STAGE_COLOURS)],
        "line": {"width": 1, "color": OUTLINE},
    }


FEW = 8  # bars for which there is room; fewer are no wider


class Point(NamedTuple):
    """The user's network among the published ones: its cost, its accuracy with the interval."""

    name: str
    cost: float
    top1_pct: float
    low_pct: float
    high_pct: float
    basis: str  # "estimated", "published" or "measured"
    cost_interval: tuple[float, float] | None = None


def frontier(
    points: pandas.DataFrame,
    line: pandas.DataFrame,
    cost: str = "mult_adds",
    network: Point | None = None,
    title: str = "",
    families: Sequence[str] = (),
) -> go.Figure:
    """One trace per family, `line` as steps, the user's network with its interval.

    `families` fixes the order of colours and symbols, so that a family keeps its own on every axis and in every filter.
    """
    traces: list[draw.Trace] = [
        dict(
            type="scatter",
            x=list(line[cost]),
            y=list(line["top1_pct"]),
            mode="lines",
            line={"color": OUTLINE, "width": 2, "shape": "hv"},
            name="Pareto frontier",
            hoverinfo="skip",
        )
    ]
    order = list(families or points["family"].unique())
    for family, rows in points.dropna(subset=[cost]).groupby("family", sort=False):
        traces.append(
            dict(
                type="scatter",
                x=list(rows[cost]),
                y=list(rows["top1_pct"]),
                mode="markers",
                name=str(family),
                marker=marker(order.index(family), 10),
                customdata=[
                    (row.variant, amount(cost, getattr(row, cost)), row.recipe, row.year, sources.title(row.source))
                    for row in rows.itertuples()
                ],
                hovertemplate="<b>%{customdata[0]}</b><br>%{y:.1f} % top-1 · %{customdata[1]}<br>"
                "recipe: %{customdata[2]} (%{customdata[3]})<br>%{customdata[4]}<extra></extra>",
            )
        )
    if network:
        traces.append(_user_network(network, cost))
    tick_format = "~g" if cost in ("latency_ms", "images_per_s") else "~s"
    costs = [*points[cost], *([network.cost] if network else [])]
    layout = draw.layout(
        440,
        60,
        xaxis=draw.log_axis(title or axis_title(cost), costs, tickformat=tick_format),
        yaxis=draw.axis("ImageNet top-1, %"),
    )
    return draw.figure(traces, layout)


def legend(figure: go.Figure) -> list[tuple[str, str, str]]:
    """Sign, colour and name of each trace of points in the main axes."""
    others = {"star": "★", "star-open": "☆", "circle-open": "○", "diamond-open": "◇", "asterisk-open": "✱"}
    hollow = {"square-open": "□", "triangle-up-open": "△", "triangle-down-open": "▽", "pentagon-open": "⬠"}
    signs = {f"{symbol}-open": sign for symbol, sign in SYMBOLS.items()} | SYMBOLS | others | hollow
    points = [trace for trace in figure.data if trace.mode == "markers" and trace.yaxis in (None, "y")]
    return [(signs[t.marker.symbol], t.marker.color, t.name) for t in points]


def _user_network(network: Point, cost: str) -> draw.Trace:
    """An estimate is hollow; a published or measured accuracy is filled."""
    symbol = "star-open" if network.basis == "estimated" else "star"
    return dict(
        type="scatter",
        x=[network.cost],
        y=[network.top1_pct],
        error_y=draw.interval([network.top1_pct], [network.low_pct], [network.high_pct], EDITED, 4, 12),
        **_cost_interval(network),
        mode="markers",
        name=f"{network.name} ({network.basis})",
        marker={"size": 18, "symbol": symbol, "color": EDITED, "line": {"width": 2, "color": EDITED}},
        customdata=[(amount(cost, network.cost), f"{network.low_pct:.1f} to {network.high_pct:.1f} %")],
        hovertemplate=f"<b>{network.name}</b>, {network.basis}<br>%{{y:.1f}} % top-1, %{{customdata[1]}}<br>"
        "%{customdata[0]}<extra></extra>",
    )


def _cost_interval(network: Point) -> draw.Trace:
    if network.cost_interval is None:
        return {}
    low, high = network.cost_interval
    return {"error_x": draw.interval([network.cost], [low], [high], EDITED, 4, 12)}


def axis_title(cost: str) -> str:
    """The metric with its unit, where that says more than the title."""
    shown = METRICS[cost]
    return f"{shown.title} ({shown.unit})" if cost in ("latency_ms", "mem_access") else shown.title


def amount(cost: str, value: float) -> str:
    """A value of a column of costs, or of `images_per_s`, with its unit."""
    if cost == "images_per_s":
        return f"{human(value)} images/s"
    return duration(value) if cost == "latency_ms" else f"{human(value)} {METRICS[cost].unit}"


def differences(table: pandas.DataFrame, metric: str) -> go.Figure:
    """A bar per block that differs, in execution order: what it adds to the metric or takes from it."""
    shown = table[table[metric] != 0]
    values = list(shown[metric])
    more, less = STAGE_COLOURS[5], STAGE_COLOURS[0]
    bars = dict(
        type="bar",
        x=list(range(len(values))),
        y=values,
        marker={"color": [more if value > 0 else less for value in values]},
        customdata=[
            (row.block, row.status, f"{'+' if value > 0 else '−'}{amount(metric, abs(value))}")
            for row, value in zip(shown.itertuples(), values)
        ],
        hovertemplate="<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )
    layout = dict(
        height=280,
        margin={"l": 60, "r": 12, "t": 10, "b": 90},
        dragmode=False,
        showlegend=False,
        xaxis={
            "range": [-0.7, max(len(values), FEW) - 0.3],
            "tickvals": list(range(len(values))),
            "ticktext": _names(list(shown["block"]), list(shown["status"])),
            "tickangle": -45,
            "tickfont": {"size": 13},
            "fixedrange": True,
        },
        yaxis={
            "title": {"text": f"{METRICS[metric].title}, change", "font": {"size": 14}},
            "tickformat": "~s",
            "tickfont": {"size": 13},
            "fixedrange": True,
        },
    )
    return draw.figure([bars], layout)


def _names(blocks: list[str], statuses: list[str]) -> list[str]:
    """One name per bar: a block that was removed and one that was added may have one path."""
    return [f"{block} ({status})" if blocks.count(block) > 1 else block for block, status in zip(blocks, statuses)]
