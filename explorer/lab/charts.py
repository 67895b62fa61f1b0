"""The guidelines' charts: DataFrame → plotly Figure. No Streamlit, no counting, no clock."""

from __future__ import annotations

import textwrap
from html import escape
from math import ceil
from typing import Any

import pandas
import plotly.graph_objects as go

from explorer.data.metrics import percent
from explorer.figures import draw
from explorer.figures.palette import KIND_COLOURS, OUTLINE, STAGE_COLOURS, text_on
from explorer.lab.experiment import printed_platform
from explorer.lab.theory import GROUPS

TEXT = 14
LINE = 20  # px, of a line of text of this size
APART = 9  # px, between the marks of two machines in a row
IN_A_LINE = 4  # names of machines in a line of the legend
LABEL = 16  # characters in a line of a row's name: on a phone a longer one takes the room of the marks
SYMBOLS = ("circle", "triangle-up", "cross", "star", "hexagon")
SERIES = {
    "paper_GPU": ("paper, GPU", "#E69F00", "square"),
    "device_GPU": ("predicted, paper's GPU", "#E69F00", "square-open"),
    "paper_ARM": ("paper, ARM", "#009E73", "diamond"),
    "device_ARM": ("predicted, paper's ARM", "#009E73", "diamond-open"),
    "predicted": ("predicted", "#CC79A7", "x"),
    "measured": ("measured here", "#1E88E5", "circle"),
}
PAPER = ("paper_GPU", "paper_ARM")
MACHINE_COLOURS = [one for one in STAGE_COLOURS if one.upper() not in {SERIES[column][1] for column in PAPER}]
CURVE, BOUND, MARKS = "#1E88E5", "#999999", "#D55E00"
PARTS = {
    "convolution": KIND_COLOURS["conv 1×1"],
    "ReLU": KIND_COLOURS["activation"],
    "add": KIND_COLOURS["add, multiply"],
}


def layout(height: int = 340, **more: object) -> go.Layout:
    """The layout of all charts of the lab: legible axes, legend above, no dragging."""
    axis = {"tickfont": {"size": TEXT}, "title_font": {"size": TEXT}, "fixedrange": True}
    chart = go.Layout(
        height=height,
        margin={"l": 70, "r": 20, "t": 34, "b": 50},
        dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": TEXT}},
        hoverlabel={"font": {"size": TEXT}},
        xaxis=axis,
        yaxis=axis,
    )
    return chart.update(more)


def _room_for_names(figure: go.Figure) -> go.Figure:
    """A left margin as wide as the names of the rows, on a phone and on a projector."""
    return figure.update_yaxes(automargin=True, ticklabelstandoff=4).update_layout(margin_l=8)


def g1_curve(curve: pandas.DataFrame, rows: pandas.DataFrame) -> go.Figure:
    """MAC over c2/c1 at fixed multiply-adds, its lower bound, and the rows of the experiment.

    `rows`: row, ratio, mem_access of one convolution.
    """
    return go.Figure(
        [
            _line(curve["ratio"], curve["mem_access"], "MAC", CURVE),
            _line(curve["ratio"], curve["bound"], "lower bound 2·√(hwB) + B/hw", BOUND, "dash"),
            _marks(rows["ratio"], rows["mem_access"], rows["row"], "this experiment"),
        ],
        layout(
            xaxis={
                "type": "log",
                "title": "c₂ / c₁",
                "tickvals": [1 / 12, 1 / 6, 1 / 2, 1, 2, 6, 12],
                "ticktext": ["1/12", "1/6", "1/2", "1", "2", "6", "12"],
            },
            yaxis={"title": "MAC of one convolution, elements", "rangemode": "tozero", "tickformat": "~s"},
        ),
    )


def g2_curve(curve: pandas.DataFrame, rows: pandas.DataFrame) -> go.Figure:
    """MAC over the groups at fixed multiply-adds, and at fixed channels. `rows`: row, groups, mem_access."""
    return go.Figure(
        [
            _line(curve["groups"], curve["mem_access"], "same FLOPs: channels grow with √g", CURVE),
            _line(curve["groups"], curve["same_channels"], "same channels: FLOPs shrink to 1/g", BOUND, "dash"),
            _marks(rows["groups"], rows["mem_access"], rows["row"], "this experiment"),
        ],
        layout(
            xaxis={"type": "log", "title": "groups g", "tickvals": list(GROUPS)},
            yaxis={"title": "MAC of one convolution, elements", "rangemode": "tozero", "tickformat": "~s"},
        ),
    )


