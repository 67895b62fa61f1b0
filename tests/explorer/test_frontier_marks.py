"""The frontier: a family keeps its mark everywhere, and the open network shows a published accuracy where there is one."""

from __future__ import annotations

import archs
from explorer.data import frontier
from explorer.figures import tradeoff


def marks(points, cost):
    figure = tradeoff.frontier(points, frontier.pareto(points, cost), cost, families=frontier.families())
    return {name: (sign, colour) for sign, colour, name in tradeoff.legend(figure)}


def test_a_family_keeps_its_mark_on_every_axis_and_in_every_filter():
    points = frontier.table()
    everywhere = marks(points, "mult_adds")
    for cost in ("params", "mem_access"):
        assert marks(points, cost).items() <= everywhere.items()
    family = points["family"].unique()[3]
    assert marks(points[points["family"] == family], "mult_adds").items() <= everywhere.items()


def test_a_published_network_has_its_printed_accuracy_and_an_edited_one_none():
    spec = archs.spec("mobilenet_v2")
    found = frontier.published_top1(spec)
    assert found is not None
    assert found.top1_pct == 72.0
    assert frontier.published_top1(spec.edit_row(3, kernel=5)) is None


def test_an_estimate_is_hollow_and_an_axis_says_its_metric_once():
    points = frontier.table()
    for basis, symbol in (("estimated", "star-open"), ("published", "star")):
        own = tradeoff.Point("x", 3e8, 70.0, 69.0, 71.0, basis)
        figure = tradeoff.frontier(points, frontier.pareto(points, "mult_adds"), "mult_adds", own)
        assert figure.data[-1].marker.symbol == symbol
    assert tradeoff.axis_title("mult_adds") == "Mult-adds"
