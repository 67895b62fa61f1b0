"""The chart of the block-wise lesson: drawn networks, the preferred one and the line of equal reward."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS, TARGET
from explorer.lab.lessons import searches

CLOUD, LINE = STAGE_COLOURS[0], STAGE_COLOURS[7]


def rewards(target_ms: float, w: float) -> go.Figure:
    """Latency against estimated accuracy; what lies above the line has a higher reward than the preferred network."""
    table = searches.drawn()
    best = table.loc[searches.preferred(target_ms, w)]
    low, high = float(table["latency_ms"].min()), float(table["latency_ms"].max())
    at_ms = np.linspace(low, high, 80).tolist()
    line = searches.indifference(best["top1_pct"], best["latency_ms"], w, at_ms)
    bottom, top = float(table["top1_pct"].min()) - 0.3, float(table["top1_pct"].max()) + 0.6
    shown = [(ms, pct) for ms, pct in zip(at_ms, line) if bottom <= pct <= top]
    traces = [
        dict(
            type="scatter",
            x=table["latency_ms"].tolist(),
            y=table["top1_pct"].tolist(),
            mode="markers",
            marker={"size": 7, "symbol": "circle-open", "color": CLOUD},
            name="drawn networks",
            hovertemplate="%{x:.3g} ms, %{y:.1f} % (estimated)<extra></extra>",
        ),
        dict(
            type="scatter",
            x=[ms for ms, _ in shown],
            y=[pct for _, pct in shown],
            mode="lines",
            line={"color": LINE, "width": 3},
            name="equal reward",
            hovertemplate="equal reward: %{x:.3g} ms, %{y:.1f} %<extra></extra>",
        ),
        dict(
            type="scatter",
            x=[best["latency_ms"]],
            y=[best["top1_pct"]],
            error_x=draw.interval([best["latency_ms"]], [best["low_ms"]], [best["high_ms"]], OUTLINE, 2, 6),
            mode="markers",
            marker={"size": 18, "symbol": "star", "color": EDITED},
            name="preferred",
            hovertemplate="preferred: %{x:.3g} ms, %{y:.1f} %<extra></extra>",
        ),
        dict(
            type="scatter",
            x=[target_ms] * 2,
            y=[bottom, top],
            mode="lines",
            line={"color": TARGET, "width": 3, "dash": "dash"},
            name="target",
            hoverinfo="name",
        ),
    ]
    layout = draw.layout(
        420,
        64,
        xaxis=draw.axis("predicted latency on a Pixel 1, ms"),
        yaxis=draw.axis("estimated top-1, %", range=[bottom, top]),
    )
    return draw.figure(traces, layout)


def legend() -> list[tuple[str, str, str]]:
    """Sign, colour and name of what the chart has."""
    return [
        ("○", CLOUD, "drawn networks of MnasNet's space"),
        ("★", EDITED, "preferred, with its 90 % interval"),
        ("─", LINE, "equal reward"),
        ("╌", TARGET, "target"),
    ]
