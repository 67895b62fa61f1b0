"""Validation in plain processes, on a stub of the processes: errors, interrupts and the file."""

import json
from functools import cache

import pytest

import archs
import costmodel
from costmodel.calibration.plain import PlainNetwork, plain_networks, validate_plain
from costmodel.calibration.plain_report import save_plain
from costmodel.calibration.suite import spread_over, suite
from costmodel.calibration.validate import save_report
from costmodel.timing.drift import EVERY
from costmodel.timing.plain_process import PlainTiming, measure_plain

PROFILE = costmodel.load_profile("cpu")


@cache
def exported():
    """Text of every network that is timed here → its graph."""
    references = [one.to_spec() for one in PROFILE.references]
    graphs = [archs.build(one) for one in references if isinstance(one, archs.Spec)]
    graphs += [archs.build(archs.spec(name)) for name in ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small")]
    return {archs.to_source(graph): graph for graph in graphs}


def networks(*names):
    return [PlainNetwork("catalogue", name, archs.build(archs.spec(name))) for name in names]


def stub(factor=1.0, faults=None, interrupt_at=None):
    """Processes that take `factor` times the prediction and count `faults`, or those predicted."""
    calls = []

    def measure(source, target, shape, threads, allocator, processes, seconds):
        calls.append(allocator)
        if len(calls) == interrupt_at:
            raise KeyboardInterrupt
        found = costmodel.predict(exported()[source], PROFILE, allocator=allocator)
        ms = factor * found.latency_ms
        counted = found.page_faults if faults is None or allocator == "retain" else faults
        return PlainTiming(allocator, (ms,) * processes, (0.9 * ms,) * processes, counted)

    measure.calls = calls
    return measure


def test_errors_are_those_of_the_stub_by_family_and_allocator():
    seen = []
    chosen = networks("mobilenet_v2", "mobilenet_v3_small")
    report = validate_plain(PROFILE, chosen, progress=lambda share, what: seen.append(what), measure=stub(1 / 1.04))
    for allocator in ("default", "retain"):
        found = report.errors(allocator)
        assert list(found) == ["all", "mobilenet_v2", "mobilenet_v3_small"]
        assert found["all"]["networks"] == 2
        assert found["all"]["bias"] == pytest.approx(4, abs=0.5)
        assert (found["all"]["within_5"], found["all"]["within_10"]) == (100, 100)
        assert found["all"]["faults_within_10"] == 100
    assert seen == ["network 1 of 2: mobilenet_v2", "network 2 of 2: mobilenet_v3_small"]
    assert "mobilenet_v3_small" in str(report)


def test_faults_are_compared_with_those_counted():
    faulting = validate_plain(PROFILE, networks("mobilenet_v2"), measure=stub(faults=100_000))
    assert faulting.errors("default")["all"]["faults_within_10"] == 0
    assert faulting.errors("retain")["all"]["faults_within_10"] == 100
    none = validate_plain(PROFILE, networks("mobilenet_v2"), measure=stub(faults=0))
    assert none.errors("default")["all"]["faults_within_10"] == 0


def test_the_speed_of_the_machine_is_told_by_references_that_are_timed_in_turn():
    """A machine at half its speed: as measured predictions are at half, with the speed divided out they are not."""
    steady = stub(2.0)
    report = validate_plain(PROFILE, networks(*["mobilenet_v2"] * (EVERY + 1)), measure=steady)
    assert len(report.speeds) == 2
    assert len(steady.calls) == 2 * (EVERY + 1) + 2
    assert report.errors("retain")["all"]["bias"] == pytest.approx(-50, abs=0.1)
    assert report.errors("retain", corrected=True)["all"]["bias"] == pytest.approx(0, abs=6)


def test_an_interrupt_keeps_the_networks_that_were_timed_with_both_settings():
    report = validate_plain(PROFILE, networks("mobilenet_v2", "mobilenet_v1"), measure=stub(interrupt_at=5))
    assert report.interrupted
    assert [row.network for row in report.rows] == ["mobilenet_v2"] * 2
    assert "Interrupted" in str(report)
    with pytest.raises(KeyboardInterrupt):
        validate_plain(PROFILE, networks("mobilenet_v2"), measure=stub(interrupt_at=2))


def test_both_validations_of_a_profile_share_a_file(tmp_path):
    class Other:
        def as_dict(self):
            return {"profile": "cpu", "families": {"all": {}}}

    report = validate_plain(PROFILE, networks("mobilenet_v3_small"), measure=stub())
    file = tmp_path / "mine.validation.json"
    save_plain(report, tmp_path / "mine.json")
    assert json.loads(file.read_text())["plain"]["allocators"]["retain"]["all"]["networks"] == 1
    save_report(Other(), tmp_path / "mine.json")
    save_plain(report, tmp_path / "mine.json")
    assert set(json.loads(file.read_text())) == {"profile", "families", "plain"}
    file.write_text("no json")
    with pytest.raises(costmodel.CostError, match="is no validation"):
        save_plain(report, tmp_path / "mine.json")


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (costmodel.load_profile("cuda"), "allowed: a profile of a CPU with layout nchw"),
        (PROFILE.model_copy(update={"page_fault_us": None}), "has no cost of a page fault"),
    ],
)
def test_a_profile_that_plain_processes_cannot_be_compared_with_is_refused(profile, message):
    measure = stub()
    with pytest.raises(costmodel.CostError, match=message):
        validate_plain(profile, networks("mobilenet_v2"), measure=measure)
    assert not measure.calls, "nothing is timed before"


def test_so_many_networks_are_spread_over_the_suite():
    chosen = spread_over(plain_networks(suite(), PROFILE), 12)
    assert len(chosen) == 12
    assert {one.group for one in chosen} == {"catalogue", "edited", "table", "imported"}


@pytest.mark.slow
def test_the_fastest_third_is_not_above_the_median():
    graph = archs.build(archs.spec("shufflenet_v2", resolution=128))
    found = measure_plain(archs.to_source(graph), None, (1, 3, 128, 128), seconds=0.2)
    assert 0 < found.fastest_ms[0] <= found.processes_ms[0]
