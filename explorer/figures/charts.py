"""Charts of costs, from DataFrames. No Streamlit, no counting. Fonts and backgrounds are those of the page's theme."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
import plotly.graph_objects as go

from explorer.data.metrics import METRICS, duration, human, percent
from explorer.figures import draw
from explorer.figures.marks import Beside, Drawing, Edge, Margin, Percent, Rows, Segments
from explorer.figures.palette import KIND_COLOURS, OUTLINE, SELECTED, block_colours, text_on

WHERE = ("mult_adds", "params", "mem_access", "elementwise")
"""What the bars of `where_by_block` and `where_by_kind` show, top to bottom; `latency_ms` second, where it is."""

TEXT = 13
CHOSEN, PLAIN = Edge(3, SELECTED), Edge(0.6, "rgba(255, 255, 255, 0.6)")
_LABELS = {
    "mult_adds": "Mult-adds",
    "latency_ms": "Time",
    "params": "Params",
    "mem_access": "MAC",
    "elementwise": "Element-wise",
}


def where_by_block(blocks: pandas.DataFrame, selected: str | None = None) -> Drawing:
    """A bar per metric, cut into blocks in execution order, each block in its own colour.

    Each segment's fields start with the block's path.
    """
    colours = block_colours(blocks["block"])
    return _stacked(blocks, "block", colours, names=_short_names(blocks["block"]), selected=selected)


def where_by_kind(kinds: pandas.DataFrame) -> Drawing:
    """A bar per metric, cut into kinds of operators."""
    return _stacked(kinds, "kind", KIND_COLOURS, names={})


def _stacked(
    table: pandas.DataFrame,
    by: str,
    colours: Mapping[str, str],
    names: Mapping[str, str],
    selected: str | None = None,
) -> Drawing:
    metrics = [WHERE[0], *(["latency_ms"] if "latency_ms" in table else []), *WHERE[1:]]
    members = table[by].tolist()
    costs = {metric: table[metric].tolist() for metric in metrics}
    totals = {metric: sum(values) for metric, values in costs.items()}
    starts, lengths, texts, fields = [], [], [], []
    for metric in metrics:
        start = 0.0
        for name, value in zip(members, costs[metric]):
            share = value / (totals[metric] or 1.0)
            starts.append(start)
            lengths.append(share)
            texts.append(names.get(name, name) if share > 0 else "")
            fields.append((name, METRICS[metric].title, _amount(metric, value), percent(share, 1)))
            start += share
    segments = Segments(
        rows=tuple(_LABELS[metric] for metric in metrics for _ in members),
        starts=tuple(starts),
        lengths=tuple(lengths),
        thickness=0.78,
        colours=tuple(colours[name] for name in members) * len(metrics),
        edges=tuple(CHOSEN if name == selected else PLAIN for name in members) * len(metrics),
        texts=tuple(texts),
        text_colours=tuple(text_on(colours[name]) for name in members) * len(metrics),
        text_size=TEXT,
        fields=tuple(fields),
        hover=("{0}", "{1}: {2} ({3})"),
    )
    return Drawing(
        height=50 + 45 * len(metrics),
        margin=Margin(left=96, right=78, top=6, bottom=24),
        across=Percent(0, 1, TEXT),
        upward=Rows(tuple(_LABELS[metric] for metric in reversed(metrics)), 15),
        marks=(segments,),
        notes=tuple(Beside(_total(metric, total), _LABELS[metric], 1.008, 14) for metric, total in totals.items()),
    )


def _amount(metric: str, value: float) -> str:
    return f"{value:.3f} ms" if metric == "latency_ms" else f"{value:,}"


def _total(metric: str, total: float) -> str:
    return (f"{total:.2f} ms" if total < 1000 else duration(total)) if metric == "latency_ms" else human(int(total))


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
