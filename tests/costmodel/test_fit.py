"""Fitting: what is learned from made-up timings, and the intervals around it. No clock."""

import random
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.synthetic_profiles import US_PER_BYTE, US_PER_MULT_ADD, US_PER_START, made_up

import archs
import costmodel
from archs.tables.rows import Conv
from costmodel.calibration.fit import NETWORKS_PER_TREE, PRIOR_STRENGTHS, _nodes_to_network, _normalise_chunks, fit
from costmodel.calibration.holdout import (
    BETWEEN_SESSIONS_STD,
    MEAN_DEVIATION,
    SESSION_STD,
    SPAN,
    assess,
    errors,
    price_record,
)
from costmodel.calibration.sample import STACK, table_networks
from costmodel.latency.features import COLUMNS, features
from costmodel.latency.profile import DeviceProfile, Regime, percentile_half_width
from costmodel.networks.synthetic import made
from costmodel.timing.timing_records import Record


@pytest.fixture(scope="module")
def profile(made_up_profile) -> DeviceProfile:
    return made_up_profile


def test_a_straight_line_is_learned(profile):
    held_out = profile.held_out["all"]
    assert held_out.mape < 1
    assert held_out.within_10 == 100
    record = made_up(archs.spec("mobilenet_v2", width=1.3))
    predicted = costmodel.predict(archs.build(record.spec), profile).latency_ms
    assert predicted == pytest.approx(record.network_us / 1e3, rel=0.06)


@pytest.mark.slow
def test_a_slow_minute_of_a_session_is_divided_out():
    sample, minutes = table_networks(3), 3
    records = [made_up(next(sample)[0]) for _ in range(90)]
    records = [
        replace(record.speed_normalised(Regime(), {"all": 1.0 if i % minutes else 1 / 1.3}), chunk=i % minutes)
        for i, record in enumerate(records)
    ]
    found = fit(records[:72], records[72:], Regime(), "made up", {"device": "cpu"}, 1000.0, 1.0)
    assert found.held_out["all"].mape < 3


def test_what_is_doubtful_in_the_judged_does_not_widen_the_interval(profile):
    sample = table_networks(5)
    judged = [made_up(next(sample)[0]).speed_normalised(Regime(), {"all": 1.1 if i % 2 else 0.9}) for i in range(20)]

    def variance(doubt: float) -> float:
        half = assess(profile, [replace(record, standard_error=doubt) for record in judged]).half_interval
        return half**2 - (SPAN * BETWEEN_SESSIONS_STD) ** 2

    assert variance(0.0) > 0.1**2
    doubted = {doubt: (doubt**2 + SESSION_STD**2) / (0.1 / MEAN_DEVIATION) ** 2 for doubt in (0.0, 0.08)}
    for doubt, share in (doubted | {1.0: 3 / 4}).items():  # it may not explain everything
        assert variance(doubt) == pytest.approx(variance(1.0) * 4 * (1 - share), rel=0.1)


def test_how_far_one_in_forty_is_off_says_nothing_of_the_interval(profile):
    sample = table_networks(5)
    judged = [made_up(next(sample)[0]).speed_normalised(Regime(), {"all": 1.05 if i % 2 else 0.95}) for i in range(40)]
    for size, other in ((0.8, 1.0), (3.0, 1.0), (0.5, 1.2)):
        one, another = (
            assess(profile, [judged[0].speed_normalised(Regime(), {"all": x}), *judged[1:]]) for x in (size, other)
        )
        assert one.half_interval == pytest.approx(another.half_interval, rel=0.02)
    three = [record.speed_normalised(Regime(), {"all": 2.0}) for record in judged[:3]]
    assert assess(profile, [*three, *judged[3:]]).half_interval > 1.5 * another.half_interval


def stepped(spec) -> Record:
    """A machine that takes its time where a width does not fill a vector."""
    record = made_up(spec)
    odd = features(made(spec)).columns[:, COLUMNS.index("out_mod_8")] > 0
    nodes = np.array(record.nodes_us) * np.where(odd, 1.8, 1.0)
    return replace(record, nodes_us=tuple(nodes.tolist()), network_us=float(nodes.sum()))


