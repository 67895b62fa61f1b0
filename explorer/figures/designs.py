"""The designs of a collection as points: accuracy against latency or multiply-adds, both with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas
import plotly.graph_objects as go

from explorer.figures import draw
from explorer.figures.palette import OUTLINE
from explorer.figures.tradeoff import amount, axis_title, marker


def side_by_side(rows: pandas.DataFrame, cost: str) -> go.Figure:
    """One point per design that has both figures; an estimated accuracy is hollow. `rows`: of `views.designs.table`."""
    traces = [
        _point(number, row, cost)
        for number, row in enumerate(rows.to_dict("records"))
        if row[cost] == row[cost] and row["accuracy_tier"]
    ]
    layout = draw.layout(400, 60, xaxis=draw.axis(axis_title(cost)), yaxis=draw.axis("ImageNet top-1, %"))
    return draw.figure(traces, layout)


def _point(number: int, row: Mapping[str, Any], cost: str) -> draw.Trace:
    look = marker(number, 14)
    if row["accuracy_tier"] == "estimated":
        look |= {"symbol": f"{look['symbol']}-open", "line": {"width": 3, "color": look["color"]}}
    interval = f"{row['top1_low_pct']:.1f} to {row['top1_high_pct']:.1f} %"
    return dict(
        type="scatter",
        x=[row[cost]],
        y=[row["top1_pct"]],
        mode="markers",
        name=row["design"],
        marker=look,
        error_y=_interval(row, "top1_pct", "top1_low_pct", "top1_high_pct"),
        **({"error_x": _interval(row, "latency_ms", "low_ms", "high_ms")} if cost == "latency_ms" else {}),
        customdata=[(row["design"], amount(cost, row[cost]), f"{row['accuracy_tier']}, {interval}")],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{y:.1f} % top-1, %{customdata[2]}"
        "<extra></extra>",
    )


def _interval(row: Mapping[str, Any], value: str, low: str, high: str) -> draw.Trace:
    return draw.interval([row[value]], [row[low]], [row[high]], OUTLINE, 2, 6)
