"""The slope of published fronts, d ln accuracy / d ln latency, over latency: the exponents w of MnasNet's reward."""

from __future__ import annotations

import plotly.graph_objects as go

from explorer.figures import draw
from explorer.figures.palette import OUTLINE, STAGE_COLOURS, TARGET
from explorer.figures.tradeoff import SYMBOLS, marker
from explorer.search.runs.published_front import PublishedFront

SLOPE = STAGE_COLOURS[7]


def slopes(front: PublishedFront, marks: dict[float, str], target_ms: float | None = None) -> go.Figure:
    """Above: the networks, ln–ln; below: −w over latency. `marks`: values of w as dotted lines, with their names."""
    curve = front.curve
    ends = [float(front.rows["latency_ms"].min()), float(front.rows["latency_ms"].max())]
    traces = [
        dict(
            type="scatter",
            x=list(rows["latency_ms"]),
            y=list(rows["top1_pct"]),
            mode="markers",
            marker=marker(number, 9),
            name=family,
            customdata=[[variant] for variant in rows["variant"]],
            hovertemplate="%{customdata[0]}: %{x:.3g} ms, %{y:.1f} %<extra></extra>",
            yaxis="y2",
        )
        for number, (family, rows) in enumerate(front.rows.groupby("family", sort=False))
    ]
    traces.append(
        dict(
            type="scatter",
            x=list(curve["latency_ms"]),
            y=list(curve["slope"]),
            mode="lines",
            line={"color": SLOPE, "width": 3},
            name="slope",
            hovertemplate="around %{x:.3g} ms: %{y:.3f}<extra></extra>",
        )
    )
    for w, name in marks.items():
        traces.append(
            dict(
                type="scatter",
                x=ends,
                y=[-w, -w],
                mode="lines+text",
                text=["", name],
                textposition="top left",
                textfont={"size": 13},
                line={"color": OUTLINE, "width": 2, "dash": "dot"},
                name=name,
                hoverinfo="name",
            )
        )
    tops = [float(front.rows["top1_pct"].min()), float(front.rows["top1_pct"].max())]
    if target_ms:
        for axis, line in (("y", [0.0, float(curve["slope"].max()) if len(curve) else 0.2]), ("y2", tops)):
            traces.append(
                dict(
                    type="scatter",
                    x=[target_ms] * 2,
                    y=line,
                    mode="lines",
                    line={"color": TARGET, "width": 3, "dash": "dash"},
                    name="target",
                    hoverinfo="name",
                    yaxis=axis,
                )
            )
    layout = draw.layout(
        460,
        64,
        xaxis=draw.log_axis(f"latency, ms ({front.where})", ends, anchor="y"),
        yaxis=draw.axis("−w: % accuracy per % latency", domain=[0, 0.47], rangemode="tozero"),
        yaxis2=draw.axis("ImageNet top-1, %", type="log", domain=[0.53, 1]),
    )
    return draw.figure(traces, layout)


def legend(front: PublishedFront, target_ms: float | None = None) -> list[tuple[str, str, str]]:
    """Sign, colour and name of what the figure has."""
    families = front.rows["family"].drop_duplicates()
    signs = [(SYMBOLS[marker(n, 9)["symbol"]], marker(n, 9)["color"], family) for n, family in enumerate(families)]
    target = [("╌", TARGET, "target")] if target_ms else []
    return [*signs, ("─", SLOPE, "slope within a factor of 2.5"), *target]