@pytest.mark.slow
def test_a_fit_goes_on_from_the_forests_of_another_machine():
    sample = (spec for spec, _ in table_networks(7) if spec.name != STACK)  # in two nodes, luck decides
    met = [stepped(next(sample)) for _ in range(60)]
    prior = fit(met[:50], met[50:], Regime(), "met", {"device": "cpu"}, 1.0, 1.0)
    here = [stepped(next(sample)).speed_normalised(Regime(), {"all": 0.5}) for _ in range(40)]  # twice as slow
    few = [record for record in here[:20] if "grouped_convolution" not in record.kinds(Regime())][:10]
    anew, on = (fit(few, here[20:], Regime(), "few", {}, 1.0, 1.0, prior=known) for known in (None, prior))
    assert (anew.prior, on.prior) == (None, "met")
    assert (anew.prior_strength, on.prior_strength) == (None, max(PRIOR_STRENGTHS))
    assert on.held_out["all"].mape < 0.5 * anew.held_out["all"].mape
    assert "no grouped_convolution was timed: it is priced as convolution" in anew.warnings
    assert "no grouped_convolution was timed: it is priced as met has it, at this machine's speed" in on.warnings


@pytest.mark.slow
def test_a_fit_goes_on_from_a_machine_with_other_strengths(profile):
    def unlike(spec) -> Record:
        """Ten times as long to start a kernel."""
        work = features(made(spec)).work
        nodes = work @ np.array([10 * US_PER_START, *[US_PER_BYTE] * 3, US_PER_MULT_ADD])
        return Record(spec, float(nodes.sum()), tuple(nodes.tolist()), 0.01, 9)

    sample = (spec for spec, _ in table_networks(6) if spec.name != STACK)
    records = [unlike(next(sample)) for _ in range(80)]
    found = fit(records[:60], records[60:], Regime(), "unlike", {}, 1.0, 1.0, prior=profile)
    assert found.held_out["all"].mape < 2
    assert found.node_interval < 0.1
    assert found.prior_strength == min(PRIOR_STRENGTHS)


@pytest.mark.slow
def test_what_is_not_known_of_a_kind_is_no_slow_minute(profile):
    """Small groups take longer than the profile that the fit goes on from knows, and one chunk is full of them."""
    rng, sample = random.Random(8), (spec for spec, _ in table_networks(8) if spec.name != STACK)

    def timed(spec, chunk: int) -> Record:
        found = features(made(spec))
        small = found.columns[:, COLUMNS.index("log_group_in")] < np.log(16)
        nodes = np.array(made_up(spec).nodes_us)
        nodes[small & (np.array(found.kinds) == "grouped_pointwise")] *= 2
        return Record(spec, float(nodes.sum()), tuple(nodes.tolist()), 0.01, 9, chunk=chunk)

    def stack() -> archs.Spec:
        rows = [Conv(stage=f"row{i}", channels=4 * rng.randint(4, 15), kernel=1, groups=4) for i in range(3)]
        return archs.Spec(name=STACK, rows=tuple(rows), input_channels=16, resolution=rng.randint(7, 28))

    records = [timed(next(sample), chunk) for chunk in (0, 1) for _ in range(20)]
    stacks = [timed(stack(), 1) for _ in range(14)]
    even, _ = _normalise_chunks(records + stacks, (), Regime(), profile)
    first = [now.nodes_us[0] / then.nodes_us[0] for now, then in zip(even[len(records) :], stacks)]
    assert np.median(first) == pytest.approx(1, abs=0.03)


@pytest.mark.slow
def test_many_networks_take_more_trees_than_a_few(profile, monkeypatch):
    monkeypatch.setattr("costmodel.calibration.fit.ADDED_TREES", 2)
    sample = table_networks(9)
    judged, met = ([made_up(next(sample)[0]) for _ in range(size)] for size in (8, 5 * NETWORKS_PER_TREE))
    few, many = (fit(some, judged, Regime(), "on", {}, 1.0, 1.0, prior=profile) for some in (met[:9], met))
    known, with_few, with_many = (len(p.predictors["pointwise"].values) for p in (profile, few, many))
    assert (with_few - known, with_many - known) == (2, 5)


@pytest.mark.slow
def test_what_judges_is_believed_where_it_was_timed_in_other_minutes(profile, monkeypatch):
    monkeypatch.setattr("costmodel.calibration.fit.ADDED_TREES", 2)
    monkeypatch.setattr(
        "costmodel.calibration.fit._node_error", lambda found, _: 1 - PRIOR_STRENGTHS.index(found.prior_strength) / 100
    )
    sample = table_networks(10)
    records = [made_up(next(sample)[0]) for _ in range(18)]
    for chunk, hold in ((0, max(PRIOR_STRENGTHS)), (1, min(PRIOR_STRENGTHS))):
        judged = [replace(record, chunk=chunk) for record in records[10:]]
        assert fit(records[:10], judged, Regime(), "on", {}, 1.0, 1.0, prior=profile).prior_strength == hold


