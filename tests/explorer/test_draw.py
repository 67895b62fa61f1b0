"""Plotly figures are made without a check of every property; here each is checked, and compared with its data."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import plotly.graph_objects as go
import pytest

import archs
import costmodel
from explorer.data import evidence, frontier
from explorer.editing import diff as compare
from explorer.editing.scenario import start
from explorer.figures import as_plotly, diagram, draw, tradeoff
from explorer.figures import calibration as chart
from explorer.figures import charts as figures
from explorer.figures.tradeoff import Point
from explorer.page.widgets.chart import INK, inked


def accuracy() -> go.Figure:
    points = frontier.table()
    own = Point("mine", 3e8, 70.0, 68.0, 72.0, "estimated")
    return tradeoff.frontier(points, frontier.pareto(points, "mult_adds"), "mult_adds", own)


def difference() -> go.Figure:
    before, after = (costmodel.count(archs.build(archs.spec("mobilenet_v2", width=w))) for w in (1.0, 0.5))
    return tradeoff.differences(compare.diff(before, after, None, None).table(), "mult_adds")


DRAWN = {
    "network": lambda: as_plotly.figure(diagram.network(start().blocks, "mult_adds", "stage3/block1")),
    "block": lambda: as_plotly.figure(diagram.block(start().graph, "stage3/block1")),
    "where": lambda: as_plotly.figure(figures.where_by_block(start().blocks, "stage3/block1")),
    "waterfall": lambda: figures.waterfall(costmodel.table(costmodel.reconcile(start().graph)[:1])),
    "frontier": accuracy,
    "difference": difference,
    "evidence": lambda: chart.scatter(evidence.held_out("cpu")),
}


@pytest.mark.parametrize("ink", [None, *INK.values()])
@pytest.mark.parametrize("name", DRAWN)
def test_plotly_takes_every_property(name, ink):
    plain = DRAWN[name]().to_dict()
    if ink:
        plain = inked(plain, ink)
    go.Figure(plain)  # raises where a property is none of plotly's
    if ink:
        assert plain["layout"]["font"]["color"] == plain["layout"]["xaxis"]["tickfont"]["color"] == ink


def test_a_wrong_property_would_be_found():
    with pytest.raises(ValueError, match="heigth"):
        go.Figure(draw.figure([{"type": "bar", "x": [1]}], {"heigth": 3}).to_dict())


def test_the_ink_leaves_the_rest_of_a_figure_alone():
    before = DRAWN["network"]()
    plain = before.to_dict()
    original = deepcopy(plain)
    after = draw.unchecked(inked(plain, "#123456"))
    assert plain == original
    assert after.layout.xaxis.range == before.layout.xaxis.range
    assert after.layout.xaxis.tickfont.size == before.layout.xaxis.tickfont.size
    assert after.data[0].marker.color == before.data[0].marker.color
    assert after.layout.xaxis.tickfont.color == "#123456"


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_plotlys_own_and_complete(name):
    figure = DRAWN[name]()
    assert type(figure) is go.Figure
    checked = go.Figure(figure.to_dict())
    assert checked.to_plotly_json() == go.Figure(deepcopy(figure)).to_plotly_json()
    assert figure.layout.height == checked.layout.height
    figure.update_layout(height=123)
    assert figure.to_dict()["layout"]["height"] == 123


def test_predicted_against_measured_is_drawn_as_it_is():
    pairs = evidence.held_out("cpu")
    drawn = chart.scatter(pairs)
    points = [t for t in drawn.data if t.mode == "markers"]
    above, below = ([t for t in points if t.yaxis == axis] for axis in ("y", "y2"))
    assert sorted(x for t in above for x in t.x) == sorted(pairs["measured_ms"])
    assert sorted(y for t in above for y in t.y) == sorted(pairs["predicted_ms"])
    off = sorted((pairs["predicted_ms"] / pairs["measured_ms"] - 1).clip(-chart.SHOWN, chart.SHOWN))
    assert sorted(y for t in below for y in t.y) == pytest.approx(off)
    bands = {t.name: t for t in drawn.data if t.fill and t.yaxis == "y"}
    for name, share in (("±5 %", 0.05), ("±10 %", 0.10)):
        band = bands[name]
        assert [y / x - 1 for x, y in zip(band.x, band.y)] == pytest.approx([-share, -share, share, share])
    assert [entry[2] for entry in tradeoff.legend(drawn)] == sorted(set(pairs["network"]))


def test_a_family_keeps_the_mark_that_it_has_in_the_frontier():
    families = frontier.families()
    drawn = chart.scatter(evidence.of("cpu")["validation, session 1"], families)
    marks = {t.name: (t.marker.symbol, t.marker.color) for t in drawn.data if t.mode == "markers"}
    for name in ("MobileNetV1", "MobileNetV1, edited", "ShuffleNetV2"):
        here = tradeoff.marker(families.index(name.removesuffix(", edited")), 9)
        assert marks[name] == (here["symbol"], here["color"]), name


def test_the_labels_of_the_errors_do_not_touch():
    """Those of 0 and ±5 % lay on each other, at any width: they were 10 px apart."""
    layout = chart.scatter(evidence.held_out("cpu")).layout
    low, high = layout.yaxis2.range
    room = (layout.height - layout.margin.t - layout.margin.b) * (layout.yaxis2.domain[1] - layout.yaxis2.domain[0])
    ticks = sorted(layout.yaxis2.tickvals)
    assert min(b - a for a, b in pairwise(ticks)) / (high - low) * room > 16
