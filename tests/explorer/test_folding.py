"""A folded network is priced as folded."""

from __future__ import annotations

import pytest

import archs
from explorer.data import profiles as devices
from explorer.editing.history import History
from explorer.editing.scenario import Scenario


def test_folding_changes_the_latency_and_where_it_is_spent():
    scenario = Scenario(History.start(archs.spec("mobilenet_v2")))
    folded = Scenario(History.start(archs.spec("mobilenet_v2")), folded=True)
    assert folded.prediction.latency_ms < scenario.prediction.latency_ms
    assert sum(folded.nodes_ms.values()) == pytest.approx(folded.prediction.latency_ms)
    assert set(folded.nodes_ms) == {node.path for node in folded.graph.nodes}
    assert folded.blocks["latency_ms"].sum() == pytest.approx(folded.prediction.latency_ms)


def test_predictions_of_a_folded_and_an_unfolded_network_are_kept_apart():
    spec, key = archs.spec("mobilenet_v2"), devices.preferred()
    assert devices.prediction(spec, key, True).latency_ms != devices.prediction(spec, key).latency_ms
