"""Predicted against measured, with the bands of ±5 % and ±10 %: DataFrame → plotly Figure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas
import plotly.graph_objects as go

from explorer.data.metrics import percent
from explorer.figures import draw
from explorer.figures.palette import BAND, OUTLINE
from explorer.figures.tradeoff import marker

BANDS = (0.10, 0.05)  # from the outside in
SHOWN = 0.35  # the largest error that the lower half of the figure shows in its place


def scatter(pairs: pandas.DataFrame, families: Sequence[str] = ()) -> go.Figure:
    """Above, milliseconds against milliseconds; below, how far off, where the bands are wide enough to be seen.

    One trace per network family in each half; what is further off than ±35 % lies on the edge below. `families` fixes
    colours and symbols, as in the frontier; edited networks have those of their family.
    """
    networks = {str(name): str(name).removesuffix(", edited") for name in sorted(pairs["network"].unique())}
    order = [*families, *dict.fromkeys(family for family in networks.values() if family not in families)]
    low, high = _range(pairs)
    traces: list[draw.Trace] = []
    for share in BANDS:
        name = f"±{percent(share)}"
        around = [low * (1 - share), high * (1 - share), high * (1 + share), low * (1 + share)]
        for y, y_axis in ((around, "y"), ([-share, -share, share, share], "y2")):
            traces.append(_band([low, high, high, low], y, y_axis, name))
    for y, y_axis in (([low, high], "y"), ([0.0, 0.0], "y2")):
        line = {"color": OUTLINE, "width": 1.5}
        traces.append(
            dict(
                type="scatter",
                x=[low, high],
                y=y,
                yaxis=y_axis,
                mode="lines",
                line=line,
                name="equal",
                hoverinfo="skip",
            )
        )
    for network, rows in pairs.groupby("network", sort=True):
        measured, predicted = list(rows["measured_ms"]), list(rows["predicted_ms"])
        off = [p / m - 1 for p, m in zip(predicted, measured)]
        points = dict(
            type="scatter",
            x=measured,
            mode="markers",
            name=str(network),
            marker=marker(order.index(networks[str(network)]), 9),
            customdata=list(zip(measured, predicted, (percent(share, 1, "+") for share in off))),
            hovertemplate="<b>%{fullData.name}</b><br>measured %{customdata[0]:.3g} ms<br>"
            "predicted %{customdata[1]:.3g} ms (%{customdata[2]})<extra></extra>",
        )
        traces.append({**points, "y": predicted, "yaxis": "y"})
        traces.append({**points, "y": [min(max(share, -SHOWN), SHOWN) for share in off], "yaxis": "y2"})
    layout = draw.layout(
        560,
        70,
        xaxis=draw.log_axis("measured, ms", (low, high), anchor="y2"),
        yaxis=draw.log_axis("predicted, ms", (low, high), domain=[0.42, 1.0]),
        yaxis2=draw.axis(
            "error",
            domain=[0.0, 0.36],
            range=[-1.05 * SHOWN, 1.05 * SHOWN],
            **draw.percents(-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, sign="+"),
            zeroline=False,
        ),
    )
    return draw.figure(traces, layout)


def _band(x: list[float], y: list[float], axis: str, name: str) -> draw.Trace:
    look = {"line": {"width": 0}, "fill": "toself", "fillcolor": BAND, "hoverinfo": "skip", "mode": "lines"}
    return {"type": "scatter", "x": x, "y": y, "yaxis": axis, "name": name, **look}


def _range(pairs: pandas.DataFrame) -> tuple[float, float]:
    """A little beyond all that is drawn, in ms."""
    both = pairs[["measured_ms", "predicted_ms"]].to_numpy()
    return float(both.min()) * 0.85, float(both.max()) * 1.18
