"""Strides and copies, compared with running networks; the features show both. No clock is read."""

from random import Random

import pytest

import archs
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Shape
from costmodel.latency.features import COLUMNS, features
from costmodel.latency.memory_order import NOTHING, elementwise, is_permuted, memory_order, viewed
from costmodel.networks.synthetic import MEDLEY, STYLES, SyntheticNetwork
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import Stopwatch


class Recorded(InPlace):
    """The tensors that a graph's nodes give, instead of their times."""

    def run(self):
        self.tensors = []
        self._timed(self.x)
        return dict(zip((node.path for node in self.graph.nodes), self.tensors, strict=True))

    def _clocked(self, value, nodes=1):
        if self._seen is not None:
            return super()._clocked(value, nodes)
        self.tensors += value if isinstance(value, tuple) else [value]
        return value


@pytest.fixture(scope="module")
def watch():
    with Stopwatch().running() as running:
        yield running


@pytest.mark.parametrize(
    ("style", "seed", "batch"),
    [(style, 11, 1) for style in STYLES] + [(MEDLEY, seed, 1 + seed % 2) for seed in range(6)],
)
def test_torch_permutes_the_same_tensors(style, seed, batch, watch):
    import torch

    graph = SyntheticNetwork(style, seed).graph()
    with torch.inference_mode():
        tensors = Recorded(graph, watch, batch).run()
    found = memory_order(graph, batch)
    permuted = {path for path, y in tensors.items() if is_permuted(tuple(y.shape), y.stride())}
    assert permuted == found.permuted
    shared = {
        node.path
        for node in graph.nodes
        if isinstance(node.op, ops.Reshape) and tensors[node.path].data_ptr() == tensors[node.inputs[0]].data_ptr()
    }
    assert shared == found.views


def permuted_network():
    b = Builder("permuted", Shape(8, 6, 6))
    conv = b.add("conv", ops.Conv2d(8, 3), INPUT)
    last = b.add("last", ops.Permute((1, 2, 0)), conv)
    norm = b.add("norm", ops.LayerNorm(), last)
    scaled = b.add("scaled", ops.Scale((8,)), norm)
    back = b.add("back", ops.Permute((2, 0, 1)), scaled)
    relu = b.add("relu", ops.ReLU(), back)
    depthwise = b.add("depthwise", ops.Conv2d(8, 3, groups=8), relu)
    stack = b.add("stack", ops.Stack(0), relu, depthwise)
    b.add("sum", ops.Sum((0,)), stack)
    return b.graph()


def variants(graph):
    return dict(zip((node.path for node in graph.nodes), features(graph).columns[:, COLUMNS.index("variant")]))


def test_features_show_permuted_inputs():
    graph = permuted_network()
    assert memory_order(graph, 1).permuted == {"last", "back", "relu", "depthwise", "stack"}
    found = variants(graph)
    assert (found["norm"], found["scaled"], found["relu"], found["sum"]) == (16, 5, 16, 20)


def test_networks_of_the_catalogue_have_plain_tensors():
    assert memory_order(archs.build(archs.spec("shufflenet_v2")), 1) == NOTHING


def test_a_reshape_that_copies_nothing_is_a_view():
    b = Builder("heads", Shape(2, 9, 4))
    queries = b.add("queries", ops.Permute((1, 0, 2)), INPUT)
    b.add("copied", ops.Reshape((9, 8)), queries)
    whole = b.add("whole", ops.Permute((1, 0, 2)), queries)
    b.add("free", ops.Reshape((18, 4)), whole)
    graph = b.graph()
    assert memory_order(graph, 1).views == {"free"}
    kinds = dict(zip((node.path for node in graph.nodes), features(graph).kinds))
    assert (kinds["copied"], kinds["free"]) == ("copy", "view")


@pytest.mark.parametrize(
    ("shape", "strides", "new"),
    [
        ((1, 6, 4), (24, 4, 1), (1, 2, 3, 4)),
        ((1, 2, 3, 4), (24, 12, 4, 1), (1, 6, 4)),
        ((1, 4, 6), (24, 1, 4), (1, 4, 2, 3)),
        ((1, 4, 6), (24, 1, 4), (1, 24)),
        ((2, 4, 6), (24, 1, 4), (2, 4, 1, 6)),
        ((2, 3, 4), (24, 4, 1), (6, 4)),
    ],
)
def test_views_are_those_of_torch(shape, strides, new):
    import torch

    try:
        expected = torch.empty_strided(shape, strides).view(new).stride()
    except RuntimeError:
        expected = None
    assert viewed(shape, strides, new) == expected


@pytest.mark.parametrize("seed", range(20))
def test_elementwise_outputs_are_those_of_torch(seed):
    import torch

    rng = Random(seed)
    sizes = [rng.choice((1, 1, 2, 3, 5)) for _ in range(rng.choice((3, 4, 5)))]
    operands = []
    for _ in range(rng.choice((1, 2, 3))):
        order = rng.sample(range(len(sizes)), len(sizes))
        plain = torch.empty([1 if rng.random() < 0.2 else sizes[axis] for axis in order])
        operands.append(plain.permute([order.index(axis) for axis in range(len(sizes))]))
    made = operands[0].neg() if len(operands) == 1 else sum(operands[1:], start=operands[0])
    if len(operands) == 3:
        made = torch.addcmul(*operands)
    assert elementwise([(tuple(x.shape), x.stride()) for x in operands], tuple(made.shape)) == made.stride()
