"""The frontier's points, the difference's bars, milliseconds in the bars, the report: what they hold, not how they look."""

from __future__ import annotations

import pytest

import archs
import costmodel
from explorer.data import frontier
from explorer.editing import diff as compare
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.figures import as_plotly, tradeoff
from explorer.figures import charts as figures
from explorer.views.report import report


def test_every_point_is_drawn_once_and_ones_own_has_its_interval():
    points = frontier.table()
    own = tradeoff.Point("mine", 3e8, 72.0, 70.5, 73.0, "estimated")
    figure = tradeoff.frontier(points, frontier.pareto(points, "mult_adds"), "mult_adds", own)
    families = [trace for trace in figure.data if trace.mode == "markers"][:-1]
    assert sum(len(trace.x) for trace in families) == len(points)
    star = figure.data[-1]
    assert (star.x[0], star.y[0]) == (3e8, 72.0)
    assert (star.error_y.arrayminus[0], star.error_y.array[0]) == (1.5, 1.0)
    legend = tradeoff.legend(figure)
    assert legend[-1][0] == "☆"
    assert [name for _, _, name in legend[:-1]] == list(points["family"].unique())
    assert len({(sign, colour) for sign, colour, _ in legend}) == len(legend), "two families look alike"


def test_bars_of_a_difference_are_the_blocks_that_differ():
    before, after = (costmodel.count(archs.build(archs.spec("mobilenet_v2", width=w))) for w in (1.0, 0.75))
    table = compare.diff(before, after).table()
    (bar,) = tradeoff.differences(table, "params").data
    assert sum(bar.y) == after.total.params - before.total.params
    assert 0 not in bar.y


def test_milliseconds_stand_second_where_there_are_any():
    scenario = Scenario(History.start(archs.spec("mobilenet_v2")), profile=None)
    blocks = scenario.blocks.assign(latency_ms=0.5)
    (bar,) = as_plotly.figure(figures.where_by_block(blocks)).data
    assert list(dict.fromkeys(bar.y)) == ["Mult-adds", "Time", "Params", "MAC", "Element-wise"]
    assert f"{0.5 * len(blocks):.2f} ms" in [note.text for note in figures.where_by_block(blocks).notes]


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v1"])
def test_the_report_stands_alone_and_says_the_numbers(name):
    scenario = Scenario(History.start(archs.spec(name)))
    text = report(scenario, "https://example.org/?net=1abc")
    assert f"<td>{scenario.blocks['mult_adds'].iloc[0]:,}</td>" in text
    assert scenario.title in text
    assert "<script src" not in text
    assert "1abc" in text
