"""Measured networks: the next search has a corrected limit, and one disturbed build decides nothing."""

from __future__ import annotations

import pytest

import archs
import costmodel
from archs import ArchError
from costmodel.timing.stopwatch import Timing, check_device, processor
from explorer.cli.main import main
from explorer.search import confirmation
from explorer.search.confirmation import BUILDS, Trial, check_here, confirmed, timed
from explorer.search.search import Candidate

TARGET_MS = 10.0
BELOW = 3.0
"""No network of `_search` is this fast."""


def _network(limit_ms: float) -> Candidate:
    """As a search finds them: the upper end meets its limit."""
    return Candidate((0,), f"{limit_ms:.3f}", limit_ms, limit_ms / 1.04, limit_ms / 1.08, limit_ms, 1, 1)


def _search(limit_ms: float) -> list[Candidate]:
    if limit_ms < BELOW:
        raise ArchError(f"no network meets {limit_ms} ms")
    return [_network(0.8 * limit_ms), _network(limit_ms)]


def _with(profile, **settings):
    """The profile, of another regime."""
    return profile.model_copy(update={"regime": profile.regime.model_copy(update=settings)})


def _slower(ratio: float):
    return lambda one: [ratio * one.latency_ms] * BUILDS


def test_a_network_that_keeps_the_target_is_measured_once():
    (trial,) = confirmed(_search, TARGET_MS, _slower(1.02))
    assert trial.candidate == _network(TARGET_MS)
    assert trial.keeps(TARGET_MS)


def test_measured_over_predicted_corrects_the_next_limit():
    first, second = confirmed(_search, TARGET_MS, _slower(1.25))
    assert first.limit_ms == TARGET_MS
    assert not first.keeps(TARGET_MS)
    assert second.limit_ms == pytest.approx(TARGET_MS / 1.25)
    assert 1.25 * second.candidate.high_ms == pytest.approx(TARGET_MS)
    assert second.keeps(TARGET_MS)


def test_one_disturbed_build_decides_nothing():
    (trial,) = confirmed(_search, TARGET_MS, lambda one: [one.latency_ms] * (BUILDS - 1) + [5 * one.latency_ms])
    assert trial.keeps(TARGET_MS)
    assert not Trial(TARGET_MS, trial.candidate, (9.0,) * (BUILDS - 2) + (11.0, 50.0)).keeps(TARGET_MS)


def test_it_ends_where_no_network_is_fast_enough():
    ratios = iter((2.0, 4.0))
    trials = list(confirmed(_search, TARGET_MS, lambda one: [next(ratios) * one.latency_ms] * BUILDS))
    assert [trial.limit_ms for trial in trials] == [TARGET_MS, TARGET_MS / 2]
    assert not trials[-1].keeps(TARGET_MS)


def test_it_gives_up_after_so_many_networks():
    assert len(list(confirmed(_search, TARGET_MS, lambda one: [1.01 * TARGET_MS] * BUILDS, tries=3))) == 3


def test_a_target_that_the_first_search_misses_is_its_error():
    with pytest.raises(ArchError, match="no network meets 2"):
        list(confirmed(_search, 2.0, _slower(1.0)))


def test_a_profile_of_another_machine_is_refused():
    profile = costmodel.load_profile("cpu")
    here = processor(check_device("cpu"))
    of_here = profile.model_copy(update={"environment": {**profile.environment, "processor": here}})
    check_here(of_here)
    other = profile.model_copy(update={"environment": {**profile.environment, "processor": "Cortex-A76"}})
    with pytest.raises(costmodel.CostError, match="is of Cortex-A76, and this machine has .*calibrate --output"):
        check_here(other)


def test_builds_are_timed_in_the_regime_of_the_profile(monkeypatch):
    seen = []
    profile = costmodel.load_profile("cpu")
    regime = _with(profile, threads=2, batch=3, folded=True)

    def measure(graph, shape, threads, device, layout, runs):
        seen.append((len(graph.nodes), shape, threads, device, layout))
        return Timing(float(len(seen)), 0.1, 0.9, runs, False)

    monkeypatch.setattr(costmodel, "measure", measure)
    graph = archs.build("mobilenet_v2")
    assert timed(graph, regime) == tuple(float(n) for n in range(1, BUILDS + 1))
    assert set(seen) == {(len(archs.fold_batchnorm(graph).nodes), (3, 3, 224, 224), 2, "cpu", "nchw")}


COMMAND = ["search", "nas_bench_macro", "--objective", "nas_bench_macro", "--target", "8", "--strategy", "random"]


def test_the_command_returns_the_network_that_keeps_its_target(tmp_path, monkeypatch, capsys):
    ratios = iter((1.5, 1.0))
    monkeypatch.setattr("explorer.cli.search.check_here", lambda profile: None)
    monkeypatch.setattr(
        "explorer.cli.search.timed",
        lambda graph, profile: (next(ratios) * costmodel.predict(graph, profile).latency_ms,) * BUILDS,
    )
    monkeypatch.chdir(tmp_path)
    assert main([*COMMAND, "--evaluations", "4", "--measure"]) == 0
    said = capsys.readouterr().out
    assert "misses 8 ms, 0 of 5 builds within" in said
    assert "keeps 8 ms, 5 of 5 builds within" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--measure", "--w", "-0.07"], "--measure keeps the target, --w makes it a soft one; allowed: one of them"),
        (["--measure", "--profile", "pixel1"], "profile Pixel 1 large core is of Pixel 1"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(arguments, said, capsys, monkeypatch):
    monkeypatch.setattr(confirmation, "timed", lambda *given: pytest.fail("nothing is timed"))
    assert main([*COMMAND, *arguments]) == 2
    assert said in capsys.readouterr().err
