"""Drift told by reference networks: made-up sessions whose slowness is known."""

import pytest

from costmodel.drift import ALL, CLEAR_US, FEWEST, between, by_kind

KINDS = ("conv", "add") * 5 + ("rare",)


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
