"""Milliseconds with their intervals over devices or networks, and errors against timed networks: DataFrame → figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas
import plotly.graph_objects as go

from explorer.data.metrics import duration, ends
from explorer.figures import draw
from explorer.figures.palette import EDITED, OUTLINE, STAGE_COLOURS
from explorer.figures.tradeoff import marker

ROW, LINE = 34, 18  # pixels of a row with its space, and of a line of its label
LABEL = 28  # characters of a line: longer ones leave a phone no room for the points


def latencies(table: pandas.DataFrame, marked: Sequence[str] = ()) -> go.Figure:
    """A point per row with its 90 % interval, on a logarithmic axis, the first row at the top.

    `table` is of `explorer.data.device_list`; the labels in `marked` are drawn in the colour of the user's network.
    """
    shown = table.dropna(subset=["latency_ms"])[::-1]
    labels = [textwrap.wrap(label, LABEL) for label in shown["label"]]
    row = max(ROW, *(LINE * len(lines) for lines in labels), 0)
    points = dict(
        type="scatter",
        x=list(shown["latency_ms"]),
        y=list(shown["label"]),
        mode="markers",
        marker={
            "size": 11,
            "color": [EDITED if label in marked else STAGE_COLOURS[0] for label in shown["label"]],
            "line": {"width": 1, "color": OUTLINE},
        },
        error_x=draw.interval(shown["latency_ms"], shown["low_ms"], shown["high_ms"], OUTLINE, 2, 6),
        customdata=[
            (duration(row.latency_ms), ends(row.low_ms, row.high_ms), row.images_per_s) for row in shown.itertuples()
        ],
        hovertemplate="<b>%{y}</b><br>%{customdata[0]} per image, %{customdata[1]}<br>"
        "%{customdata[2]:.3~s} images/s<extra></extra>",
    )
    layout = dict(
        height=110 + row * max(len(shown), 2),
        margin={"l": 12, "r": 12, "t": 10, "b": 70},
        dragmode=False,
        showlegend=False,
        hoverlabel={"font": {"size": 14}, "align": "left"},
        xaxis=draw.log_axis("predicted ms per image,<br>90 % interval", [*shown["low_ms"], *shown["high_ms"]]),
        yaxis={
            "automargin": True,
            "tickfont": {"size": 13},
            "fixedrange": True,
            "type": "category",
            "tickvals": list(shown["label"]),
            "ticktext": ["<br>".join(lines) for lines in labels],
        },
    )
    return draw.figure([points], layout)


def few_shots(rows: Sequence[dict[str, str]], here: int | None = None) -> go.Figure:
    """The median error against the number of timed networks, a line per table of devices; `here`: the user's number."""
    traces: list[draw.Trace] = []
    for number, table in enumerate(dict.fromkeys(row["table"] for row in rows)):
        of = [row for row in rows if row["table"] == table]
        traces.append(
            dict(
                type="scatter",
                x=[int(row["networks_timed"]) for row in of],
                y=[float(row["median_pct"]) for row in of],
                mode="lines+markers",
                name=f"devices of {table}'s table",
                marker=marker(number, 10),
                line={"color": STAGE_COLOURS[number], "width": 2},
                customdata=[(row["devices"], row["p90_pct"]) for row in of],
                hovertemplate="%{x} networks timed: median error %{y:.1f} %, 90 % below %{customdata[1]} %<br>"
                "%{customdata[0]} devices<extra></extra>",
            )
        )
    if here is not None:
        top = max(float(row["median_pct"]) for row in rows)
        mark = {"type": "scatter", "x": [here, here], "y": [0, top], "mode": "lines", "name": "your list"}
        traces.append(mark | {"line": {"color": EDITED, "width": 2, "dash": "dash"}, "hoverinfo": "skip"})
    axis = {"tickfont": {"size": 13}, "fixedrange": True}
    layout = dict(
        height=300,
        margin={"l": 60, "r": 12, "t": 10, "b": 50},
        dragmode=False,
        legend={"x": 1, "y": 1, "xanchor": "right", "font": {"size": 13}},
        xaxis=draw.log_axis("networks timed", [int(row["networks_timed"]) for row in rows]),
        yaxis={**axis, "rangemode": "tozero", "title": {"text": "median error, %", "font": {"size": 15}}},
    )
    return draw.figure(traces, layout)
