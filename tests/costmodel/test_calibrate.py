"""Calibration from end to end, on a few seconds: it is whole or it is not there. Times are not asserted."""

import itertools
import math
import time
import warnings
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

import archs
import costmodel
from costmodel.calibration.fit import fit
from costmodel.calibration.pipeline import raw_path
from costmodel.calibration.suite import suite
from costmodel.calibration.validate import validate
from costmodel.latency.profile import Regime
from costmodel.networks.synthetic import made
from costmodel.timing import session as timings
from costmodel.timing.instrumented import InPlace
from costmodel.timing.session import FIRST, OFTEN, ROUNDS, RUNS, Cancelled, _Timed, time_networks
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import raw_text, read_raw

TINY = [archs.spec("mobilenet_v1", width=w, resolution=r) for w in (0.25, 0.5) for r in (32, 48, 64, 80)]
TINY += [archs.spec("shufflenet_v2", width=w, resolution=64) for w in (0.5, 1.0, 1.5, 2.0)]
TINY += [archs.spec("mobilenet_v3_small", width=0.75, resolution=r) for r in (32, 48, 64, 96)]


@pytest.fixture(scope="module")
def session():
    watch = Stopwatch()
    with watch.running():
        return time_networks(watch, Regime(), TINY, whole=True)


@pytest.mark.slow
def test_every_network_and_node_is_timed(session):
    assert [record.spec for record in session.records] == TINY
    for record in session.records:
        assert len(record.nodes_us) == len(archs.build(record.spec).nodes)
        assert record.network_us == pytest.approx(sum(record.nodes_us), abs=0.1)
        assert record.whole_us > 0
    assert session.probe_us > 0


def test_where_time_is_short_there_are_networks_all_the_same_and_each_reference_is_timed():
    with Stopwatch().running() as watch:
        found = time_networks(watch, Regime(), TINY[:3], TINY[3:6], seconds=1e-9)
    assert [record.spec for record in found.records] == TINY[:3]
    assert [record.spec for record in found.references] == TINY[3:6]
    assert all(record.network_us > 0 for record in found.references)


def in_place(watch):
    with watch.running():
        return InPlace(archs.build(TINY[0]), watch)


def test_a_network_is_settled_once_the_fastest_runs_of_its_nodes_agree_in_two_visits():
    timed = _Timed(TINY[0], [in_place(Stopwatch())])
    timed.nodes = [[10.0, 1.0]] * RUNS
    assert not timed.settled  # all of it at one moment
    timed.nodes += [[12.0, 0.5]] * RUNS
    assert not timed.settled
    timed.nodes += [[30.0, 1.0]] * (RUNS - 1) + [[10.4, 3.0]]
    assert timed.settled  # but for the small node
    record = timed.record()
    assert record.nodes_us == (10.0, 0.5)
    assert (record.network_us, record.calls, record.whole_us) == (10.5, 3 * RUNS, None)
    assert record.standard_error == pytest.approx(
        math.log(12.5 / 11) / 2, abs=1e-4
    )  # first and third visit, and the second


def test_a_small_network_has_more_visits_in_a_round():
    timed = _Timed(TINY[0], [in_place(Stopwatch())])
    timed.nodes = [[9e3, 9e3], [5e3, 4e3]]  # the second run counts: caches
    assert timed.turns == 2
    timed.nodes += [[1.0, 1.0]] * 10
    assert (timed.turns, timed.visits, timed.rounds) == (2, 6, 3)
    for run_us, turns in ((1.0, 4), (7e3, 2), (6e4, 1)):
        timed = _Timed(TINY[0], timed._networks)
        timed.nodes = [[run_us]] * RUNS
        assert timed.turns == turns


def test_two_visits_that_agree_do_not_settle_a_network_in_its_first_rounds(monkeypatch):
    monkeypatch.setattr(InPlace, "nodes_us", lambda self: [30e3] * len(self.graph.nodes))
    with Stopwatch().running() as watch:
        found = time_networks(watch, Regime(), TINY[:1], TINY[1:2])
    assert {record.calls for record in (*found.records, *found.references)} == {FIRST * RUNS}


