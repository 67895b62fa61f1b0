"""Drift told by reference networks: made-up runs whose slowness is known."""

import numpy as np
import pytest

from costmodel.drift import ALL, CLEAR_US, FEWEST, Samples, between, by_kind, evened, slowness

KINDS = ("conv", "add") * 5 + ("rare",)
TRUE = [{"conv": 1.0, "add": 1.0}, {"conv": 1.02, "add": 1.3}, {"conv": 1.0, "add": 1.0}, {"conv": 1.1, "add": 1.2}]


def runs(seed: int, noise: float = 0.0) -> Samples:
    """Three runs in each of four moments; noise only adds."""
    rng = np.random.default_rng(seed)
    quiet_us = rng.uniform(20, 200, len(KINDS))
    moments = np.repeat(np.arange(len(TRUE)), 3)
    slow = np.array([[TRUE[m].get(kind, 1.05) for kind in KINDS] for m in moments])
    return Samples(KINDS, moments, quiet_us * slow * (1 + noise * rng.exponential(size=slow.shape)))


def test_each_moments_slowness_is_found_by_kind():
    found = slowness([runs(seed) for seed in range(4)], len(TRUE))
    for slow, true in zip(found, TRUE):
        assert slow["conv"] == pytest.approx(true["conv"], rel=1e-6)
        assert slow["add"] == pytest.approx(true["add"], rel=1e-6)
        assert "rare" not in slow  # four nodes say too little


def test_evened_runs_are_those_of_a_quick_moment():
    samples = runs(9)
    slow = slowness([runs(seed) for seed in range(4)], len(TRUE))
    times = evened(samples, slow)[:, :-1]
    np.testing.assert_allclose(times, np.broadcast_to(times[0], times.shape), rtol=1e-6)


def test_noise_that_only_adds_does_not_hide_it():
    found = slowness([runs(seed, noise=0.03) for seed in range(12)], len(TRUE))
    assert found[1]["add"] == pytest.approx(1.3, rel=0.02)
    assert found[3]["conv"] == pytest.approx(1.1, rel=0.02)


def test_one_disturbed_run_in_a_moment_is_not_drift():
    references = [runs(seed) for seed in range(4)]
    for samples in references:
        samples.nodes_us[4] *= 5  # the second run in moment 1
    assert slowness(references, len(TRUE))[1]["add"] == pytest.approx(1.3)


def test_without_references_or_with_one_moment_nothing_is_divided_out():
    assert slowness([], 3) == [{ALL: 1.0}] * 3
    assert slowness([runs(0)], 1) == [{ALL: 1.0}]


def test_a_reference_that_was_not_run_in_each_moment_does_not_count():
    whole, part = runs(0), runs(1)
    part = part._replace(moments=part.moments[3:], nodes_us=part.nodes_us[3:] * 7)
    assert slowness([whole, part], len(TRUE)) == slowness([whole], len(TRUE))


def test_two_sessions_are_compared_kind_by_kind():
    then = [by_kind(KINDS, [40.0] * len(KINDS))] * FEWEST
    now = [by_kind(KINDS, [44.0, 60.0] * 5 + [40.0])] * FEWEST
    slow = between(now, then)
    assert slow["conv"] == pytest.approx(1.1)
    assert slow["add"] == pytest.approx(1.5)
    assert slow[ALL] == pytest.approx((5 * 44 + 5 * 60 + 40) / (11 * 40))


def test_a_kind_that_few_networks_have_or_that_is_too_quick_takes_the_speed_of_all():
    then = [by_kind(KINDS, [40.0] * 10 + [CLEAR_US / 2])] * FEWEST
    then[0] = then[0] | {"only here": 100.0}
    slow = between([{kind: 2 * time_us for kind, time_us in one.items()} for one in then], then)
    assert slow.keys() == {ALL, "conv", "add"}
    assert between([], []) == {ALL: 1.0}