def g3_shape(table: pandas.DataFrame) -> go.Figure:
    """Fragments, branches and critical path of each row's block, and its MAC relative to the first row.

    Bars that lie: four that stand leave no room for their numbers on a phone, and none for the names of the rows.
    """
    relative = table["mem_access"] / table["mem_access"].iloc[0]
    parts = {
        "fragments": (table["fragments"], CURVE),
        "branches side by side": (table["branches"], "#009E73"),
        "critical path": (table["depth"], "#E69F00"),
        "MAC over the first row's": (relative, MARKS),
    }
    rows = [_wrapped(row, LABEL) for row in table["row"]]
    bars = [
        go.Bar(
            y=rows,
            x=values,
            orientation="h",
            name=name,
            marker={"color": colour},
            text=[f"{value:.1f}×" if values is relative else value for value in values],
            textposition="outside",
            cliponaxis=False,
            textfont={"size": TEXT},
        )
        for name, (values, colour) in parts.items()
    ]
    figure = go.Figure(bars, layout(100 + 4 * LINE * len(table), xaxis={"title": "per block", "dtick": 1}))
    return _room_for_names(figure).update_layout(yaxis_autorange="reversed", legend_traceorder="normal")


def g4_shares(shares: pandas.DataFrame) -> go.Figure:
    """Per row two bars, of operations and of MAC, cut into convolution, ReLU and addition."""
    bars = []
    for kind, colour in PARTS.items():
        part = shares[shares["kind"] == kind]
        rows = [_wrapped(row, LABEL) for row in part["row"]]
        labels = [[*rows, *rows], ["operations"] * len(part) + ["MAC"] * len(part)]
        values = [*part["operations_share"], *part["mem_access_share"]]
        bars.append(
            go.Bar(
                y=labels,
                x=values,
                orientation="h",
                name=kind,
                marker={"color": colour},
                text=[percent(value) for value in values],
                customdata=[percent(value, 1) for value in values],
                textfont={"color": text_on(colour)},  # plotly's own choice is faint on a dark page
                textposition="inside",
                textangle=0,
                insidetextanchor="middle",
                hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
            )
        )
    figure = go.Figure(bars, layout(390, barmode="stack", xaxis={**draw.percents(*draw.FIFTHS), "range": [0, 1]}))
    _room_for_names(figure).update_layout(yaxis={"autorange": "reversed", "tickfont": {"size": 13}})
    return figure.update_layout(uniformtext={"minsize": 12, "mode": "hide"}, legend_traceorder="normal")


def comparison(table: pandas.DataFrame, guideline: int = 1) -> go.Figure:
    """Time over the first row's: the paper's two columns, the predictions, the measurement with its interval."""
    figure = go.Figure(layout=layout(90 + 84 * len(table)))
    height = {row: -place for place, row in enumerate(table["row"])}
    for number, (column, (name, colour, symbol)) in enumerate(SERIES.items()):
        known = table[table[column].notna()]
        if known.empty:
            continue
        error = None
        if column == "measured":
            error = {
                "type": "data",
                "array": known["high"] - known["measured"],
                "arrayminus": known["measured"] - known["low"],
                "thickness": 2,
                "width": 6,
            }
        figure.add_scatter(
            x=known[column],
            y=[height[row] + 0.325 - 0.13 * number for row in known["row"]],  # beside each other, not on top
            name=name.replace("ARM", printed_platform(guideline, "ARM")),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 13, "line": _outline(symbol)},
            error_x=error,
            customdata=known["row"],
            hovertemplate="<b>%{customdata}</b><br>%{x:.3f}<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=1, line={"color": OUTLINE, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="ratio of times (right: slower)", automargin=True)
    figure.update_yaxes(
        tickvals=list(height.values()),
        ticktext=[_wrapped(row, LABEL) for row in height],
        range=[0.6 - len(table), 0.6],
        showgrid=False,
        zeroline=False,
        title=None,
    )
    return _room_for_names(figure)


def _outline(symbol: str) -> dict[str, Any]:
    """The line of a marker: an outline, or an open symbol's own colour."""
    return {"width": 2} if symbol.endswith("open") else {"width": 1, "color": OUTLINE}


