"""The graph that ONNX Runtime is predicted to execute: what its nodes hold, and their sizes in memory."""

import pytest

import archs
from archs.transforms.onnx_runtime import fuse_for_onnx_runtime


@pytest.mark.parametrize("name", archs.names())
def test_every_operator_is_held_or_removed(name):
    graph = archs.build(name)
    fused = fuse_for_onnx_runtime(graph, block=8)
    assert {*fused.holders, *fused.removed} == {node.path for node in graph.nodes}
    assert not {*fused.holders} & {*fused.removed}
    for position, node in enumerate(fused.nodes):
        assert all(read < position for read in node.reads)


def test_a_residual_addition_is_in_the_convolution_before_it():
    fused = fuse_for_onnx_runtime("mobilenet_v2", block=8)
    nodes = [fused.nodes[position] for position in fused.holders["stage2/block2/add"]]
    assert [(node.operator, node.adds, node.activation) for node in nodes] == [("nchwc Conv", True, "")]
    assert nodes[0].holds == ("stage2/block2/project", "stage2/block2/project_bn", "stage2/block2/add")
    assert nodes[0].output.sizes == (24, 56, 56)


def test_a_width_of_58_leaves_the_blocks():
    fused = fuse_for_onnx_runtime("shufflenet_v2", block=8)
    (first,) = fused.holders["stage2/block1/main/pw1"]
    (second,) = fused.holders["stage2/block1/main/dw"]
    assert fused.nodes[first].output.sizes == (64, 56, 56), "58 channels in whole blocks"
    assert fused.nodes[second].operator == "Conv"
    assert fused.nodes[second].inputs[0].sizes == (58, 56, 56)


def test_larger_blocks_pad_more():
    found = {block: fuse_for_onnx_runtime("mobilenet_v2", block).nodes for block in (8, 16)}
    (position,) = fuse_for_onnx_runtime("mobilenet_v2", 8).holders["stage2/block1/project"]
    assert found[8][position].output.sizes == (24, 56, 56)
    assert found[16][position].output.sizes == (32, 56, 56)
