"""Figures are drawn without plotly's check of every property; here it is made up for, and each says what it is given."""

from __future__ import annotations

from copy import deepcopy

import plotly.graph_objects as go
import pytest

import archs
import costmodel
from explorer.data import evidence, frontier
from explorer.editing import diff as compare
from explorer.editing.scenario import start
from explorer.figures import calibration as chart
from explorer.figures import charts as figures
from explorer.figures import diagram, draw, scatter
from explorer.figures.scatter import Point
from explorer.page.widgets.chart import INK, inked


def accuracy() -> go.Figure:
    points = frontier.table()
    own = Point("mine", 3e8, 70.0, 68.0, 72.0, "estimated")
    return scatter.frontier(points, frontier.pareto(points, "mult_adds"), "mult_adds", own)


def difference() -> go.Figure:
    before, after = (costmodel.count(archs.build(archs.spec("mobilenet_v2", width=w))) for w in (1.0, 0.5))
    return scatter.differences(compare.diff(before, after, None, None).table(), "mult_adds")


DRAWN = {
    "network": lambda: diagram.network(start().blocks, "mult_adds", "stage3/block1"),
    "block": lambda: diagram.block(start().graph, "stage3/block1"),
    "where": lambda: figures.where_by_block(start().blocks, "stage3/block1"),
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
    kept = deepcopy(plain)
    after = draw.Figure(inked(plain, "#123456"))
    assert plain == kept
    assert after.layout.xaxis.range == before.layout.xaxis.range
    assert after.layout.xaxis.tickfont.size == before.layout.xaxis.tickfont.size
    assert after.data[0].marker.color == before.data[0].marker.color
    assert after.layout.xaxis.tickfont.color == "#123456"


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_one_of_plotlys_to_whoever_takes_it_for_one(name):
    drawn, looked_at = DRAWN[name](), DRAWN[name]()
    data, layout = drawn.to_dict()["data"], drawn.to_dict()["layout"]
    assert [trace.type for trace in looked_at.data] == [trace["type"] for trace in data]
    assert looked_at.layout.height == layout["height"]
    assert looked_at.layout.template == drawn.layout.template
    assert looked_at.to_plotly_json() == drawn.to_plotly_json()
    assert deepcopy(drawn).layout == drawn.layout
    looked_at.update_layout(height=123)
    assert looked_at.to_dict()["layout"]["height"] == 123
    assert "123" in looked_at.to_json()
    with pytest.raises(AttributeError):
        getattr(looked_at, "no_such_part")  # noqa: B009


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
    assert [entry[2] for entry in scatter.legend(drawn)] == sorted(set(pairs["network"]))