def test_where_time_is_short_references_are_several_modules_of_as_many_visits(monkeypatch):
    visited = []
    first = 1  # visit, by which it is seen how long a network takes
    monkeypatch.setattr(InPlace, "nodes_us", lambda self: visited.append(self) or [30e3] * len(self.graph.nodes))
    with Stopwatch().running() as watch:
        found = time_networks(watch, Regime(), TINY[:1], TINY[1:2], seconds=60)
    times = [visits * RUNS + 1 for visits in (ROUNDS, ROUNDS, first + ROUNDS)]  # once when they are made
    assert sorted(Counter(visited).values()) == times
    rounds = [record.calls // RUNS - first for record in (*found.records, *found.references)]
    assert rounds == [ROUNDS - first, OFTEN * ROUNDS]  # though FIRST would do: there was time


@pytest.mark.slow
def test_time_is_left_for_the_references_that_are_owed(monkeypatch):
    clock = itertools.count(time.perf_counter(), 0.01).__next__  # every look at it, and every run, takes time

    def run(network):
        for _ in range(50):
            clock()
        return [30e3] * len(network.graph.nodes)

    monkeypatch.setattr(timings, "time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr(timings, "FEWEST", 10)
    monkeypatch.setattr(InPlace, "nodes_us", run)
    with Stopwatch().running() as watch:
        found = time_networks(watch, Regime(), itertools.cycle(TINY[:4]), TINY[4:14], seconds=200)
    assert len(found.references) == 10
    assert len(found.records) + 4 == timings.PILOT  # what is left after the pilot is for them
    assert min(record.calls for record in found.references) >= FIRST * RUNS


def test_more_visits_make_a_time_more_certain_and_not_shorter():
    timed = _Timed(TINY[0], [in_place(Stopwatch())] * 2)
    timed.nodes = [[us] for us in (10.0, 10.2, 12.0, 12.2, 30.0, 30.0, 30.0, 30.0)]  # by visits of two runs
    record = timed.record()
    assert record.network_us == 11.1  # and not 10.1, of what two visits saw one was quieter
    assert record.standard_error == pytest.approx(math.log(12.1 / 10.1) / 2, abs=1e-4)
    timed.nodes += [[10.1], [10.1], [30.0], [30.0]]  # the fastest two agree, but the other half has seen 12 once
    assert not timed.settled
    timed.nodes += [[30.0], [30.0], [12.0], [12.0]]
    assert timed.settled
    timed.often = 1
    assert timed.record().nodes_us == (10.05,)


def test_the_visits_of_a_small_network_count_as_those_of_others():
    """Three visits of each other network in the session: then six are twice three, and what twice three saw."""
    timed = _Timed(TINY[0], [in_place(Stopwatch())])
    timed.nodes = [[us] for us in (10.0, 12.0, 30.0, 12.0, 30.0, 12.0, 10.0, 12.0, 30.0, 12.0, 30.0, 12.0)]
    assert timed.record().network_us == 10.0
    timed.close(0, usual=3)
    assert timed.record().network_us == 11.0
    timed.close(0, usual=4.1)
    assert timed.record().network_us == 10.0


def test_a_session_has_as_many_visits_in_a_part_as_its_large_networks(monkeypatch):
    monkeypatch.setattr(InPlace, "nodes_us", lambda self: [self.times.__next__()] * len(self.graph.nodes))
    monkeypatch.setattr(InPlace, "times", itertools.cycle([30e3]), raising=False)
    closed = []
    monkeypatch.setattr(_Timed, "close", lambda self, chunk, usual: closed.append((self.turns, self.visits, usual)))
    with Stopwatch().running() as watch:
        time_networks(watch, Regime(), TINY[:2])
    assert closed == [(1, FIRST, FIRST)] * 2


def test_elsewhere_than_on_a_cpu_a_network_takes_what_a_whole_call_takes():
    watch = Stopwatch()
    network = in_place(watch)
    watch.device = torch.device("meta")
    timed = _Timed(TINY[0], [network])
    timed.nodes, timed.whole = [[10.0, 1.0]] * (2 * RUNS), [8.0, 9.0, 7.0]
    record = timed.record()
    assert record.network_us == 7.5
    assert record.standard_error == pytest.approx(math.log(9 / 7.5) / 2, abs=1e-4)  # of whole calls, too


@pytest.mark.slow
def test_references_are_spread_over_a_session_and_all_of_them_are_timed():
    seen = []
    with Stopwatch().running() as watch:
        found = time_networks(
            watch, Regime(), TINY[:6], TINY[6:10], memory=2e7, progress=lambda share, what: seen.append(share)
        )
    assert [record.spec for record in found.records] == TINY[:6]
    assert [record.spec for record in found.references] == TINY[6:10]
    assert seen == sorted(seen)
    assert len(set(seen)) > 4  # it moves while the same networks are in memory
    chunks = [record.chunk for record in (*found.records, *found.references)]
    assert max(chunks) > 0
    assert {record.chunk for record in found.references} >= {0, 1}


@pytest.mark.slow
def test_raw_timings_survive_a_file(session, tmp_path):
    path = tmp_path / "raw.jsonl"
    path.write_text(raw_text(session.records, Regime(threads=2)), encoding="utf-8")
    assert read_raw(path) == (Regime(threads=2), list(session.records))
    path.write_text(path.read_text()[:-40])
    with pytest.raises(costmodel.CostError, match="not a file of raw timings"):
        read_raw(path)


@pytest.mark.slow
def test_a_fit_prices_what_it_saw(session):
    records = session.records
    profile = fit(records[::2], records[1::2], Regime(), "tiny", {"device": "cpu"}, session.probe_us, 1.0)
    assert "convolution" not in {kind for record in records[::2] for kind in record.kinds(Regime())}
    assert "no convolution was timed: it is priced as native_convolution" in profile.warnings
    for spec in TINY:
        assert costmodel.predict(archs.build(spec), profile).latency_ms > 0
    with pytest.raises(costmodel.CostError, match="at least"):
        fit(records[:3], records[3:], Regime(), "tiny", {}, 1.0, 1.0)


@pytest.mark.slow
def test_cancelling_leaves_the_profile_that_was_there(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("before")
    calls = []

    def cancel():
        calls.append(1)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        costmodel.calibrate(path=path, quick=True, cancel=cancel)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]


def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(costmodel.CostError, match="not there"):
        costmodel.calibrate(device="npu")


def test_the_suite_is_large_and_unseen():
    entries = suite()
    assert len(entries) >= 100
    assert len({entry.graph for entry in entries}) == len(entries)
    without = suite(frozenset(entry.graph for entry in entries[:5]))
    assert {e.spec for e in without}.isdisjoint({e.spec for e in entries[:5]})
    assert {e.group for e in entries} == {"catalogue", "edited", "table", "imported"}


@pytest.mark.slow
def test_earlier_timings_of_another_regime_are_refused(session, tmp_path):
    path = tmp_path / "then.raw.jsonl"
    for missing in (path, tmp_path):
        with pytest.raises(costmodel.CostError, match="no raw timings"):
            costmodel.calibrate(earlier=missing)
    path.write_text(raw_text(session.records, Regime(batch=2)), encoding="utf-8")
    with pytest.raises(
        costmodel.CostError, match="then.raw.jsonl: timings of cpu-1t-nchw-b2-eager; this calibration is"
    ):
        costmodel.calibrate(earlier=path)


@pytest.mark.slow
@pytest.mark.timing
def test_calibrate_and_validate_in_a_minute(tmp_path):
    path = tmp_path / "p.json"
    shares = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the machine may be noisy
        profile = costmodel.calibrate(path=path, seconds=20, progress=lambda share, what: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert costmodel.load_profile(path) == profile
    regime, records = read_raw(raw_path(path))
    assert regime == profile.regime
    assert len(records) == profile.networks
    more = tmp_path / "more.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = costmodel.calibrate(path=more, seconds=8, earlier=raw_path(path))
    _, found = read_raw(raw_path(more))
    assert found[: len(records)] == records
    assert len({made(record.spec) for record in found}) == len(found) == both.networks > profile.networks
    assert {record.chunk for record in found[len(records) :]}.isdisjoint({record.chunk for record in records})
    report = validate(profile, raw_path(path), suite()[:8], families=("shufflenet_v1",))
    assert len(report.table()) > 5
    assert "isolated look-up" in report.baselines
    assert "MAPE" in str(report)
