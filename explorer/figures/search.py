"""The figure of a search: latency against score, the target as a line, the front, random search and the baselines."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.data.metrics import duration
from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS
from explorer.search.runs.outcome import Outcome
from explorer.search.search import Candidate

TARGET = "#D55E00"
SEARCH, RANDOM, BASELINE, BEST = STAGE_COLOURS[0], STAGE_COLOURS[6], STAGE_COLOURS[1], EDITED


def pareto(outcome: Outcome) -> go.Figure:
    """Points of the search and of random search, the front as steps, the best with its interval, the baselines."""
    times = [ms for one in _networks(outcome) for ms in (one.latency_ms, one.high_ms) if ms == ms] + [outcome.target_ms]
    margin = 0.05 * (max(times) - min(times)) or 0.1 * outcome.target_ms
    front, hollow = outcome.front(), outcome.objective.tier != "published"
    scores = [one.score for one in _networks(outcome)]
    room = 0.06 * (max(scores) - min(scores)) or 1.0 if scores else 1.0
    low, high = (min(scores) - room, max(scores) + room) if scores else (0.0, 1.0)
    traces = [
        _points(outcome, outcome.random, "random search", "x-thin", RANDOM, 7, hollow),
        _points(outcome, outcome.found, "search", "circle", SEARCH, 8, hollow),
        dict(
            type="scatter",
            x=[one.latency_ms for one in front],
            y=[one.score for one in front],
            mode="lines",
            line={"color": OUTLINE, "width": 2, "shape": "hv"},
            name="front",
            hoverinfo="skip",
        ),
        _baselines(outcome, hollow),
        *([_best(outcome, outcome.best[0], hollow)] if outcome.best else []),
        dict(
            type="scatter",
            x=[outcome.target_ms] * 2,
            y=[low, high],
            mode="lines",
            line={"color": TARGET, "width": 3, "dash": "dash"},
            name=f"target {duration(outcome.target_ms)}",
            hoverinfo="name",
        ),
    ]
    axis = {"tickfont": {"size": 13}, "fixedrange": True}
    layout = dict(
        height=420,
        margin={"l": 64, "r": 12, "t": 10, "b": 50},
        dragmode=False,
        showlegend=False,
        hoverlabel={"font": {"size": 14}, "align": "left"},
        xaxis={
            **axis,
            "title": {"text": "predicted latency, ms", "font": {"size": 15}},
            "range": [min(times) - margin, max(times) + margin],
        },
        yaxis={**axis, "title": {"text": outcome.unit, "font": {"size": 15}}},
    )
    return draw.figure([one for one in traces if len(one["x"])], layout)


def _networks(outcome: Outcome) -> list[Candidate]:
    return [*outcome.found, *outcome.random, *[one.candidate for one in outcome.baselines]]


def legend(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Sign, colour and name of what the figure has."""
    ring, diamond, star = ("○", "◇", "☆") if outcome.objective.tier != "published" else ("●", "◆", "★")
    found = [(ring, SEARCH, "search"), (star, BEST, "best, with its 90 % interval")]
    found += [("×", RANDOM, "random search, as many evaluations")] if outcome.random else []
    found += [(diamond, BASELINE, "the table scaled as a whole")] if outcome.baselines else []
    return [*found, ("╌", TARGET, "target")]


def _points(
    outcome: Outcome, found: Sequence[Candidate], name: str, symbol: str, colour: str, size: int, hollow: bool
) -> draw.Trace:
    thin = symbol == "x-thin"
    return dict(
        type="scatter",
        mode="markers",
        x=[one.latency_ms for one in found],
        y=[one.score for one in found],
        name=name,
        marker={
            "size": size,
            "symbol": f"{symbol}-open" if hollow and not thin else symbol,
            "color": colour,
            "line": {"width": 2 if thin else 1.5, "color": colour},
        },
        customdata=[[name, number, outcome.said(one.score), _interval(one)] for number, one in enumerate(found, 1)],
        hovertemplate="%{customdata[0]}, evaluation %{customdata[1]}<br>%{customdata[2]} · %{customdata[3]}"
        "<extra></extra>",
    )


def _baselines(outcome: Outcome, hollow: bool) -> draw.Trace:
    found = outcome.baselines
    return dict(
        type="scatter",
        mode="markers+text",
        x=[one.candidate.latency_ms for one in found],
        y=[one.candidate.score for one in found],
        text=[one.title for one in found],
        textposition="top center",
        textfont={"size": 13},
        name="the table scaled as a whole",
        marker={
            "size": 13,
            "symbol": "diamond-open" if hollow else "diamond",
            "color": BASELINE,
            "line": {"width": 2, "color": BASELINE},
        },
        customdata=[[one.title, outcome.said(one.candidate.score), _interval(one.candidate)] for one in found],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]} · %{customdata[2]}<extra></extra>",
    )


def _best(outcome: Outcome, one: Candidate, hollow: bool) -> draw.Trace:
    return dict(
        type="scatter",
        mode="markers",
        x=[one.latency_ms],
        y=[one.score],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [one.high_ms - one.latency_ms],
            "arrayminus": [one.latency_ms - one.low_ms],
            "color": BEST,
            "thickness": 3,
            "width": 8,
        },
        name="best",
        marker={"size": 16, "symbol": "star-open" if hollow else "star", "color": BEST, "line": {"width": 2}},
        customdata=[[outcome.said(one.score), _interval(one)]],
        hovertemplate="best<br>%{customdata[0]} · %{customdata[1]}<extra></extra>",
    )


def _interval(one: Candidate) -> str:
    return f"{duration(one.latency_ms)} ({duration(one.low_ms)} – {duration(one.high_ms)})"
