"""Predicted against measured, with the bands of ±5 % and ±10 %: DataFrame → plotly Figure."""

from __future__ import annotations

import pandas
import plotly.graph_objects as go

from explorer.palette import BAND, OUTLINE, STAGE_COLOURS
from explorer.scatter import SYMBOLS

BANDS = (0.10, 0.05)  # from the outside in
SHOWN = 0.35  # the largest error that the lower half of the figure shows in its place


def scatter(pairs: pandas.DataFrame) -> go.Figure:
    """Above, milliseconds against milliseconds; below, how far off, where the bands are wide enough to be seen.

    One trace per network family in each half; what is further off than ±35 % lies on the edge below.
    """
    figure = go.Figure()
    low, high = _range(pairs)
    for share in BANDS:
        edge = {"line": {"width": 0}, "fill": "toself", "fillcolor": BAND, "hoverinfo": "skip", "mode": "lines"}
        name = f"±{share:.0%}".replace("%", " %")
        figure.add_scatter(
            x=[low, high, high, low],
            y=[low * (1 - share), high * (1 - share), high * (1 + share), low * (1 + share)],
            name=name,
            **edge,
        )
        figure.add_scatter(
            x=[low, high, high, low], y=[-share, -share, share, share], yaxis="y2", name=f"{name} off", **edge
        )
    line = {"color": OUTLINE, "width": 1.5}
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line=line, name="as measured", hoverinfo="skip")
    figure.add_scatter(x=[low, high], y=[0, 0], yaxis="y2", mode="lines", line=line, name="none off", hoverinfo="skip")
    for number, (network, rows) in enumerate(pairs.groupby("network", sort=True)):
        off = rows["predicted_ms"] / rows["measured_ms"] - 1
        look = {
            "mode": "markers",
            "name": str(network),
            "marker": {
                "size": 9,
                "symbol": list(SYMBOLS)[number % len(SYMBOLS)],
                "color": STAGE_COLOURS[number % len(STAGE_COLOURS)],
                "line": {"width": 1, "color": OUTLINE},
            },
            "customdata": list(zip(rows["measured_ms"], rows["predicted_ms"], off)),
            "hovertemplate": "<b>%{fullData.name}</b><br>measured %{customdata[0]:.3g} ms<br>"
            "predicted %{customdata[1]:.3g} ms (%{customdata[2]:+.1%})<extra></extra>",
        }
        figure.add_scatter(x=rows["measured_ms"], y=rows["predicted_ms"], **look)
        figure.add_scatter(x=rows["measured_ms"], y=off.clip(-SHOWN, SHOWN), yaxis="y2", **look)
    axis = {"tickfont": {"size": 13}, "fixedrange": True}
    figure.update_layout(
        height=560,
        margin={"l": 70, "r": 12, "t": 10, "b": 50},
        dragmode=False,
        showlegend=False,
        hoverlabel={"font": {"size": 14}, "align": "left"},
        xaxis={
            **axis,
            "type": "log",
            "dtick": "D2",
            "tickformat": "~g",
            "anchor": "y2",
            "title": {"text": "measured, ms", "font": {"size": 15}},
        },
        yaxis={
            **axis,
            "type": "log",
            "dtick": "D2",
            "tickformat": "~g",
            "domain": [0.42, 1.0],
            "title": {"text": "predicted, ms", "font": {"size": 15}},
        },
        yaxis2={
            **axis,
            "domain": [0.0, 0.36],
            "range": [-1.05 * SHOWN, 1.05 * SHOWN],
            "tickvals": [-0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2],
            "tickformat": "+.0%",
            "zeroline": False,
            "title": {"text": "off by", "font": {"size": 15}},
        },
    )
    return figure


def _range(pairs: pandas.DataFrame) -> tuple[float, float]:
    """A little beyond all that is drawn, in ms."""
    both = pairs[["measured_ms", "predicted_ms"]].to_numpy()
    return float(both.min()) * 0.85, float(both.max()) * 1.18
