"""Drift told by reference networks: made-up sessions whose slowness is known."""

import pytest

import archs
from costmodel.latency.profile import Regime
from costmodel.timing.drift import ALL, CALL, CLEAR_US, FEWEST, between, by_kind
from costmodel.timing.timing_records import Record

KINDS = ("conv", "add") * 5 + ("rare",)


def test_two_sessions_are_compared_kind_by_kind():
    then = [by_kind(KINDS, [40.0] * len(KINDS), 300.0)] * FEWEST
    now = [by_kind(KINDS, [44.0, 60.0] * 5 + [40.0], 330.0)] * FEWEST
    slow = between(now, then)
    assert slow["conv"] == pytest.approx(1.1)
    assert slow["add"] == pytest.approx(1.5)
    assert slow[ALL] == pytest.approx((5 * 44 + 5 * 60 + 40) / (11 * 40))
    assert slow[CALL] == pytest.approx(1.1)


def test_a_kind_that_few_networks_have_or_that_is_too_quick_takes_the_speed_of_all():
    then = [by_kind(KINDS, [40.0] * 10 + [CLEAR_US / 2], 300.0)] * FEWEST
    then[0] = then[0] | {"only here": 100.0}
    slow = between([{kind: 2 * time_us for kind, time_us in one.items()} for one in then], then)
    assert slow.keys() == {ALL, CALL, "conv", "add"}
    assert between([], []) == {ALL: 1.0}


@pytest.mark.parametrize(("device", "network_us"), [("cpu", 20.0), ("cuda", 10.0)])
def test_a_network_is_evened_by_its_nodes_on_a_cpu_and_by_whole_calls_elsewhere(device, network_us):
    spec = archs.spec("mobilenet_v1")
    nodes = (1.0,) * len(archs.build(spec).nodes)
    record = Record(spec, 30.0, nodes, 0.0, 2)
    found = record.speed_normalised(Regime(device=device), {ALL: len(nodes) / 20.0, CALL: 3.0})
    assert found.network_us == pytest.approx(network_us, abs=0.5)
