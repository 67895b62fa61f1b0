"""ONNX files with functions of their own: the network that they are called as, within bounds."""

from __future__ import annotations

import pytest
import torch
from onnx import AttributeProto, helper
from support.onnx_files import model, node

import archs
import costmodel

pytest.importorskip("onnxruntime")

OWN = "own"


def call(name, *inputs, outputs, **attributes):
    return helper.make_node(name, list(inputs), list(outputs), name=attributes.pop("at", ""), domain=OWN, **attributes)


def function(name, inputs, outputs, nodes, attributes=(), version=20, **defaults):
    versions = [helper.make_opsetid("", version), helper.make_opsetid(OWN, 1)]
    given = [helper.make_attribute(key, value) for key, value in defaults.items()]
    return helper.make_function(OWN, name, inputs, outputs, nodes, versions, list(attributes), given)


def referring(made, name, outer):
    """A node whose attribute is the function's own."""
    made.attribute.append(AttributeProto(name=name, ref_attr_name=outer, type=AttributeProto.FLOAT))
    return made


def with_functions(nodes, functions, constants=None):
    made = model(nodes, (1, 4, 8, 8), constants)
    made.opset_import.append(helper.make_opsetid(OWN, 1))
    made.functions.extend(functions)
    return made.SerializeToString()


CONV = function("Conv", ["a", "w", "b"], ["c"], [node("Conv", "a", "w", "b", outputs=["c"], pads=[1] * 4)])
LEAKY = function("Leaky", ["a"], ["c"], [referring(node("LeakyRelu", "a", outputs=["c"]), "alpha", "slope")], ["slope"])
BLOCK = function(
    "Block", ["a", "w", "b"], ["c"],
    [
        call("Conv", "a", "w", "b", outputs=["t"]), call("Leaky", "t", outputs=["u"], slope=0.3),
        node("Add", "u", "a", outputs=["c"]),
    ],
)  # fmt: skip


def held():
    generator = torch.Generator().manual_seed(0)
    return {f"w{i}": torch.randn(4, 4, 3, 3, generator=generator) for i in range(2)}


def test_functions_within_functions_are_their_operators():
    nodes = [
        call("Block", "x", "w0", "", outputs=["h"], at="first"),
        call("Block", "h", "w1", outputs=["y"], at="second"),
    ]
    graph = archs.from_onnx(with_functions(nodes, [BLOCK, CONV, LEAKY], held()), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert [type(n.op).__name__ for n in graph.nodes] == ["Conv2d", "LeakyReLU", "Add"] * 2
    assert costmodel.count(graph).total.params == 2 * 144
    assert [n.path.partition("/")[0] for n in graph.nodes] == ["first"] * 3 + ["second"] * 3


def test_a_default_and_an_output_that_is_not_read():
    leaky = function("Leaky", ["a"], ["c"], LEAKY.node, slope=0.2)
    both = function("Both", ["a"], ["b", "c"], [node("Relu", "a", outputs=["b"]), node("Tanh", "a", outputs=["c"])])
    nodes = [call("Leaky", "x", outputs=["h"]), call("Both", "h", outputs=["y", ""])]
    graph = archs.from_onnx(with_functions(nodes, [leaky, both]), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert [type(n.op).__name__ for n in graph.nodes] == ["LeakyReLU", "ReLU"]


def doubled(depth):
    return [
        function(f"F{i}", ["a"], ["c"], [call(f"F{i + 1}", "a", outputs=["t"]), call(f"F{i + 1}", "t", outputs=["c"])])
        for i in range(depth)
    ]


LAST = [node("Relu", "a", outputs=["c"])]
FIRST = [call("F0", "x", outputs=["y"])]
REFUSED = {
    "over 32 deep": [function("F0", ["a"], ["c"], [call("F0", "a", outputs=["c"])])],
    "over 20,000": [*doubled(24), function("F24", ["a"], ["c"], LAST)],
    "over 20,000 times": [*doubled(24), function("F24", ["a"], ["c"], [])],
    "version 17 of the ONNX operators, the file of version 20": [function("F0", ["a"], ["c"], LAST, version=17)],
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_copied(message):
    with pytest.raises(archs.ArchError, match=message):
        archs.from_onnx(with_functions(FIRST, REFUSED[message]))


def test_constants_are_not_copied_without_bound(monkeypatch):
    monkeypatch.setattr("archs.interop.onnx.local_functions.MAX_BYTES", 10_000)
    value = helper.make_tensor("v", 1, [1000], [0.0] * 1000)
    add = [node("Constant", outputs=["v"], value=value), node("Add", "a", "v", outputs=["c"])]
    nodes = [call("F0", "x", outputs=["h"]), call("F0", "h", outputs=["g"]), call("F0", "g", outputs=["y"])]
    with pytest.raises(archs.ArchError, match="10,000 bytes"):
        archs.from_onnx(with_functions(nodes, [function("F0", ["a"], ["c"], add)]))
