"""The charts of the article's other lessons: DataFrame → plotly Figure."""

from __future__ import annotations

import pandas
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import draw
from explorer.figures.palette import HEAT, OUTLINE, text_on
from explorer.lab.charts import BOUND, CURVE, MARKS, TEXT, layout

GROUP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
BAR = 24  # px, of a bar with its label and the space around it
LABEL_ROOM = 1.3  # of the longest bar, so that its label stays inside of a phone's plot
BARE = {"showticklabels": False, "fixedrange": True, "showgrid": False, "zeroline": False}
COUNTS = {
    "mult_adds": "mult-adds",
    "params": "params",
    "mem_access": "MAC",
    "elementwise": "element-wise",
    "kernels": "kernels",
}


def side_by_side(totals: pandas.DataFrame) -> go.Figure:
    """Networks as groups of bars, each count over the first network's.

    The bars are horizontal: their labels have room on a phone too.
    """
    shown = [column for column in COUNTS if totals[column].iloc[0] > 0]
    ratios = totals[shown] / totals[shown].iloc[0]
    figure = go.Figure(
        layout=layout(
            90 + BAR * ratios.size,
            barmode="group",
            xaxis={"title": "ratio to the first", "range": [0, LABEL_ROOM * ratios.to_numpy().max()]},
            yaxis={"autorange": "reversed", "automargin": True},
        )
    )
    for number, row in enumerate(totals.to_dict("records")):
        values = list(ratios.iloc[number])
        figure.add_bar(
            x=values,
            y=[COUNTS[column] for column in shown],
            orientation="h",
            name=row["network"],
            marker={"color": (BOUND, CURVE, MARKS, "#009E73")[number % 4]},
            text=[f"{value:.2f}×" for value in values],
            textposition="outside",
            textfont={"size": TEXT},
            cliponaxis=False,
            customdata=[f"{row[column]:,}" for column in shown],
            hovertemplate="%{y}: %{customdata}<extra>%{fullData.name}</extra>",
        )
    return figure


def separable_ratio(curve: pandas.DataFrame, c_out: int, ratio: float) -> go.Figure:
    """The share of multiply-adds that a depthwise separable convolution needs, over its output channels."""
    figure = go.Figure(
        [
            go.Scatter(x=curve["c_out"], y=curve["ratio"], name="1/C_out + 1/K²", line={"color": CURVE, "width": 3}),
            go.Scatter(
                x=curve["c_out"], y=curve["limit"], name="limit 1/K²", line={"color": BOUND, "width": 3, "dash": "dash"}
            ),
            go.Scatter(
                x=[c_out],
                y=[ratio],
                name="this convolution",
                mode="markers+text",
                text=[f"{ratio:.3f}"],
                textposition="top right",
                textfont={"size": TEXT},
                marker={"color": MARKS, "size": 13, "symbol": "diamond"},
            ),
        ],
        layout(
            300,
            xaxis={"type": "log", "title": "output channels C_out", "tickvals": [2**i for i in range(0, 11, 2)]},
            yaxis={"title": "separable / standard", "rangemode": "tozero"},
        ),
    )
    return figure.add_hline(y=1, line={"color": OUTLINE, "dash": "dot"})


def multipliers(table: pandas.DataFrame, metric: str) -> go.Figure:
    """A grid of widths and resolutions, coloured and labelled by a count; the chosen cell is outlined."""
    grid = table.pivot(index="width", columns="resolution", values=metric)
    widths, sizes = [f"{w:g}" for w in grid.index], [f"{s}" for s in grid.columns]
    figure = go.Figure(
        go.Heatmap(
            z=grid.to_numpy(),
            x=sizes,
            y=widths,
            colorscale=HEAT,
            showscale=False,
            text=[[f"{value / 1e6:.1f} M" for value in row] for row in grid.to_numpy()],
            texttemplate="%{text}",
            textfont={"size": 15},
            hovertemplate="width %{y}, resolution %{x}: %{text}<extra></extra>",
            xgap=2,
            ygap=2,
        ),
        layout(xaxis={"title": "resolution ρ·224", "type": "category"}, yaxis={"title": "width α", "type": "category"}),
    )
    for row in table[table["chosen"]].to_dict("records"):
        x, y = sizes.index(f"{row['resolution']}"), widths.index(f"{row['width']:g}")
        box = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        figure.add_shape(type="rect", **box, line={"color": CURVE, "width": 4})
    return figure


