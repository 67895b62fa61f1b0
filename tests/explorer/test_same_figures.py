"""The page's tiles and the command line say the same of a network, with every switch and on every device."""

from __future__ import annotations

import json
from typing import Any

import pytest

import archs
from archs.catalogue.registry import FAMILIES
from explorer.cli import main as cli
from explorer.data import profiles as devices
from explorer.data.metrics import duration, human, interval, megabytes
from explorer.editing.history import History
from explorer.editing.scenario import Scenario
from explorer.views.tiles import tiles

NETWORKS = list(FAMILIES)[:10]
SWITCHES: dict[str, tuple[dict[str, Any], bool, list[str]]] = {
    "as published": ({}, False, []),
    "folded": ({}, True, ["--fold"]),
    "resolution": ({"resolution": 160}, False, ["--resolution", "160"]),
    "rectangle, folded": ({"resolution": (224, 320)}, True, ["--resolution", "224x320", "--fold"]),
}
"""What is chosen in the sidebar: knobs of the spec, batch norms folded, and the same for the command line."""


def said(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    assert cli.main([*command, "--json"]) in (0, None)
    return json.loads(capsys.readouterr().out)


def shown(scenario: Scenario) -> dict[str, Any]:
    return {tile.title: tile for tile in tiles(scenario)}


def assert_latency_agrees(scenario: Scenario, document: dict[str, Any]) -> None:
    found = scenario.prediction
    assert found.latency_ms == document["latency_ms"]
    assert (found.interval or (None, None)) == (document["low_ms"], document["high_ms"])
    tile = shown(scenario)["Latency"]
    assert tile.value.split(" per batch")[0] == duration(document["latency_ms"])
    assert interval(found) in tile.beside
    assert ("Outside the calibrated range" in tile.help) == bool(document["out_of_range"])


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("name", NETWORKS)
def test_with_every_switch(name, switch, capsys):
    knobs, folded, flags = SWITCHES[switch]
    scenario = Scenario(History.start(archs.spec(name, **knobs)), folded=folded)
    assert_latency_agrees(scenario, said(capsys, "predict", name, *flags))
    counted, page = said(capsys, "count", name, *flags)["total"], shown(scenario)
    assert page["Mult-adds (the papers' FLOPs)"].value == human(counted["mult_adds"])
    assert page["Params"].value == human(counted["params"])
    assert page["MAC (memory access cost)"].value == human(counted["mem_access"])
    assert page["Peak activation memory"].value == megabytes(4 * counted["peak_activation"])
    assert page["Kernels"].value == f"{counted['kernels']:,}"
    assert page["Fragmentation"].value == f"{counted['fragments_per_block']:.1f} per block"


@pytest.mark.parametrize("key", [*devices.names(), *devices.of_papers(), *devices.of_whole_networks()[::9]])
def test_on_every_kind_of_device(key, capsys):
    for name, folded in zip(NETWORKS[::4], (False, True, False)):
        scenario = Scenario(History.start(archs.spec(name)), folded=folded, profile=key)
        flags = ["--fold"] if folded else []
        assert_latency_agrees(scenario, said(capsys, "predict", name, "--profile", key, *flags))
