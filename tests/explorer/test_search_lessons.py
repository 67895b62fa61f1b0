"""The lessons of the two searches: MnasNet's reward, and NetAdapt's steps replayed on the Pixel 1."""

from __future__ import annotations

from itertools import pairwise

import pytest

import archs
from explorer.lab.lessons import questions, search_charts, searches
from explorer.search.netadapt import Adapter, TableScorer
from explorer.search.objectives import objective

pytestmark = pytest.mark.slow


def test_twice_the_latency_is_worth_five_percent():
    assert searches.worth_of_double(-0.07) == pytest.approx(2**0.07 - 1)
    assert questions.BLOCKWISE.options[questions.BLOCKWISE.answer()] == "about 5 %"


def test_a_steeper_exponent_prefers_a_faster_network():
    table = searches.by_exponent(60.0)
    assert list(table["w"]) == list(searches.EXPONENTS)
    assert all(later <= earlier for earlier, later in pairwise(table["latency_ms"]))
    assert table["latency_ms"].iloc[-1] < table["latency_ms"].iloc[0]
    assert table["top1_pct"].iloc[0] == searches.drawn()["top1_pct"].max()
    assert [searches.preferred(target, -0.07) for target in (30.0, 90.0)] == [searches.preferred(60.0, -0.07)] * 2


def test_two_preferred_networks_stand_side_by_side_stage_by_stage():
    """As one text per network, of up to 500 characters, a cell of the grid had cut it off."""
    table = searches.by_stage(60.0, [0.0, -0.07])
    assert list(table["stage"]) == [f"stage{number}" for number in range(1, 8)]
    assert list(table) == ["stage", "w = 0", "w = −0.07"]
    assert (table["w = 0"] != table["w = −0.07"]).any()
    assert table["w = −0.07"][3] == "4 × sepconv 5×5, 48 channels, SE 0.25"


def test_no_network_lies_above_the_line_of_equal_reward():
    table = searches.drawn()
    best = table.loc[searches.preferred(60.0, -0.15)]
    line = searches.indifference(best["top1_pct"], best["latency_ms"], -0.15, list(table["latency_ms"]))
    assert all(table["top1_pct"] <= [pct + 1e-9 for pct in line])
    names = [one.name for one in search_charts.rewards(60.0, -0.15).data]
    assert names == ["drawn networks", "equal reward", "preferred", "target"]


def test_every_replayed_step_takes_a_hundredth_off():
    steps = searches.replayed()
    assert steps[0].spec.name == "mnasnet_a1"
    assert all(before.latency_ms - after.latency_ms >= after.least_ms for before, after in pairwise(steps))
    assert steps[-1].latency_ms <= searches.TARGET_MS < steps[-2].latency_ms
    assert questions.LAYERWISE.answer() == 0


def test_the_blocks_of_both_networks_stand_side_by_side():
    seed, large = searches.blocks(searches.replayed()[0].spec), searches.blocks(searches.large())
    assert (len(seed), len(large)) == (16, 15)
    assert list(seed.columns) == list(large.columns)
    assert list(large["expanded"])[:4] == [16, 64, 72, 72]
    assert set(searches.published_rows()["family"]) >= {"MobileNetV3-Large", "MnasNet-A1"}


def test_the_replay_is_what_netadapt_chooses():
    """The first step; the whole replay takes minutes."""
    adapter = Adapter(searches.phone(), searches.TARGET_MS, TableScorer(objective("estimated")), whole_interval=False)
    first, state = adapter.first(archs.spec("mnasnet_a1"))
    step, _ = adapter.next([first], state, lambda *_: None)
    replayed = searches.replayed()
    assert (first.latency_ms, first.score) == (replayed[0].latency_ms, replayed[0].score)
    assert step.change == replayed[1].change
    assert (step.latency_ms, step.score) == pytest.approx((replayed[1].latency_ms, replayed[1].score))
