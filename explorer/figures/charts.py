"""Charts: DataFrame → plotly Figure. No Streamlit, no counting. Fonts and backgrounds are left to the page's theme."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
import plotly.graph_objects as go

from explorer.data.metrics import METRICS, duration, human
from explorer.figures import draw
from explorer.figures.palette import KIND_COLOURS, OUTLINE, SELECTED, block_colours, text_on

WHERE = ("mult_adds", "params", "mem_access", "elementwise")
"""What the bars of `where_by_block` and `where_by_kind` show, top to bottom; `latency_ms` second, where it is."""

TEXT = 13
_LABELS = {
    "mult_adds": "Mult-adds",
    "latency_ms": "Time",
    "params": "Params",
    "mem_access": "MAC",
    "elementwise": "Element-wise",
}


def where_by_block(blocks: pandas.DataFrame, selected: str | None = None) -> go.Figure:
    """A bar per metric, cut into blocks in execution order, each block in its own colour.

    Each point's customdata starts with the block's path.
    """
    colours = block_colours(blocks["block"])
    return _stacked(blocks, "block", colours, names=_short_names(blocks["block"]), selected=selected)


def where_by_kind(kinds: pandas.DataFrame) -> go.Figure:
    """A bar per metric, cut into kinds of operators."""
    return _stacked(kinds, "kind", KIND_COLOURS, names={})


def _stacked(
    table: pandas.DataFrame,
    by: str,
    colours: Mapping[str, str],
    names: Mapping[str, str],
    selected: str | None = None,
) -> go.Figure:
    x, y, base, fill, line, text, text_colour, custom = [], [], [], [], [], [], [], []
    metrics = [WHERE[0], *(["latency_ms"] if "latency_ms" in table else []), *WHERE[1:]]
    for metric in metrics:
        total, start = float(table[metric].sum()) or 1.0, 0.0
        for name, value in zip(table[by], table[metric]):
            share = value / total
            x.append(share)
            y.append(_LABELS[metric])
            base.append(start)
            fill.append(colours[name])
            line.append(3 if name == selected else 0.6)
            text.append(names.get(name, name) if share > 0 else "")
            text_colour.append(text_on(colours[name]))
            custom.append((name, METRICS[metric].title, _amount(metric, value), f"{share:.1%}"))
            start += share
    bar = dict(
        type="bar",
        x=x,
        y=y,
        base=base,
        orientation="h",
        width=0.78,
        marker={"color": fill, "line": {"width": line, "color": [_edge(width) for width in line]}},
        text=text,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": text_colour, "size": TEXT},
        customdata=custom,
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}: %{customdata[2]} (%{customdata[3]})<extra></extra>",
        showlegend=False,
    )
    totals = [
        {"x": 1.008, "xref": "paper", "xanchor": "left", "y": _LABELS[metric], "text": _total(metric, table)}
        for metric in metrics
    ]
    layout = dict(
        annotations=[{**total, "showarrow": False, "font": {"size": 14}} for total in totals],
        height=50 + 45 * len(metrics),
        margin={"l": 96, "r": 78, "t": 6, "b": 24},
        barmode="overlay",
        uniformtext={"minsize": TEXT, "mode": "hide"},  # a segment narrower than its name goes without
        dragmode=False,
        xaxis={"range": [0, 1], "tickformat": ".0%", "tickfont": {"size": 13}, "fixedrange": True, "showgrid": False},
        yaxis={
            "categoryorder": "array",
            "categoryarray": [_LABELS[metric] for metric in reversed(metrics)],
            "tickfont": {"size": 15},
            "fixedrange": True,
            "title": None,
        },
    )
    return draw.figure([bar], layout)


def _amount(metric: str, value: float) -> str:
    return f"{value:.3f} ms" if metric == "latency_ms" else f"{value:,}"


def _total(metric: str, table: pandas.DataFrame) -> str:
    total = table[metric].sum()
    return (f"{total:.2f} ms" if total < 1000 else duration(total)) if metric == "latency_ms" else human(int(total))


def _edge(width: float) -> str:
    return SELECTED if width > 1 else "rgba(255, 255, 255, 0.6)"


def _short_names(blocks: pandas.Series) -> dict[str, str]:
    """`stage3/block2` as `3.2`, `head/linear` as `linear`: what fits into a segment."""
    names = {}
    for path in blocks:
        stage, _, block = path.partition("/")
        number = block.removeprefix("block")
        names[path] = f"{stage.removeprefix('stage')}.{number}" if number.isdigit() else block
    return names


def waterfall(terms: pandas.DataFrame) -> go.Figure:
    """From our multiply-adds to a tool's total, the terms that add something between them.

    `terms` are the rows of one tool in `costmodel.table`: "mult-adds", the terms, "total".
    """
    ends = terms["term"].isin(["mult-adds", "total"])
    shown = terms[ends | (terms["amount"] != 0)]
    tool = terms["tool"].iloc[0]
    names = {"mult-adds": "ours: mult-adds", "total": f"{tool} reports"}
    bars = dict(
        type="waterfall",
        x=[names.get(term, term) for term in shown["term"]],
        y=[int(amount) for amount in shown["amount"]],
        measure=[{"mult-adds": "absolute", "total": "total"}.get(term, "relative") for term in shown["term"]],
        text=[
            f"{amount:,}" if term in names else f"+{amount:,}" if amount > 0 else f"{amount:,}"
            for term, amount in zip(shown["term"], shown["amount"])
        ],
        textposition="outside",
        textfont={"size": 14},
        cliponaxis=False,
        connector={"line": {"color": OUTLINE, "width": 1}},
        increasing={"marker": {"color": KIND_COLOURS["activation"]}},
        decreasing={"marker": {"color": KIND_COLOURS["pooling"]}},
        totals={"marker": {"color": KIND_COLOURS["conv 1×1"]}},
        hovertemplate="<b>%{x}</b><br>%{text}<extra></extra>",
    )
    layout = dict(
        height=330,
        margin={"l": 60, "r": 20, "t": 30, "b": 40},
        dragmode=False,
        showlegend=False,
        xaxis={"tickfont": {"size": 14}, "fixedrange": True},
        yaxis={"tickformat": "~s", "tickfont": {"size": 13}, "fixedrange": True, "rangemode": "tozero"},
    )
    return draw.figure([bars], layout)
