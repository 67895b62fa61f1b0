"""The graph that ONNX Runtime is predicted to execute: what its nodes hold, and their sizes in memory."""

import pytest

import archs
from archs.ir import ops
from archs.ir.graph import Builder
from archs.ir.operator import Shape
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


def test_an_operator_without_a_rule_is_a_node_of_its_own():
    builder = Builder("norm", Shape(3, 8, 8))
    x = builder.add("conv", ops.Conv2d(16, 3), "input")
    x = builder.add("norm", ops.GroupNorm(4), x)
    builder.add("last", ops.Conv2d(16, 1), x)
    nodes = fuse_for_onnx_runtime(builder.graph(), block=8).nodes
    assert [node.operator for node in nodes] == [
        "nchwc Conv",
        "nchwc ReorderOutput",
        "unknown GroupNorm",
        "nchwc ReorderInput",
        "nchwc Conv",
        "nchwc ReorderOutput",
    ]
    assert nodes[2].holds == ("norm",)


def test_dropout_and_multiplication_by_one_are_removed():
    builder = Builder("identity", Shape(3, 8, 8))
    x = builder.add("pool", ops.MaxPool(2, 2), "input")
    x = builder.add("dropout", ops.Dropout(), x)
    x = builder.add("scale", ops.MultiplyConstant(1.0), x)
    builder.add("act", ops.ReLU(), x)
    fused = fuse_for_onnx_runtime(builder.graph(), block=8)
    assert [node.operator for node in fused.nodes] == ["MaxPool", "Relu"]
    assert fused.removed == ("dropout", "scale")
