"""Segments of a network, rewritten one by one and kept, against the whole network rewritten at once."""

from random import Random

import numpy as np
import pytest

import archs
from archs.catalogue.sampling import random_edit, random_spec
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.transforms.onnx_runtime import fuse_for_onnx_runtime
from archs.transforms.onnx_runtime.join import join
from archs.transforms.onnx_runtime.segment import segment_of
from costmodel.onnx_runtime.features import features


def same(spec, block=8):
    """Assert that the kept segments of a network make what is made of it at once, which nothing is kept for."""
    graph = archs.build(spec)
    found = same_graph(graph, block)
    assert len(found.segments) > 1


def same_graph(graph, block=8):
    found, whole = fuse_for_onnx_runtime(graph, block), join(graph, block, [segment_of(graph, block)])
    assert found.nodes == whole.nodes
    assert found.removed == whole.removed
    assert found.within == whole.within
    for kept, new in zip(features(found), features(whole)):
        assert np.array_equal(kept, new)
    return found


@pytest.mark.parametrize("name", archs.names())
def test_segments_make_the_whole_network(name):
    same(archs.spec(name))


@pytest.mark.parametrize("block", [1, 16])
def test_segments_of_other_blocks(block):
    for name in ("mobilenet_v3_small", "shufflenet_v1"):
        same(archs.spec(name), block)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "shufflenet_v2"])
def test_edits_one_after_the_other(name):
    """Each network shares most of its blocks with those before it, in other layouts or on maps of other sides."""
    spec, rng = archs.spec(name), Random(5)
    for _ in range(12):
        spec, _ = random_edit(spec, rng)
        same(spec)


def test_random_tables():
    for seed in range(6):
        same(random_spec(Random(seed)))


def test_a_resolution_takes_segments_over():
    """Sides of maps that are equal by chance at one resolution are not at another."""
    for resolution in (224, 32, 33, (64, 224)):
        for name in ("mobilenet_v2", "shufflenet_v1"):
            same(archs.spec(name, resolution=resolution))


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        (ops.Conv2d(16, 3, padding=1), ops.ReLU()),
        (ops.ReLU(), ops.Clamp(0.0, 3.0)),
        (ops.ZeroPad(1, 1, 1, 1), ops.Conv2d(16, 3)),
        (ops.ReLU(), ops.Dropout()),
    ],
)
def test_blocks_that_the_runtime_fuses_are_one_segment(end, begin):
    builder, x, shape = Builder("two", ops.Shape(16, 8, 8)), INPUT, ops.Shape(16, 8, 8)
    for stage, operators in (("one", (ops.Conv2d(16, 1), end)), ("two", (begin, ops.Conv2d(8, 1)))):
        block = Builder(stage, shape, at=x)
        for number, operator in enumerate(operators):
            x = block.add(f"{stage}/block/{number}", operator, x)
        builder.extend(block.subgraph())
        shape = builder.shape(x)
    graph = builder.graph()
    assert len(graph.subgraphs) == 2
    assert len(same_graph(graph).segments) == 1
