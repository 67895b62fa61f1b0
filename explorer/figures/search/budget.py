"""A latency budget in the frontier: its line, the candidates, a mark where an interval crosses it.

No choice is made here; the frontier itself is `explorer.figures.tradeoff.frontier`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

from explorer.data.metrics import duration
from explorer.figures import draw
from explorer.figures.palette import OUTLINE, STAGE_COLOURS, TARGET
from explorer.search.budget import ESTIMATED, PUBLISHED, PricedNetwork

CROSSING = "90 % interval crosses the budget"
MARKS = {PUBLISHED: ("circle-open", "published candidate"), ESTIMATED: ("diamond-open", "estimated candidate")}
"""An estimate is hollow, and so is the ring around a published point, which is filled."""
ROOM = 0.5
"""Points of accuracy that the line goes beyond the networks."""


def with_budget(
    figure: go.Figure, target_ms: float, candidates: Sequence[PricedNetwork] = (), others: Iterable[PricedNetwork] = ()
) -> go.Figure:
    """The frontier over latency with the budget as a line, the candidates, and marks where an interval crosses it."""
    plain = figure.to_dict()
    networks = [*candidates, *others]
    heights = [y for trace in plain["data"] for y in trace["y"]] + [one.top1_pct for one in networks]
    line = dict(
        type="scatter",
        x=[target_ms, target_ms],
        y=[min(heights, default=0) - ROOM, max(heights, default=100) + ROOM],
        mode="lines",
        line={"color": TARGET, "width": 3, "dash": "dash"},
        name=f"budget {target_ms:g} ms",
        hoverinfo="name",
    )
    crossing = [one for one in dict.fromkeys(networks) if one.crosses(target_ms)]
    tiers = [(tier, [one for one in candidates if one.tier == tier]) for tier in MARKS]
    traces = [
        *(_candidates(tier, found) for tier, found in tiers if found),
        *([_crossing(crossing)] if crossing else []),
    ]
    return draw.figure([*plain["data"], line, *traces], plain["layout"])


def _candidates(tier: str, found: Sequence[PricedNetwork]) -> draw.Trace:
    symbol, name = MARKS[tier]
    return dict(
        **_points(found),
        error_y=draw.interval(
            [one.top1_pct for one in found],
            [one.top1_low_pct for one in found],
            [one.top1_high_pct for one in found],
            OUTLINE,
            1,
            3,
        ),
        name=name,
        marker={
            "size": 17 if tier == PUBLISHED else 12,
            "symbol": symbol,
            "color": STAGE_COLOURS[0],
            "line": {"width": 2},
        },
    )


def _crossing(found: Sequence[PricedNetwork]) -> draw.Trace:
    return dict(
        **_points(found),
        error_x=draw.interval(
            [one.latency_ms for one in found],
            [one.low_ms for one in found],
            [one.high_ms for one in found],
            TARGET,
            3,
            8,
        ),
        name=CROSSING,
        marker={"size": 11, "symbol": "asterisk-open", "color": TARGET, "line": {"width": 2, "color": TARGET}},
    )


def _points(found: Sequence[PricedNetwork]) -> draw.Trace:
    return dict(
        type="scatter",
        mode="markers",
        x=[one.latency_ms for one in found],
        y=[one.top1_pct for one in found],
        customdata=[(one.title, words(one)) for one in found],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )


def words(one: PricedNetwork) -> str:
    """`est. 74.1 % (73.0 – 75.2) · 21.0 ms (20.4 ms – 21.6 ms)`: accuracy with its tier, latency with its interval."""
    interval = f" ({one.top1_low_pct:.1f} – {one.top1_high_pct:.1f})" if one.tier == ESTIMATED else ""
    tier = "est. " if one.tier == ESTIMATED else "published "
    latency = f"{duration(one.latency_ms)} ({duration(one.low_ms)} – {duration(one.high_ms)})"
    return f"{tier}{one.top1_pct:.1f} %{interval} · {latency}"
