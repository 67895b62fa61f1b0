"""What a predictor sees of a node. No clock."""

import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import archs
from archs.caching import clear_all
from archs.catalogue.sampling import random_edit
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import ChannelSplit, Concat, Conv2d, Shape
from costmodel.calibration.sample import STACK, networks, table_networks
from costmodel.counting.kinds import FREE
from costmodel.latency.features import BEFORE, COLUMNS, PASSED_ON, WORK, _static, features, of_block


def test_features_have_one_row_per_node_and_name_their_columns():
    graph = archs.build(archs.spec("mobilenet_v3_small"))
    found = features(graph)
    assert found.columns.shape == (len(graph.nodes), len(COLUMNS))
    assert found.work.shape == (len(graph.nodes), len(WORK))
    assert np.isfinite(found.columns).all()
    assert (found.work[:, 0] >= 1).all()


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "shufflenet_v2", "mnasnet_a1"])
def test_what_is_remembered_of_other_networks_does_not_change_a_number(name):
    rng, spec = random.Random(13), archs.spec(name)
    edited = [random_edit(spec, rng)[1] for _ in range(6)]
    remembered = [features(graph) for graph in edited]
    for graph, found in zip(edited, remembered):
        for cache in (_static, of_block):
            cache.cache_clear()
        clear_all()
        without_blocks = replace(graph)
        assert graph.subgraphs
        assert not without_blocks.subgraphs
        for alone in (features(graph), features(without_blocks)):
            assert found.kinds == alone.kinds
            assert found.work.tobytes() == alone.work.tobytes()
            assert found.columns.tobytes() == alone.columns.tobytes()


def test_a_batch_moves_more_bytes_but_no_more_weights():
    graph = archs.build(archs.spec("mobilenet_v1", width=0.25))
    one, eight = features(graph).work, features(graph, batch=8).work
    assert (eight[:, 1] == 8 * one[:, 1]).all()
    assert (eight[:, 3] == one[:, 3]).all()
    assert (eight[:, 4] == 8 * one[:, 4]).all()


def test_a_node_knows_what_ran_before_it():
    """A view runs nothing: what stands behind one follows what stands before it."""
    graph = archs.build(archs.spec("shufflenet_v2"))
    found = features(graph)
    before = dict(zip([node.path for node in graph.nodes], found.columns[:, -len(BEFORE) :]))
    own = dict(zip([node.path for node in graph.nodes], found.columns))
    paths = [node.path for node in graph.nodes]
    assert before[paths[0]].tolist() == [-1] + [0] * (len(BEFORE) - 1)
    split = next(i for i, kind in enumerate(found.kinds) if kind == "view")
    after = next(i for i in range(split, len(paths)) if found.kinds[i] != "view")
    passed_on = [COLUMNS.index(column) for column in PASSED_ON]
    assert before[paths[after]][1:].tolist() == own[paths[split - 1]][passed_on].tolist()
    assert before[paths[split]].tolist() == before[paths[after]].tolist()
    kinds = {found.kinds[i - 1]: before[paths[i]][0] for i in range(1, len(paths)) if found.kinds[i - 1] != "view"}
    assert len(set(kinds.values())) == len(kinds)


def test_remainders_are_those_of_one_group():
    """ShuffleNetV2's own experiment has 8 groups of 45: what does not fill a vector of 4 takes longer there."""
    b = Builder("groups", Shape(8 * 45, 14, 14))
    b.add("conv", Conv2d(8 * 30, 1, groups=8), INPUT)
    found = dict(zip(COLUMNS, features(b.graph()).columns[0].tolist()))
    expected = {"out_mod_4": 2, "out_mod_6": 0, "out_mod_8": 6, "out_mod_16": 14, "in_mod_4": 1, "in_mod_16": 13}
    assert {column: found[column] for column in expected} == expected


@pytest.mark.parametrize(("width_in", "width_out", "aligned"), [(40, 160, 8), (80, 320, 16), (68, 16, 4), (45, 90, 1)])
def test_widths_that_fill_blocks_both_in_and_out_are_told_apart(width_in, width_out, aligned):
    b = Builder("groups", Shape(3 * width_in, 14, 14))
    b.add("conv", Conv2d(3 * width_out, 1, groups=3), INPUT)
    assert features(b.graph()).columns[0, COLUMNS.index("aligned")] == aligned


def test_views_own_no_memory():
    graph = archs.build(archs.spec("shufflenet_v2"))
    for node, work in zip(graph.nodes, features(graph).work):
        if type(node.op) in FREE:
            assert work[1:].sum() == 0


def test_no_sampled_network_lacks_a_kind():
    sample = networks(11)
    for _ in range(80):
        _, graph = next(sample)
        features(graph)


# trees and errors


def test_concat_and_split_are_told_apart():
    b = Builder("parts", Shape(16, 8, 8))
    left = b.add("left", ChannelSplit((4, 12), 0), INPUT)
    right = b.add("right", ChannelSplit((4, 12), 1), INPUT)
    b.add("concat", Concat(), right, left)
    assert features(b.graph()).kinds == ("view", "view", "concat")


# the command line


def test_groups_are_started_one_by_one_on_a_cpu_alone():
    b = Builder("groups", Shape(16, 8, 8))
    b.add("conv", Conv2d(16, 1, groups=8), INPUT)
    here, there = features(b.graph()), features(b.graph(), device="cuda")
    assert (here.work[0, 0], there.work[0, 0]) == (8, 1)
    assert (here.work[0, 1:] == there.work[0, 1:]).all()


def test_stacks_have_groups_of_any_width():
    stacks = (graph for spec, graph in table_networks(1) if spec.name == STACK)
    convs = [node.op for graph in islice(stacks, 40) for node in graph.nodes if isinstance(node.op, Conv2d)]
    widths = {conv.channels // conv.groups % 4 for conv in convs if 1 < conv.groups < conv.channels}
    assert widths == {0, 1, 2, 3}


def test_evicting_one_cache_changes_no_features():
    """Numbers of shapes are assigned per call: cached rows of different age must not disagree about them."""
    spec = archs.spec("mobilenet_v2")
    before = archs.build(spec)
    rows = [row.model_copy(update={"activation": "hard_swish"}) for row in spec.rows[4:6]]
    edited = archs.build(spec.edit(rows=(*spec.rows[:4], *rows, *spec.rows[6:])))

    def clear() -> None:
        for cache in (_static, of_block):
            cache.cache_clear()

    clear()
    expected = features(edited).columns
    clear()
    features(before)
    _static.cache_clear()
    assert np.array_equal(features(edited).columns, expected)