def shuffle(frames: pandas.DataFrame) -> go.Figure:
    """The permutation, animated: channels in their group's colour move from the upper row to their new place."""
    first, last = frames["frame"].min(), frames["frame"].max()

    def row(frame: int, y: float) -> go.Scatter:
        part = frames[frames["frame"] == frame]
        colours = [GROUP_COLOURS[group % len(GROUP_COLOURS)] for group in part["group"]]
        return go.Scatter(
            x=part["x"],
            y=[y] * len(part),
            mode="markers+text",
            text=part["channel"],
            textfont={"size": TEXT, "color": [text_on(colour) for colour in colours]},
            marker={"color": colours, "size": 30, "symbol": "square"},
            hovertext=[f"channel {c} of group {g}" for c, g in zip(part["channel"], part["group"])],
            hoverinfo="text",
        )

    start, end = frames[frames["frame"] == first], frames[frames["frame"] == last]
    lines: list[float | None] = []
    heights: list[float | None] = []
    for x0, x1 in zip(start["x"], end["x"]):
        lines += [x0, x1, None]
        heights += [1, 0, None]
    paths = go.Scatter(x=lines, y=heights, mode="lines", line={"color": OUTLINE, "width": 1}, hoverinfo="skip")
    moving = [go.Frame(data=[row(frame, 1 - frame / last)], traces=[2], name=str(frame)) for frame in range(last + 1)]
    play = {
        "type": "buttons",
        "x": 0,
        "y": 1.35,
        "xanchor": "left",
        "font": {"size": TEXT, "color": "#16202c"},
        "bgcolor": "#f3f5f8",
        "buttons": [
            {
                "label": "▶ shuffle",
                "method": "animate",
                "args": [None, {"frame": {"duration": 80, "redraw": False}, "transition": {"duration": 60}}],
            }
        ],
    }
    axis = {"visible": False, "fixedrange": True}
    chart = go.Figure([paths, row(first, 1), row(last, 0)], frames=moving)
    chart.update_layout(
        layout(260, showlegend=False, updatemenus=[play], xaxis=axis, yaxis={**axis, "range": [-0.3, 1.3]})
    )
    return chart


def manifold(points: pandas.DataFrame, dimension: int) -> go.Figure:
    """The spiral and its reconstruction after ReLU in n dimensions, coloured by position."""
    titles = ("the spiral", f"after ReLU, n = {dimension}")
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.06)
    marker = {"color": points["t"], "colorscale": "Viridis", "size": 6}
    for column, (x, y) in enumerate((("x", "y"), ("back_x", "back_y")), 1):
        figure.add_scatter(
            x=points[x],
            y=points[y],
            mode="markers",
            marker=marker,
            row=1,
            col=column,
            customdata=points["alive"],
            hovertemplate="%{customdata} dimensions alive<extra></extra>",
        )
        figure.update_yaxes(scaleanchor="x" if column == 1 else "x2", row=1, col=column)
    figure.update_layout(layout(380, showlegend=False)).update_xaxes(**BARE)
    figure.update_yaxes(**BARE)
    return figure.update_annotations(font_size=TEXT + 1)


def survival(table: pandas.DataFrame, dimension: int) -> go.Figure:
    """Remaining information over the dimension, averaged over random embeddings."""
    figure = go.Figure(
        [
            go.Scatter(
                x=table["dimension"],
                y=table["recoverable"],
                name="points with two dimensions above zero",
                line={"color": CURVE, "width": 3},
            ),
            go.Scatter(
                x=table["dimension"],
                y=table["straight"],
                name="variance recovered by a linear layer",
                line={"color": MARKS, "width": 3, "dash": "dash"},
            ),
        ],
        layout(
            300,
            xaxis={"title": "dimensions n"},
            yaxis={"title": "share", **draw.percents(*draw.FIFTHS), "range": [0, 1.05]},
        ),
    )
    return figure.add_vline(x=dimension, line={"color": OUTLINE, "dash": "dot"})


def swishes(curves: pandas.DataFrame) -> go.Figure:
    """Sigmoid and swish with their hard counterparts, and the difference between the swishes."""
    figure = make_subplots(1, 2, subplot_titles=("gates", "activations"), horizontal_spacing=0.08)
    for column, (smooth, hard) in enumerate((("sigmoid", "hard_sigmoid"), ("swish", "hard_swish")), 1):
        for name, colour, dash in ((smooth, CURVE, "solid"), (hard, MARKS, "dash")):
            line = {"color": colour, "width": 3, "dash": dash}
            title = name.replace("_", "-")
            figure.add_scatter(x=curves["x"], y=curves[name], name=title, line=line, row=1, col=column)
    line = {"color": BOUND, "width": 2}
    figure.add_scatter(x=curves["x"], y=curves["error"], name="hard-swish − swish", line=line, row=1, col=2)
    figure.update_layout(layout(360))
    figure.update_xaxes(fixedrange=True, tickfont_size=TEXT).update_yaxes(fixedrange=True, tickfont_size=TEXT)
    return figure.update_layout(legend={"y": -0.12, "yanchor": "top"}).update_annotations(font_size=TEXT + 1)
