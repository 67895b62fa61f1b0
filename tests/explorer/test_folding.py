"""A folded network is priced as folded, on the page as on the command line."""

from __future__ import annotations

import json

import pytest

import archs
from archs.catalogue.registry import FAMILIES
from explorer.cli import main as cli
from explorer.data import profiles as devices
from explorer.editing.history import History
from explorer.editing.scenario import Scenario

NETWORKS = list(FAMILIES)[:10]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_and_the_command_line_predict_the_same(name, folded, capsys):
    scenario = Scenario(History.start(archs.spec(name)), folded=folded)
    assert cli.main(["predict", name, "--json", *(["--fold"] if folded else [])]) in (0, None)
    said = json.loads(capsys.readouterr().out)
    found = scenario.prediction
    assert found is not None
    assert found.latency_ms == said["latency_ms"]
    assert (found.interval or (None, None)) == (said["low_ms"], said["high_ms"])


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
