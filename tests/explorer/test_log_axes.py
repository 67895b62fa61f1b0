"""The labels of logarithmic axes, of which plotly leaves none out: at a phone's width they do not touch."""

from __future__ import annotations

from itertools import pairwise
from math import log10

import pytest

from explorer.data import frontier
from explorer.data.metrics import human
from explorer.figures import draw, tradeoff

PLOT = 280  # px, of a figure on a page that is 390 px wide
MARGIN = 0.12  # that plotly adds around the points, of their range
CHARACTER = 8  # px, at 13 px and with room between two labels


@pytest.mark.parametrize("cost", ["mult_adds", "params", "mem_access"])
def test_the_frontiers_labels_have_room_on_a_phone(cost):
    points = frontier.table().dropna(subset=[cost])
    axis = tradeoff.frontier(points, frontier.pareto(points, cost), cost).layout.xaxis
    low, high = points[cost].min(), points[cost].max()
    _have_room(axis.tickvals, low, high)


@pytest.mark.parametrize("decades", [0.5, 1, 1.9, 2.5, 3.9, 4.5, 7])
def test_every_range_has_labels_with_room_between_them(decades):
    low, high = 4.1, 4.1 * 10**decades
    shown = _have_room(draw.log_axis("ms", [low, high])["tickvals"], low, high)
    assert len(shown) >= min(2, decades + 1)


def _have_room(ticks, low, high) -> list[float]:
    """The ticks that are shown; each pair has the space of its labels."""
    shown = [tick for tick in ticks if low * 0.95 <= tick <= high * 1.05]
    per_decade = PLOT / (log10(high / low) * (1 + MARGIN))
    for left, right in pairwise(shown):
        longest = max(len(human(one, 1).replace(" ", "")) for one in (left, right))
        assert log10(right / left) * per_decade >= CHARACTER * longest, (left, right)
    return shown
