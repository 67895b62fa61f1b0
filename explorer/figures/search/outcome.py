"""The figure of a search: latency against score, the target as a line, the front, random search and the baselines."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.data.metrics import duration, ends
from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS, TARGET
from explorer.search.runs.outcome import Outcome
from explorer.search.search import Candidate

FAR = 1.0
"""Baselines more than so many times the spread of the scores below the lowest are left to the table."""
SEARCH, RANDOM, BASELINE, BEST = STAGE_COLOURS[0], STAGE_COLOURS[6], STAGE_COLOURS[1], EDITED


def pareto(outcome: Outcome) -> go.Figure:
    """Points of the search and of random search, the front as steps, the best with its interval, the baselines."""
    baselines = _in_view(outcome)
    networks = [*outcome.found, *outcome.random, *baselines.values()]
    times = [ms for one in networks for ms in (one.latency_ms, one.high_ms) if ms == ms] + [outcome.target_ms]
    margin = 0.05 * (max(times) - min(times)) or 0.1 * outcome.target_ms
    front, hollow = outcome.front(), outcome.objective.tier != "published"
    scores = [one.score for one in networks]
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
        _baselines(outcome, baselines, (min(times) + max(times)) / 2, hollow),
        *([_best(outcome, outcome.best[0], hollow)] if outcome.best else []),
        dict(
            type="scatter",
            x=[outcome.target_ms] * 2,
            y=[low, high],
            mode="lines",
            line={"color": TARGET, "width": 3, "dash": "dash"},
            name=f"target {outcome.target_ms:g} ms",
            hoverinfo="name",
        ),
    ]
    layout = draw.layout(
        420,
        64,
        xaxis=draw.axis("predicted latency, ms", range=[min(times) - margin, max(times) + margin]),
        yaxis=draw.axis(outcome.unit),
    )
    return draw.figure([one for one in traces if len(one["x"])], layout)


def _in_view(outcome: Outcome) -> dict[str, Candidate]:
    """The baselines by title, without those so far below that the search's points would lie in one line."""
    scores = [one.score for one in (*outcome.found, *outcome.random)]
    known = {one.title: one.candidate for one in outcome.baselines if one.candidate}
    if not scores:
        return known
    least = min(scores) - FAR * max(max(scores) - min(scores), 0.02 * abs(max(scores)))
    return {title: one for title, one in known.items() if one.score >= least}


def legend(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Sign, colour and name of what the figure has."""
    ring, diamond, star = ("○", "◇", "☆") if outcome.objective.tier != "published" else ("●", "◆", "★")
    found = [(ring, SEARCH, "search"), (star, BEST, "best, with its 90 % interval")]
    found += [("×", RANDOM, "random search, as many evaluations")] if outcome.random else []
    beyond = sum(one.candidate is not None for one in outcome.baselines) - len(_in_view(outcome))
    name = "a table scaled as a whole" + (f" ({beyond} more below the figure)" if beyond else "")
    found += [(diamond, BASELINE, name)] if outcome.baselines else []
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
        customdata=[
            [name, number, outcome.score_text(one.score), _latency(one)] for number, one in enumerate(found, 1)
        ],
        hovertemplate="%{customdata[0]}, evaluation %{customdata[1]}<br>%{customdata[2]} · %{customdata[3]}"
        "<extra></extra>",
    )


def _baselines(outcome: Outcome, found: dict[str, Candidate], middle: float, hollow: bool) -> draw.Trace:
    return dict(
        type="scatter",
        mode="markers+text",
        x=[one.latency_ms for one in found.values()],
        y=[one.score for one in found.values()],
        text=list(found),
        textposition=["middle right" if one.latency_ms < middle else "middle left" for one in found.values()],
        textfont={"size": 13},
        name="a table scaled as a whole",
        marker={
            "size": 13,
            "symbol": "diamond-open" if hollow else "diamond",
            "color": BASELINE,
            "line": {"width": 2, "color": BASELINE},
        },
        customdata=[[title, outcome.score_text(one.score), _latency(one)] for title, one in found.items()],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]} · %{customdata[2]}<extra></extra>",
    )


def _best(outcome: Outcome, one: Candidate, hollow: bool) -> draw.Trace:
    return dict(
        type="scatter",
        mode="markers",
        x=[one.latency_ms],
        y=[one.score],
        error_x=draw.interval([one.latency_ms], [one.low_ms], [one.high_ms], BEST, 3, 8),
        name="best",
        marker={"size": 16, "symbol": "star-open" if hollow else "star", "color": BEST, "line": {"width": 2}},
        customdata=[[outcome.score_text(one.score), _latency(one)]],
        hovertemplate="best<br>%{customdata[0]} · %{customdata[1]}<extra></extra>",
    )


def _latency(one: Candidate) -> str:
    return f"{duration(one.latency_ms)} ({ends(one.low_ms, one.high_ms)})"
