"""`predict_many` and `count_many` against the functions for one network."""

from random import Random

import numpy as np
import pytest

import archs
import costmodel
from archs.catalogue.sampling import random_spec
from costmodel.latency import bulk
from costmodel.latency.block_lives import joined, stages
from costmodel.latency.cache_ages import ages, touches
from costmodel.latency.liveness import lives


@pytest.fixture(scope="module")
def graphs():
    rng = Random(20)
    catalogue = [archs.build(archs.spec(name)) for name in archs.names()]
    return catalogue + [archs.build(random_spec(rng)) for _ in range(40)]


@pytest.mark.parametrize("name", ["cpu", "cpu-batch-8", "cuda"])
def test_as_one_by_one(graphs, name, monkeypatch):
    profile = costmodel.load_profile(name)
    monkeypatch.setattr(bulk, "CHUNK", 17)  # several chunks, the last of them smaller
    single = [costmodel.predict(graph, profile) for graph in graphs]
    for graph, found, one in zip(graphs, costmodel.predict_many(graphs, profile), single):
        assert found == pytest.approx((one.latency_ms, one.low_ms, one.high_ms), abs=1e-9, nan_ok=True), graph.name


def test_a_network_costs_the_same_in_any_company(graphs):
    profile = costmodel.load_profile("cpu")
    backwards = np.array(costmodel.predict_many(graphs[::-1], profile)[::-1])
    assert np.array(costmodel.predict_many(graphs[:5], profile)) == pytest.approx(backwards[:5], rel=1e-12)


def test_graphs_without_blocks_are_priced_one_by_one():
    profile = costmodel.load_profile("cpu")
    folded = archs.fold_batchnorm(archs.build(archs.spec("mobilenet_v2")))
    assert not folded.subgraphs
    one = costmodel.predict(folded, profile)
    assert costmodel.predict_many([folded], profile) == [(one.latency_ms, one.low_ms, one.high_ms)]


def test_the_allocator_is_that_of_predict(graphs):
    profile = costmodel.load_profile("cpu").model_copy(update={"page_fault_us": 0.5})
    one = costmodel.predict(graphs[0], profile, allocator="default")
    found = costmodel.predict_many(graphs[:1], profile, allocator="default")
    assert found == [(one.latency_ms, one.low_ms, one.high_ms)]
    assert found != costmodel.predict_many(graphs[:1], profile)


def test_a_missing_predictor_is_an_error_with_its_path(graphs):
    profile = costmodel.load_profile("cpu")
    without = {kind: one for kind, one in profile.predictors.items() if kind != "depthwise"}
    with pytest.raises(costmodel.CostError, match=r"/dw.*no predictor for depthwise"):
        costmodel.predict_many(graphs[:3], profile.model_copy(update={"predictors": without}))


def test_nothing_in_nothing_out():
    assert costmodel.predict_many([], costmodel.load_profile("cpu")) == []
    assert costmodel.count_many([]) == []


def test_lifetimes_of_stages_join_to_those_of_the_network(graphs):
    """Deaths may be listed in another order."""
    for graph in graphs:
        whole, parts = lives(graph), joined([stages(graph)])
        for one, other in zip(whole[:4], parts[:4]):
            assert one.tolist() == other.tolist(), graph.name
        assert set(zip(whole.ends, whole.dead)) == set(zip(parts.ends, parts.dead)), graph.name


def test_allocations_stage_by_stage_are_those_of_the_network(graphs):
    """Against a replay of the whole network: last touches of memory are sums of integers, so they are equal."""
    rng = np.random.default_rng(5)
    for graph in graphs:
        found, parts = lives(graph), stages(graph)
        size = 4.0 * np.array([shape.elements for shape in graph.shapes.values()])
        weights = 4.0 * rng.integers(0, 5000, len(graph.nodes))
        keys = np.zeros(len(graph.nodes), int)
        stages_touched, first = [], 0
        for part in parts:
            end = first + part.nodes
            stages_touched.append(touches(part.lives, size[first : end + 1], weights[first:end], first == 0))
            first = end
        known = bulk._touched_by_stages([stages_touched], size[:1])
        apart, whole = ages(found, size, weights, keys, keys, touched=known), ages(found, size, weights, keys, keys)
        assert apart.place.tolist() == whole.place.tolist(), graph.name


def test_counts_are_those_of_one_by_one(graphs):
    assert costmodel.count_many(graphs) == [costmodel.count(graph).total for graph in graphs]


def test_a_profile_of_whole_networks_prices_them_one_by_one():
    """It has no predictors of operators."""
    profile = costmodel.load_profile("pixel1")
    graphs = [archs.build(archs.spec(name)) for name in ("mobilenet_v1", "mobilenet_v2")]
    single = [costmodel.predict(graph, profile) for graph in graphs]
    assert costmodel.predict_many(graphs, profile) == [(one.latency_ms, one.low_ms, one.high_ms) for one in single]
