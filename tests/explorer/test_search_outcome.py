"""The outcome of a search: its baselines at the same target, which of them it does not beat, equal scores listed once."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

import archs
import costmodel
from explorer.figures.search import outcome as figures
from explorer.search.objectives import objective
from explorer.search.runs.baselines import Baseline, scaled, title
from explorer.search.runs.outcome import Outcome, kept, summary
from explorer.search.search import Candidate
from explorer.search.spaces import SPACES, space

TARGET_MS = 12.0
SEED = space("mobilenet_v2")


def candidate(score: float, ms: float, digest: str = "") -> Candidate:
    genome = tuple(0 for _ in SEED.lengths)
    return Candidate(genome, digest or f"{score}/{ms}", score, ms, ms - 0.5, ms + 0.5, 300_000_000, 3_000_000)


def outcome(*found: Candidate, name: str = "mult_adds", **others: object) -> Outcome:
    return Outcome(SEED, objective(name), TARGET_MS, None, found, **others)


@pytest.fixture(scope="module")
def baselines() -> list[Baseline]:
    profile = costmodel.load_profile("cpu")
    return list(scaled(SEED.base, archs.spec("shufflenet_v2"), profile, TARGET_MS, objective("estimated")))


def test_the_seed_and_the_open_network_are_scaled_to_the_target(baselines):
    titles = [one.title for one in baselines]
    families = [text.split(" (")[0] for text in titles]
    assert families == ["MobileNetV2", "MobileNetV2", "ShuffleNetV2", "ShuffleNetV2"]
    assert [("width" in text, "resolution" in text) for text in titles] == [(True, False), (False, True)] * 2
    assert all(one.candidate and one.candidate.high_ms <= TARGET_MS for one in baselines)


def test_a_seed_is_shown_by_its_title():
    """A network that a search has found keeps the name of the space's base, and is another network than it."""
    assert not [title(space(name).base) for name in SPACES if "_" in title(space(name).base)]
    assert not [space(name).title for name in SPACES if "_" in space(name).title]
    base = space("mnasnet").base
    found = base.edit_row(1, kernel=5)
    assert (title(base), title(found), title(found.edit(name="mine"))) == (
        "MnasNet's base table",
        "the open network",
        "mine",
    )


def test_a_network_for_other_images_is_no_baseline():
    small = archs.spec("shufflenet_v2").edit(resolution=32)
    profile = costmodel.load_profile("cpu")
    found = list(scaled(SEED.base, small, profile, 0.001, objective("estimated")))
    assert [(one.candidate, one.reason) for one in found] == [(None, "none meets the target")] * 2
    (only,) = scaled(SEED.base, small, profile, TARGET_MS, objective("nas_bench_macro"))
    assert (only.candidate, only.reason) == (None, "no published accuracy")


def test_the_sentence_names_each_baseline_that_is_not_beaten():
    best, worse, better = candidate(70.0, 10), candidate(60.0, 11), candidate(80.0, 11)
    against = (Baseline("width × 0.5", worse), Baseline("any resolution", None, "none meets the target"))
    beats, said = outcome(best, random=(worse,), baselines=against).verdict
    assert (beats, said) == (True, "It beats random search (1 evaluation) and width × 0.5.")
    equal = outcome(best, random=(best,), baselines=(Baseline("width × 0.5", better),))
    assert equal.verdict == (
        False,
        "The search does not beat random search (1 evaluation) with 70 and width × 0.5 with 80.",
    )
    assert list(equal.comparison_table["the search is"]) == ["not better", "not better"]
    assert outcome().verdict == outcome(best).verdict == (True, "")


def test_a_difference_within_the_error_of_the_estimate_is_said():
    best, near = candidate(70.0, 10), candidate(69.9, 10)
    _, said = outcome(best, name="estimated", random=(near,)).verdict
    assert "the least difference, 0.1 points, is within the estimate's mean error" in said


def test_networks_with_equal_scores_are_listed_once_the_fastest_first():
    slow, fast, other = candidate(70.0, 11), candidate(70.0, 9), candidate(69.0, 8)
    assert outcome(slow, fast, other).best == (fast, other)


def test_a_latency_without_an_interval_is_in_words():
    """Soft targets allow networks outside of the calibrated range."""
    one = replace(candidate(70.0, 11), low_ms=nan, high_ms=nan)
    found = outcome(one, random=(one,))
    assert "at 11.0 ms, outside the calibrated range; it does not meet 12 ms" in summary(found)
    assert list(found.comparison_table["latency"]) == ["11.0 ms (outside the calibrated range)"]
    points = next(trace for trace in figures.pareto(found).data if trace.name == "search")
    assert points.customdata[0][3] == "11.0 ms (outside the calibrated range)"


def test_a_baseline_far_below_is_left_to_the_table():
    found = [candidate(70.0 + step / 10, 10 + step / 10) for step in range(10)]
    far, near = Baseline("far", candidate(40.0, 8)), Baseline("near", candidate(69.8, 8))
    drawn = outcome(*found, baselines=(far, near))
    (points,) = [trace for trace in figures.pareto(drawn).data if trace.name == "a table scaled as a whole"]
    assert list(points.text) == ["near"]
    assert "a table scaled as a whole (1 more below the figure)" in [name for *_, name in figures.legend(drawn)]
    both = replace(drawn, baselines=(near,))
    assert "a table scaled as a whole" in [name for *_, name in figures.legend(both)]


def test_measured_networks_tell_the_best_that_keeps_the_target():
    found = [candidate(9, 10.0), candidate(8, 9.0), candidate(7, 8.0)]
    said = kept(outcome(*found), list(zip(found, (13.0, 11.0, 9.0))))
    assert said.startswith("2 of 3 are within 12 ms when measured: network 1: 13 ms, network 2: 11 ms, ")
    assert said.endswith("The best that keeps it is network 2.")


def test_where_none_keeps_it_the_target_to_search_for_is_told():
    found = [candidate(9, 10.0), candidate(8, 10.0), candidate(7, 10.0)]
    said = kept(outcome(*found), list(zip(found, (15.0, 12.5, 13.0))))
    assert "They take 1.30 times their prediction here: a search for 9.23 ms" in said