@pytest.mark.slow
def test_an_interval_is_also_that_of_the_profile_that_is_held_on_to(profile, monkeypatch):
    """For as many networks as judged the new one at most, and of the same regime only."""
    monkeypatch.setattr("costmodel.calibration.fit.ADDED_TREES", 2)
    sample = table_networks(12)
    records = [made_up(next(sample)[0]) for _ in range(18)]

    def half(best: float, prior_half: float, networks: int, regime: Regime) -> float:
        monkeypatch.setattr(
            "costmodel.calibration.fit._node_error", lambda found, _: float(found.prior_strength != best)
        )
        held_out = profile.held_out | {"all": profile.held_out["all"].model_copy(update={"networks": networks})}
        known = profile.model_copy(update={"half_interval": prior_half, "held_out": held_out, "regime": regime})
        return fit(records[:10], records[10:], Regime(), "on", {}, 1.0, 1.0, prior=known).half_interval

    own = half(max(PRIOR_STRENGTHS), 0.3, 0, Regime())
    assert own < 0.1
    assert half(max(PRIOR_STRENGTHS), 0.3, 4, Regime()) == pytest.approx(((8 * own**2 + 4 * 0.3**2) / 12) ** 0.5)
    assert half(max(PRIOR_STRENGTHS), 0.3, 800, Regime()) == pytest.approx(((own**2 + 0.3**2) / 2) ** 0.5)
    assert half(max(PRIOR_STRENGTHS), 0.3, 800, Regime(threads=2)) == own
    assert half(min(PRIOR_STRENGTHS), 0.3, 800, Regime()) != pytest.approx(((own**2 + 0.3**2) / 2) ** 0.5, rel=0.1)


def test_errors_are_relative_to_what_was_measured():
    found = errors([100, 100, 100, 100], [103, 93, 108, 120], half_interval=0.1)
    assert (found.mape, found.within_5, found.within_10) == (9.5, 25.0, 75.0)
    assert found.bias == 6.0
    assert found.coverage == 75.0


def test_the_interval_covers_its_share_of_new_residuals():
    rng = random.Random(1)
    covered = []
    for _ in range(300):
        half = percentile_half_width([rng.gauss(0, 0.03) for _ in range(80)])
        covered.append(abs(rng.gauss(0, 0.03)) <= half)
    assert 0.85 < sum(covered) / len(covered) < 0.95


def test_stacks_do_not_tell_what_networks_take(profile):
    """A call of a few nodes takes less than the line of the others says, as on GPUs."""
    sample = table_networks(12)
    records = [made_up(next(sample)[0]) for _ in range(110)]
    stacks = [replace(record, network_us=0.9 * record.network_us) for record in records if record.spec.name == STACK]
    whole = [record for record in records if record.spec.name != STACK]
    few = len(stacks) - 5
    line = _nodes_to_network(Regime(), profile.predictors, stacks + whole[:few])
    found = SimpleNamespace(name="line", regime=Regime(), predictors=profile.predictors, **asdict(line))
    off = [price_record(found, record).network_us / record.network_us for record in whole[few:]]
    assert np.median(off) == pytest.approx(1, abs=0.003)


@pytest.mark.slow
def test_what_clocks_take_and_what_a_call_takes_beside_its_operators_is_learned():
    sample, regime, clock_us, call_us = table_networks(11), Regime(device="cuda"), 2.0, 12.0

    def timed(spec) -> Record:
        record = made_up(spec)
        nodes = tuple([time_us + clock_us for time_us in record.nodes_us])
        return replace(record, nodes_us=nodes, network_us=sum(record.nodes_us) + call_us)

    records = [timed(next(sample)[0]) for _ in range(60)]
    found = fit(records[:45], records[45:], regime, "made up", {"device": "cuda"}, 1.0, 1.0)
    assert found.per_node_us == pytest.approx(-clock_us, rel=0.05)
    assert found.per_call_us == pytest.approx(call_us, rel=0.05)
    assert found.held_out["all"].mape < 1