def spread(runs: pandas.DataFrame, paper: pandas.DataFrame, guideline: int = 1) -> go.Figure:
    """Differences between machines: a mark per run and row, a colour and symbol per machine, beside the paper's.

    `paper`: row, paper_GPU, paper_ARM.
    """
    rows = list(paper["row"])[1:]
    machines = list(dict.fromkeys(runs.loc[runs["row"].isin(rows), "machine"]))
    legend = LINE * ceil((len(machines) + 2) / IN_A_LINE)  # px
    lanes = len(PAPER) + len(machines)
    figure = go.Figure(layout=layout(90 + legend + max(60, APART * lanes) * len(rows)))
    compared = runs[runs["row"].isin(rows)]
    place = {row: -number for number, row in enumerate(rows)}
    for lane, column in enumerate(PAPER):
        name, colour, symbol = SERIES[column]
        shown = paper[paper["row"].isin(rows)]
        marker = {"color": colour, "symbol": symbol, "size": 13, "line": {"width": 1, "color": OUTLINE}}
        figure.add_scatter(
            x=shown[column],
            y=[place[row] + _offset(lane, lanes) for row in shown["row"]],
            name=name.replace("ARM", printed_platform(guideline, "ARM")),
            mode="markers",
            marker=marker,
        )
    for number, machine in enumerate(machines):
        lane = len(PAPER) + number
        mine = compared[compared["machine"] == machine]
        figure.add_scatter(
            x=mine["ratio"],
            y=[place[row] + _offset(lane, lanes) for row in mine["row"]],
            name=machine,
            mode="markers",
            marker={
                "color": MACHINE_COLOURS[number % len(MACHINE_COLOURS)],
                "symbol": SYMBOLS[number // len(MACHINE_COLOURS) % len(SYMBOLS)],
                "size": 11,
            },
            error_x={
                "type": "data",
                "array": mine["high"] - mine["ratio"],
                "arrayminus": mine["ratio"] - mine["low"],
                "thickness": 1,
            },
            customdata=mine["row"],
            hovertemplate="<b>%{fullData.name}</b><br>%{customdata}: %{x:.3f}<extra></extra>",
        )
    figure.add_vline(x=1, line={"color": OUTLINE, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="time over the first row's")
    names = [_wrapped(row, LABEL) for row in rows]
    figure.update_yaxes(tickvals=list(place.values()), ticktext=names, range=[0.6 - len(rows), 0.6], title=None)
    return _room_for_names(figure)


def _offset(number: int, count: int) -> float:
    """The vertical offset of one of `count` lanes within a row, so that marks are beside each other."""
    return 0.32 - 0.64 * (number + 0.5) / count


def answers(given: list[tuple[str, str]]) -> go.Figure:
    """The predictions of a class for one topic, as (student, answer): a bar per answer with the students' names."""
    students: dict[str, list[str]] = {}
    for student, answer in given:
        students.setdefault(answer, []).append(student)
    ordered = sorted(students.items(), key=lambda item: len(item[1]))
    labels = [_wrapped(answer.replace(" / ", "\u00a0/ "), 24) for answer, _ in ordered]
    bars = go.Bar(
        x=[len(names) for _, names in ordered],
        y=labels,
        orientation="h",
        marker={"color": CURVE},
        text=[_wrapped(", ".join(names), 60) for _, names in ordered],
        textposition="auto",
        textfont={"size": TEXT},
        customdata=[", ".join(names) for _, names in ordered],
        hovertemplate="%{x}: %{customdata}<extra></extra>",
    )
    lines = max((label.count("<br>") + 1 for label in labels), default=1)
    figure = go.Figure(bars, layout(90 + max(64, LINE * (lines + 1)) * len(ordered)))
    figure.update_xaxes(title="students", dtick=max(1, round(len(given) / 10)), rangemode="tozero")
    return _room_for_names(figure).update_layout(yaxis_title=None, showlegend=False)


def _wrapped(text: str, width: int) -> str:
    """Text for plotly in lines of at most `width` characters."""
    lines = textwrap.wrap(text, width, break_on_hyphens=" " not in text)
    return "<br>".join(map(escape, lines)) or " "


def _line(x: pandas.Series, y: pandas.Series, name: str, colour: str, dash: str = "solid") -> go.Scatter:
    return go.Scatter(x=x, y=y, name=name, mode="lines", line={"color": colour, "width": 3, "dash": dash})


def _marks(x: pandas.Series, y: pandas.Series, text: pandas.Series, name: str) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="markers+text",
        text=[row.rpartition(" ")[2] for row in text],  # 1:6 of c1:c2 = 1:6
        textposition="top left",  # the curves rise to the right
        textfont={"size": TEXT},
        marker={"color": MARKS, "size": 12, "symbol": "diamond"},
        customdata=text,
        hovertemplate="<b>%{customdata}</b><br>%{y:,.0f} elements<extra></extra>",
        cliponaxis=False,
    )
