"""The graph: ordered, shaped, hashable, and its errors say where."""

import networkx
import pytest

import archs
from archs.ir.graph import Builder
from archs.ir.ops import Add, BatchNorm, Conv2d, ReLU, Shape
from explorer.editing.edits import set_cells

CATALOGUE = {name: archs.build(archs.spec(name)) for name in archs.names()}

GOLDEN = """\
inverted_residual   16×8×8 → 16×8×8
body/block1/expand   conv 1×1   16×8×8 → 96×8×8   weights 1,536   mult-adds 98,304
body/block1/expand_bn   batch norm   96×8×8 → 96×8×8   weights 192
body/block1/expand_act   relu6   96×8×8 → 96×8×8
body/block1/dw   depthwise 3×3   96×8×8 → 96×8×8   weights 864   mult-adds 55,296
body/block1/dw_bn   batch norm   96×8×8 → 96×8×8   weights 192
body/block1/dw_act   relu6   96×8×8 → 96×8×8
body/block1/project   conv 1×1   96×8×8 → 16×8×8   weights 1,536   mult-adds 98,304
body/block1/project_bn   batch norm   16×8×8 → 16×8×8   weights 32
body/block1/add   add   16×8×8 , 16×8×8 → 16×8×8   ← input, body/block1/project_bn"""


def test_text_form():
    row = {"kind": "inverted_residual", "stage": "body", "channels": 16, "expansion": 6}
    text = (
        '{"format": "archs.spec/1", "name": "inverted_residual", "input_channels": 16, "resolution": 8, "rows": [%s]}'
    )
    import json

    assert str(archs.build(archs.Spec.from_json(text % json.dumps(row)))) == GOLDEN


@pytest.mark.parametrize("graph", CATALOGUE.values(), ids=CATALOGUE)
def test_execution_order_and_shapes(graph):
    seen = {"input"}
    for node in graph.nodes:
        assert set(node.inputs) <= seen, "a node reads what comes before it"
        assert node.output == node.op.output(*graph.input_shapes(node))
        assert node.path not in seen
        seen.add(node.path)
    assert all(graph.consumers[path] for path in seen - {graph.nodes[-1].path}), "nothing is computed for nobody"


@pytest.mark.parametrize("graph", CATALOGUE.values(), ids=CATALOGUE)
def test_to_networkx(graph):
    digraph = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(digraph)
    assert digraph.number_of_nodes() == len(graph.nodes) + 1
    assert [d for d in digraph if not digraph.out_degree(d)] == [graph.nodes[-1].path]


def test_block_and_stage_follow_the_path():
    graph = CATALOGUE["mobilenet_v3_large"]
    node = graph["stage3/block1/se/pool"]
    assert (node.stage, node.block) == ("stage3", "stage3/block1")
    assert graph["head/pool"].block == "head/pool"


@pytest.mark.parametrize("name", archs.names())
def test_networks_share_the_blocks_that_an_edit_leaves(name):
    spec = archs.spec(name)
    graph, edited = archs.build(spec), archs.build(set_cells(spec, {(len(spec.rows) - 1, "channels"): 10}).spec)
    for one in (graph, edited):
        assert tuple(node for block in one.subgraphs for node in block.nodes) == one.nodes
        assert one.shapes == {"input": one.input} | {node.path: node.output for node in one.nodes}
    kept = [block is other for block, other in zip(graph.subgraphs, edited.subgraphs, strict=True)]
    assert kept == [True] * (len(kept) - 1) + [False]


def test_a_graph_has_blocks_where_all_of_it_comes_from_them():
    b = Builder("part", Shape(4, 8, 8), at="stem/conv")
    b.add("act", ReLU(), "stem/conv")
    part = b.subgraph()
    b = Builder("tiny", Shape(4, 8, 8))
    with b.scope("stem"):
        b.add("conv", Conv2d(4), "input")
    assert b.extend(part) == "act"
    assert [node.path for node in b.graph().nodes] == ["stem/conv", "act"]
    assert b.graph().subgraphs == ()
    with pytest.raises(archs.ArchError, match="^act: the name is taken"):
        b.extend(part)


def test_errors_say_where():
    b = Builder("tiny", Shape(3, 8, 8))
    with b.scope("stem"):
        with pytest.raises(archs.ArchError, match="^groups, stem/conv: groups=2 must divide the 3 input"):
            b.add("conv", Conv2d(4, groups=2), "input")
        x = b.add("conv", Conv2d(4), "input")
        with pytest.raises(archs.ArchError, match="^stem/conv: the name is taken"):
            b.add("conv", Conv2d(4), x)
        with pytest.raises(archs.ArchError, match="^stem/add: reads 'stem/nowhere', which no node"):
            b.add("add", Add(), x, "stem/nowhere")
    with pytest.raises(archs.ArchError, match="a network without operators"):
        Builder("empty", Shape(3, 8, 8)).graph()


def test_folding():
    graph = CATALOGUE["mobilenet_v2"]
    folded = archs.fold_batchnorm(graph)
    norms = sum(isinstance(node.op, BatchNorm) for node in graph.nodes)
    assert norms == 52
    assert len(folded.nodes) == len(graph.nodes) - norms
    assert folded["stage1/block1/dw"].op.bias
    assert folded["stage1/block1/dw_act"].inputs == ("stage1/block1/dw",)
    assert archs.fold_batchnorm(folded) == folded


def test_folding_leaves_what_it_may_not_fold():
    b = Builder("tiny", Shape(3, 8, 8))
    x = b.add("conv", Conv2d(4), "input")
    y = b.add("bn", BatchNorm(), x)  # the convolution is read twice
    z = b.add("add", Add(), x, y)
    r = b.add("relu", ReLU(), z)
    b.add("bn2", BatchNorm(), r)  # no convolution before it
    graph = b.graph()
    assert archs.fold_batchnorm(graph) == graph
