"""Fresh processes of ONNX Runtime: what they cost is in a profile, and their references tell the machine's speed."""

from dataclasses import replace
from itertools import cycle
from statistics import median

import pytest
from support.onnx_runtime_profiles import fitted, made_up, made_up_networks, made_up_profile

import archs
import costmodel
from costmodel.calibration.sample import table_networks
from costmodel.onnx_runtime import calibrate
from costmodel.onnx_runtime.timing import OnnxRuntimeTiming
from costmodel.onnx_runtime.validate import validate_onnx_runtime, validation_networks
from costmodel.timing.drift import EVERY

FACTOR = 1.25


def timing(ms):
    return OnnxRuntimeTiming("1.2.3", 1, 1, (1.1 * ms,), (ms,), (), ())


@pytest.fixture(scope="module")
def profile():
    """Fresh processes take `FACTOR` times what the shared one does; the second chunk is twice as slow."""
    timed = []
    for number, one in enumerate(made_up_networks()):
        if number >= 11:
            times = tuple([2 * time for time in one.nodes_us])
            call_us = 2 * one.call_us
            one = replace(one, call_us=call_us, nodes_us=times, chunk=1, fresh_us=FACTOR * call_us)
        timed.append(one)
    return fitted(timed)


def test_a_prediction_is_of_a_fresh_process(profile):
    graph = archs.build(archs.spec("mobilenet_v2", width=0.75))
    shared = made_up_profile().predicted(graph).latency_ms
    middle = 2**0.5  # of the two chunks' speeds
    assert profile.predicted(graph).latency_ms == pytest.approx(FACTOR * middle * shared, rel=0.1)


def test_references_are_at_the_median_speed(profile):
    assert len(profile.fresh_references) == 11
    predicted = [profile.predicted(archs.build(one.to_spec())).latency_ms * 1e3 for one in profile.fresh_references]
    ratios = [one.network_us / us for one, us in zip(profile.fresh_references, predicted)]
    assert median(ratios) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_a_validation_divides_the_machines_speed_out(profile, speed):
    """All networks and references take `speed` times what is predicted."""
    networks = validation_networks(2 * EVERY)
    references = sorted(profile.fresh_references, key=lambda one: one.network_us)
    expected = [profile.predicted(one.graph).latency_ms for one in networks]
    order = [("network", ms) for ms in expected]
    for position, one in ((EVERY, references[1]), (0, references[0])):
        order.insert(position, ("reference", one.network_us / 1e3))
    calls = iter(order)
    report = validate_onnx_runtime(
        profile, networks, measure=lambda model, batch, threads, processes, seconds: timing(speed * next(calls)[1])
    )
    assert not list(calls)
    assert report.errors["all"].mape == pytest.approx(100 * abs(1 / speed - 1), abs=0.2)
    assert report.errors_without_speed["all"].mape < 0.2
    assert report.as_dict()["speed_corrected"]["all"]["mape"] < 0.2


def test_a_profile_without_references_is_validated_as_measured():
    profile = made_up_profile()
    networks = validation_networks(2)
    times = cycle([profile.predicted(one.graph).latency_ms for one in networks])
    report = validate_onnx_runtime(profile, networks, measure=lambda *given: timing(next(times)))
    assert report.errors_without_speed == report.errors
    assert report.errors["all"].mape < 0.2


def test_the_last_chunk_is_timed_in_fresh_processes(monkeypatch):
    networks = table_networks(6)
    timed = [replace(made_up(*next(networks)), chunk=number // 10) for number in range(20)]
    monkeypatch.setattr(calibrate, "measure_onnx_runtime", lambda *given: timing(7.0))
    found = calibrate._with_fresh_processes(timed, 1, None)
    fresh = [one for one in found if one.fresh_us is not None]
    assert len(fresh) == calibrate.FRESH
    assert {one.chunk for one in fresh} == {1}
    assert {one.fresh_us for one in fresh} == {7000.0}
    assert [one.spec for one in found] == [one.spec for one in timed]
    ordered = sorted(timed[10:], key=lambda one: one.call_us)
    assert ordered[0].spec in [one.spec for one in fresh]


def test_a_calibration_that_times_nothing_is_an_error_in_one_sentence(monkeypatch):
    """As where the runtime fuses every network in another way than is predicted."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(calibrate, "time_networks", lambda *given: iter(()))
    with pytest.raises(costmodel.CostError, match="0 networks were timed"):
        calibrate.calibrate_onnx_runtime()
