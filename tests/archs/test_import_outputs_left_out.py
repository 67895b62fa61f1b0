"""Outputs that are the image itself or a constant: said to be left out, and the others keep their places."""

from __future__ import annotations

import pytest
from support.modules import Lambda
from support.onnx_files import model, node
from torch import nn

import archs

OUTPUTS = {
    "the image first": (lambda m, x: (x, m.c(x)), "'0'"),
    "the image last": (lambda m, x: {"map": m.c(x), "given": x}, "'given'"),
    "a constant between": (lambda m, x: (m.c(x), m.c.bias * 2, m.c(x).relu()), "'1'"),
    "both": (lambda m, x: (m.c.bias, m.c(x), x), "'0', '2'"),
}


@pytest.mark.parametrize("case", OUTPUTS)
@pytest.mark.parametrize("verify", [True, False])
def test_outputs_that_are_left_out_are_said(case, verify):
    forward, names = OUTPUTS[case]
    module = Lambda(forward, c=nn.Conv2d(4, 4, 3, padding=1))
    graph = archs.from_module(module, (4, 8, 8), verify=verify)
    assert graph.verification.endswith(f"left out of the outputs, as the image itself or a constant: {names}")
    assert ("are equal" in graph.verification) is verify


def test_nothing_is_said_where_nothing_is_left_out():
    module = Lambda(lambda m, x: (m.c(x), None, x), c=nn.Conv2d(4, 4, 3, padding=1))
    assert "left out" not in archs.from_module(module, (4, 8, 8), output=0).verification
    module = Lambda(lambda m, x: (m.c(x), None, x.relu()), c=nn.Conv2d(4, 4, 3, padding=1))
    assert "left out" not in archs.from_module(module, (4, 8, 8)).verification


def test_outputs_that_are_left_out_of_a_file_are_said():
    pytest.importorskip("onnxruntime")
    made = model(
        [node("Shape", "x", outputs=["size"]), node("Relu", "x"), node("Sigmoid", "x", outputs=["z"])], ("N", 4, 8, 8)
    )
    for name in ("size", "x", "z"):
        made.graph.output.add().name = name
    graph = archs.from_onnx(made.SerializeToString(), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert graph.verification.endswith("left out of the outputs, as the image itself or a constant: 'size', 'x'")
    assert [n.path for n in graph.nodes] == ["relu", "sigmoid", "outputs"]
