"""The panels of costs: a caption counts what its figure draws, and the slowest layer is one click away."""

from __future__ import annotations

import json

import pytest
from support.page_states import explore

# AppTest leaves its temporary directory to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up <TemporaryDirectory:ResourceWarning")


def test_the_frontiers_caption_counts_the_points_that_are_drawn():
    """It said 216 beside 199 points, or beside 170."""
    at = explore("Frontier")
    counts = set()
    for cost in ("mult_adds", "params"):
        at.button_group(key="frontier cost").set_value(cost).run()
        (chart,) = at.get("plotly_chart")
        points = [trace for trace in json.loads(chart.proto.spec)["data"] if trace.get("mode") == "markers"]
        drawn = sum(len(trace["customdata"]) for trace in points if not trace["marker"]["symbol"].startswith("star"))
        (said,) = [caption.value for caption in at.caption if "published accuracies" in caption.value]
        assert said.startswith(f"{drawn} published accuracies with this cost.")
        counts.add(drawn)
    assert len(counts) == 2


def test_the_slowest_layer_is_one_click_away():
    at = explore("Layers")
    order = list(at.dataframe[-1].value["latency_ms"])
    at.toggle(key="slowest").set_value(True).run()
    assert list(at.dataframe[-1].value["latency_ms"]) == sorted(order, reverse=True) != order
