"""200 seeded adaptations over the whole catalogue: valid graphs, steps of at least their share, schedules; the figures."""

from itertools import pairwise
from math import nan
from random import Random

import pytest

import archs
import costmodel
from explorer.data import frontier
from explorer.figures.search import adaptation as figures
from explorer.search import netadapt
from explorer.search.netadapt import CHOSEN, PASSED_OVER, AdaptedStep, Adapter, NetAdaptVersion, Proposal, adapt
from explorer.search.proposals import KINDS

RUNS, SHARDS = 200, 8


class Seeded:
    """A random score per proposal."""

    name, tier = "seeded", "proxy"

    def __init__(self, rng):
        self.rng = rng

    def begin(self, spec):
        return self.rng.random(), None

    def score(self, made, state):
        return self.begin(made.spec)


def _price(graphs, profile, folded):
    """Milliseconds from counts, so that the runs take seconds; the profiles' own are in test_netadapt.py."""
    totals = costmodel.count_many(graphs)
    times = [one.mult_adds / 1e7 + one.params / 1e6 + len(graph.nodes) / 1e2 for one, graph in zip(totals, graphs)]
    return [(ms, 0.9 * ms, 1.1 * ms) for ms in times]


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_run_makes_an_invalid_graph_or_a_step_too_small(shard, monkeypatch):
    monkeypatch.setattr(netadapt, "price_each", _price)
    names, taken = archs.names(), 0
    for number in range(shard, RUNS, SHARDS):
        rng = Random(number)
        kinds = tuple(rng.sample(tuple(KINDS), 2))
        version = NetAdaptVersion(
            "run", *rng.choice(((0.01, 1.0), (0.025, 0.96))), kinds, rng.choice(("ratio", "accuracy"))
        )
        spec = archs.spec(names[number % len(names)]).edit(resolution=64)
        adapter = Adapter(costmodel.load_profile("cpu"), 1e-6, Seeded(rng), version)
        found = adapt(spec, adapter, max_steps=1 if number % 3 else 2)
        output = archs.build(spec).output
        for before, step in pairwise(found.steps):
            assert step.least_ms == version.first * version.decay ** (step.number - 1) * found.steps[0].latency_ms
            assert before.latency_ms - step.latency_ms == step.chosen.gain_ms >= step.least_ms
            graph = archs.build(archs.Spec.from_json(step.spec.to_json()))
            assert (graph.nodes, graph.output) == (archs.build(step.spec).nodes, output)
            compile(archs.to_source(graph), "exported", "exec")
            taken += 1
    assert taken > RUNS / SHARDS / 2  # a network may have nothing of the kinds that were drawn


def _steps():
    def proposal(inside):
        return Proposal("expansion", "stage1/block1", "64 → 56", 9.0, 8.0, 9.9, 1.0, 70.0, -1.0, inside, CHOSEN)

    spec = archs.spec("mnasnet_a1")
    rejected = Proposal("width", "stem", "32 → 24", 9.5, 9.0, 9.9, 1.0, 69.0, -2.0, True, PASSED_OVER)
    return (
        AdaptedStep(0, 0.0, spec, 10.0, 9.5, 10.5, 71.0),
        AdaptedStep(1, 0.1, spec, 9.0, 8.0, 9.9, 70.0, (rejected, proposal(False))),
        AdaptedStep(2, 0.1, spec, 8.5, nan, nan, 69.5, (proposal(True),)),
    )


def test_the_staircase_marks_steps_inside_their_interval():
    drawn = figures.staircase(_steps(), 8.0, "estimated top-1, %").to_dict()
    latency, target, score = drawn["data"]
    assert latency["y"] == [10.0, 9.0, 8.5]
    assert score["y"] == [71.0, 70.0, 69.5]
    assert latency["line"]["shape"] == score["line"]["shape"] == "hv"
    assert latency["marker"]["symbol"] == ["circle", "circle", "circle-open"]
    assert [one[0] for one in latency["customdata"]] == [0, 1, 2]
    assert latency["customdata"][1][1] == "expansion stage1/block1 64 → 56"
    assert target["y"] == [8.0, 8.0]
    figures.staircase(_steps(), 8.0, "x").data  # noqa: B018 plotly checks every property


def test_the_steps_stand_beside_what_the_device_is_published_for():
    published = frontier.timed_on("Pixel 1 single large core")
    drawn = figures.beside_published(_steps(), published, "estimated")
    assert list(drawn.data[0].x) == [10.0, 9.0, 8.5]
    large = next(one for one in drawn.data if one.name == "MobileNetV3-Large, published")
    rows = published[published["family"] == "MobileNetV3-Large"]
    assert list(large.x) == list(rows["latency_ms"])
    assert {(51.0, 75.2), (51.2, 75.2)} <= set(zip(rows["latency_ms"], rows["top1_pct"]))
    assert len(frontier.timed_on("nothing")) == 0
