"""The staircase of an adaptation: latency and score over its steps, and its networks beside published ones.

Steps are `explorer.search.netadapt`'s. No choice is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import pandas
import plotly.graph_objects as go

from explorer.figures import draw
from explorer.figures.palette import OUTLINE, STAGE_COLOURS, TARGET
from explorer.figures.tradeoff import marker
from explorer.search.netadapt import AdaptedStep

LABELS = 13
"""Most step numbers below a staircase."""
LATENCY, SCORE = STAGE_COLOURS[:2]
CERTAIN, UNCERTAIN = "circle", "circle-open"
"""The sign of a step whose gain lies outside its interval, and of one inside it."""


def staircase(steps: Sequence[AdaptedStep], target_ms: float, unit: str) -> go.Figure:
    """Latency with its interval, above the score, over the steps. `unit`: the score's axis, with its tier.

    A hollow point is a step whose gain lies inside the interval of its network. `customdata` is the step's number, for
    a click.
    """
    numbers = [step.number for step in steps]
    latencies = [step.latency_ms for step in steps]
    ends = draw.interval(latencies, [step.low_ms for step in steps], [step.high_ms for step in steps], OUTLINE, 1, 3)
    common = dict(
        type="scatter",
        x=numbers,
        mode="lines+markers",
        customdata=[[step.number, step.change] for step in steps],
        hovertemplate="step %{customdata[0]}: %{y:.4g}<br>%{customdata[1]}<extra></extra>",
    )
    signs = [_sign(step) for step in steps]
    traces = [
        dict(
            **common,
            y=latencies,
            error_y=ends,
            line={"shape": "hv", "width": 2, "color": LATENCY},
            marker={"symbol": signs, "size": 9, "color": LATENCY},
            name="predicted latency",
            yaxis="y2",
        ),
        dict(
            type="scatter",
            x=[numbers[0], numbers[-1]],
            y=[target_ms] * 2,
            mode="lines",
            line={"color": TARGET, "width": 3, "dash": "dash"},
            name="target",
            hoverinfo="name",
            yaxis="y2",
        ),
        dict(
            **common,
            y=[step.score for step in steps],
            line={"shape": "hv", "width": 2, "color": SCORE},
            marker={"symbol": signs, "size": 9, "color": SCORE},
            name=unit,
        ),
    ]
    layout = draw.layout(
        520,
        64,
        xaxis=draw.axis("step", anchor="y", tick0=0, dtick=max(1, ceil(len(steps) / LABELS))),
        yaxis=draw.axis(unit, domain=[0, 0.47]),
        yaxis2=draw.axis("predicted latency, ms", domain=[0.53, 1]),
    )
    return draw.figure(traces, layout)


def beside_published(steps: Sequence[AdaptedStep], published: pandas.DataFrame, unit: str) -> go.Figure:
    """The networks of the steps and published ones, latency against accuracy.

    `published` has columns `family`, `variant`, `latency_ms` and `top1_pct`; its points are filled, those of the steps
    hollow, as their latency is a prediction and `unit` says whose their accuracy is.
    """
    traces = [
        dict(
            type="scatter",
            x=[step.latency_ms for step in steps],
            y=[step.score for step in steps],
            error_x=draw.interval(
                [step.latency_ms for step in steps],
                [step.low_ms for step in steps],
                [step.high_ms for step in steps],
                OUTLINE,
                1,
                3,
            ),
            mode="lines+markers",
            line={"shape": "vh", "width": 2, "color": OUTLINE},
            marker={"symbol": UNCERTAIN, "size": 9, "color": OUTLINE},
            name=f"{steps[0].spec.name}, adapted: {unit}",
            customdata=[[step.number, step.change] for step in steps],
            hovertemplate="step %{customdata[0]}: %{x:.4g} ms, %{y:.1f} %<br>%{customdata[1]}<extra></extra>",
        )
    ]
    for number, (family, rows) in enumerate(published.groupby("family", sort=False)):
        traces.append(
            dict(
                type="scatter",
                x=list(rows["latency_ms"]),
                y=list(rows["top1_pct"]),
                mode="markers",
                marker=marker(number, 11),
                name=f"{family}, published",
                customdata=[[variant] for variant in rows["variant"]],
                hovertemplate="%{customdata[0]}: %{x:g} ms, %{y:.1f} %<extra></extra>",
            )
        )
    layout = draw.layout(440, 64, xaxis=draw.axis("latency, ms"), yaxis=draw.axis("ImageNet top-1, %"))
    return draw.figure(traces, layout | {"legend": {"orientation": "h", "y": -0.2}, "showlegend": True})


def _sign(step: AdaptedStep) -> str:
    return UNCERTAIN if step.chosen and step.chosen.inside_interval else CERTAIN
