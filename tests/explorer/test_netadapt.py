"""NetAdapt on a table: steps, schedules, choices and the log; proposals of every kind build."""

from math import isnan
from random import Random

import pytest

import archs
import costmodel
from archs import ArchError
from archs.tables.rows import InvertedResidual
from explorer.search import netadapt
from explorer.search.netadapt import Adapter, NetAdaptVersion, TableScorer, adapt
from explorer.search.objectives import objective
from explorer.search.parts import digest_of
from explorer.search.proposals import KINDS, knobs, reductions, unrolled


class Seeded:
    """A random score per network: the choices of a run are those of its seed."""

    name, tier = "seeded", "proxy"

    def __init__(self, number):
        self.number = number

    def begin(self, spec):
        return Random(f"{self.number}/{digest_of(spec)}").random(), None

    def score(self, made, state):
        return self.begin(made.spec)


@pytest.fixture(scope="module")
def found():
    adapter = Adapter(costmodel.load_profile("cpu"), 1e-3, TableScorer(objective("params")), whole_interval=False)
    return adapt(archs.spec("mobilenet_v3_small"), adapter, max_steps=3)


def test_the_schedules_to_the_digit():
    original, v3 = netadapt.VERSIONS["original"], netadapt.VERSIONS["mobilenet_v3"]
    assert [round(original.share(step), 12) for step in (1, 2, 3, 4)] == [0.025, 0.024, 0.02304, 0.0221184]
    assert [v3.share(step) for step in (1, 2, 50)] == [0.01, 0.01, 0.01]


def test_each_step_takes_its_share_off(found):
    seed = found.steps[0].latency_ms
    for before, step in zip(found.steps, found.steps[1:]):
        assert step.least_ms == 0.01 * seed
        assert before.latency_ms - step.latency_ms == step.chosen.gain_ms >= step.least_ms
        graph = archs.build(step.spec)
        assert step.latency_ms == pytest.approx(costmodel.predict(graph, "cpu").latency_ms, rel=1e-9)


def test_the_best_ratio_is_chosen_and_the_others_are_logged(found):
    for before, step in zip(found.steps, found.steps[1:]):
        assert {(one.kind, one.where) for one in step.proposals} == {
            (knob.kind, knob.where) for knob in knobs(before.spec, ("expansion", "bottleneck"))
        }
        scored = [one for one in step.proposals if one.verdict != netadapt.TOO_LITTLE]
        assert step.chosen.per_ms == max(one.per_ms for one in scored)
        for one in step.proposals:
            assert (one.verdict == netadapt.TOO_LITTLE) == isnan(one.score) == (not one.gain_ms >= step.least_ms)
            assert one.inside_interval == (isnan(one.low_ms) or one.low_ms <= before.latency_ms <= one.high_ms)


def test_the_original_chooses_the_highest_accuracy():
    adapter = Adapter(
        costmodel.load_profile("cpu"), 1e-3, Seeded(1), netadapt.VERSIONS["original"], whole_interval=False
    )
    seed, first, second = adapt(archs.spec("shufflenet_v1"), adapter, max_steps=2).steps
    for step, share in ((first, 0.025), (second, 0.024)):
        assert step.chosen.score == max(one.score for one in step.proposals if not isnan(one.score))
        assert step.chosen.gain_ms >= step.least_ms == pytest.approx(share * seed.latency_ms)


def test_the_largest_network_that_is_fast_enough_is_proposed(found):
    before, step = found.steps[0], found.steps[1]
    knob = next(k for k in knobs(before.spec) if (k.kind, k.where) == (step.chosen.kind, step.chosen.where))
    for one in reductions(before.spec, knob):
        gain = before.latency_ms - costmodel.predict(archs.build(one.spec), "cpu").latency_ms
        if one.change == step.chosen.change:
            break
        assert gain < step.least_ms


def test_a_target_that_no_proposal_reaches(found):
    big = NetAdaptVersion("big", 0.9, 1.0, ("expansion",), "ratio")
    adapter = Adapter(costmodel.load_profile("cpu"), 1e-3, Seeded(0), big, whole_interval=False)
    ended = adapt(archs.spec("mobilenet_v3_small"), adapter)
    assert not ended.met
    assert len(ended.steps) == 1
    assert "no proposal takes" in ended.reason
    assert f"is {ended.steps[0].latency_ms:.3g} ms" in ended.reason


def test_blocks_that_a_shortcut_ties_shrink_together():
    spec = unrolled(archs.spec("mobilenet_v2"))
    tied = next(knob for knob in knobs(spec, ["bottleneck"]) if len(knob.rows) > 2)
    one = next(reductions(spec, tied))
    adds = [sum(node.path.endswith("/add") for node in archs.build(s).nodes) for s in (spec, one.spec)]
    assert adds[0] == adds[1]
    assert {one.spec.rows[row].channels for row in tied.rows} == {24 if tied.now == 32 else tied.now - 8}


@pytest.mark.slow
@pytest.mark.parametrize("name", archs.names())
def test_every_proposal_builds_in_multiples_of_eight(name):
    """One step of each kind, drawn by seed, on every network of the catalogue: exports run, only its cells differ."""
    rng, spec = Random(name), unrolled(archs.spec(name).edit(resolution=64))
    assert archs.build(spec).nodes == archs.build(archs.spec(name).edit(resolution=64)).nodes
    for kind in KINDS:
        chosen = [knob for knob in knobs(spec, [kind])]
        for knob in rng.sample(chosen, min(2, len(chosen))):
            for one in list(reductions(spec, knob))[:2]:
                graph = archs.build(one.spec)
                assert graph.output == archs.build(spec).output
                if knob.column in ("channels", "expanded", "inner"):
                    assert all(getattr(one.spec.rows[row], knob.column) % 8 == 0 for row in knob.rows)
                if knob.kind == "kernel":
                    assert all(row.kernel >= 3 for row in one.spec.rows if isinstance(row, InvertedResidual))


def test_unknown_words_name_those_known():
    for call in (lambda: netadapt.version("v4"), lambda: knobs(archs.spec("mobilenet_v2"), ["wider"])):
        with pytest.raises(ArchError, match="allowed: "):
            call()
    with pytest.raises(ArchError, match="allowed: above 0"):
        Adapter(costmodel.load_profile("cpu"), -1.0, Seeded(0))
    with pytest.raises(ArchError, match="own space"):
        TableScorer(objective("nas_bench_macro")).begin(archs.spec("mobilenet_v2"))
