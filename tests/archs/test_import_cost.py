"""What an import and its text cost: linear in the file, whatever its shape. Bounds are far from what they take."""

from __future__ import annotations

import time

import pytest
import torch
from support.onnx_files import chained, model, node

import archs
from archs.interop.aten.naming import Names
from archs.interop.aten.steps import Step
from archs.interop.unique_names import UniqueNames
from archs.ir.graph import Builder
from archs.ir.ops import Concat, ReLU, Shape
from archs.transforms.packed_graph import packed, unpacked

MANY = 12_000


def seconds(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def test_names_are_linear_in_their_number():
    """Each name tried all numbers before its own: 18,000 of one kind took minutes."""
    steps = [Step(ReLU(), [], Shape(1, 1, 1)) for _ in range(MANY)]
    assert seconds(lambda: Names(frozenset()).paths(steps)) < 4
    names = UniqueNames(["y"])
    assert [names.take("y") for _ in range(3)] == ["y2", "y3", "y4"]
    assert names.take("z") == "z"


def test_the_text_of_a_wide_network_is_linear():
    """18,000 operators that one concatenation reads took 74 s: each line looked at all variables."""
    b = Builder("wide", Shape(2, 4, 4))
    paths = [b.add(f"relu{i}", ReLU(), "input") for i in range(MANY)]
    b.add("concat", Concat(), *paths)
    text = ""

    def write() -> None:
        nonlocal text
        text = archs.to_source(b.graph())

    assert seconds(write) < 15
    assert f"y{MANY} = self.relu{MANY - 1}(x)" not in text  # the last of them takes the name of the input
    assert f"y{MANY - 1} = self.relu{MANY - 2}(x)" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        lambda: chained(1500, "Transpose", perm=[0, 1, 3, 2]),  # torch kept functions of all views before each
        lambda: chained(1500, "Mul", {"c": torch.tensor(0.9)}),  # each product was followed to the first
    ],
    ids=["views", "products"],
)
def test_chains_are_linear(content):
    archs.from_onnx(chained(2))  # imports torch
    files = content()
    assert seconds(lambda: archs.from_onnx(files)) < 20


def test_many_parts_of_a_split_are_slices():
    """Each part of a channel split holds the sizes of all parts."""
    count = 200
    names = [f"p{i}" for i in range(count)]
    nodes = [node("Split", "x", outputs=names, axis=1, num_outputs=count), node("Concat", *names, axis=1)]
    graph = archs.from_onnx(model(nodes, (1, count, 2, 2)).SerializeToString())
    assert {type(n.op).__name__ for n in graph.nodes} == {"Slice", "Concat"}
    module = archs.to_module(graph)
    images = torch.rand(1, count, 2, 2)
    assert torch.equal(module(images), images)


@pytest.mark.parametrize("name", archs.names())
def test_a_packed_graph_comes_back(name):
    graph = archs.build(archs.spec(name))
    assert unpacked(packed(graph)) == graph


def test_packed_weights_come_back():
    convolution = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4, eps=0.25), torch.nn.ReLU())
    graph = archs.from_module(convolution, (3, 8, 8))
    again = unpacked(packed(graph))
    assert again == graph
    assert again["1"].op.eps == 0.25
    assert set(again.weights) == set(graph.weights)
    for path, tensors in graph.weights.items():
        assert all(torch.equal(again.weights[path][role], tensor) for role, tensor in tensors.items())
    without = archs.from_module(convolution.to("meta"), (3, 8, 8))
    assert all(t.is_meta for tensors in unpacked(packed(without)).weights.values() for t in tensors.values())


def test_an_unknown_operator_is_refused():
    content = packed(archs.build(archs.spec("mobilenet_v1"))).replace(b'"Conv2d"', b'"system"')
    with pytest.raises(archs.ArchError, match="'system' is unknown"):
        unpacked(content)
