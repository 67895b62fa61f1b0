"""Fragments, branches and depth on blocks that can be counted by eye."""

from itertools import combinations

import networkx
import pytest

import archs
import costmodel
from archs.catalogue.guidelines import cells
from costmodel.counting.fragmentation import FRAGMENTS

BLOCKS = [  # network, block, fragments, branches, depth
    ("mobilenet_v1", "stage1/block1", 2, 1, 2),  # depthwise, 1×1
    ("mobilenet_v2", "stage2/block2", 3, 1, 3),  # 1×1, depthwise, 1×1; an addition is no fragment
    ("shufflenet_v1", "stage2/block1", 4, 2, 3),  # the average pool beside three convolutions
    ("shufflenet_v2", "stage2/block1", 5, 2, 3),  # Figure 3d: two beside three
    ("shufflenet_v2", "stage2/block2", 3, 1, 3),  # Figure 3c: the other branch is empty
    ("mobilenet_v3_large", "stage3/block1", 6, 1, 6),  # SE adds a pool and two 1×1 in a row
    ("resnet50", "conv2_x/block1", 4, 2, 3),  # section 2 of ShuffleNetV2: 2 or 3 in ResNet, and the projection
    ("resnet50", "conv2_x/block2", 3, 1, 3),
]


@pytest.mark.parametrize(("name", "block", "fragments", "branches", "depth"), BLOCKS)
def test_blocks(name, block, fragments, branches, depth):
    found = {b.block: b for b in costmodel.fragmentation(archs.build(archs.spec(name))).blocks}
    assert found[block] == costmodel.BlockFragmentation(block, fragments, branches, depth)


def test_guideline_3_is_about_fragments():
    for cell in cells(3):
        n = int(cell.row[0])
        parallel = cell.row.endswith("parallel")
        expected = (n, n, 1) if parallel else (n, 1, n)
        for block in costmodel.fragmentation(archs.build(cell.spec)).blocks:
            assert (block.fragments, block.branches, block.depth) == expected


@pytest.mark.parametrize("name", archs.names())
def test_against_brute_force(name):
    """The widest antichain and the longest chain by trying every set, in every block of the catalogue."""
    graph = archs.build(archs.spec(name))
    closure = networkx.transitive_closure_dag(graph.to_networkx())
    for block in costmodel.fragmentation(graph).blocks:
        members = [n.path for n in graph.nodes if n.block == block.block and isinstance(n.op, FRAGMENTS)]

        def ordered(a, b):
            return closure.has_edge(a, b) or closure.has_edge(b, a)

        sets = [s for size in range(1, len(members) + 1) for s in combinations(members, size)]
        assert block.fragments == len(members)
        assert block.branches == max(len(s) for s in sets if not any(ordered(a, b) for a, b in combinations(s, 2)))
        assert block.depth == max(len(s) for s in sets if all(ordered(a, b) for a, b in combinations(s, 2)))


def test_network():
    graph = archs.build(archs.spec("shufflenet_v2"))
    fragmentation = costmodel.fragmentation(graph)
    assert fragmentation.kernels == costmodel.count(graph).total.kernels
    assert fragmentation.worst.fragments == 5
    assert fragmentation.mean == sum(b.fragments for b in fragmentation.blocks) / len(fragmentation.blocks)
