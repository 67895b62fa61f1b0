"""Imports of ONNX files against ONNX Runtime: random files, each kind that was read wrongly, and the comparison itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

import archs
import costmodel

pytest.importorskip("onnxruntime")

from support.onnx_files import exported, model, node
from support.onnx_grammar import outcome, reference

floats, ints = torch.tensor, lambda *values: torch.tensor(values, dtype=torch.int64)


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 320), marks=pytest.mark.slow)], ids=str)
def test_no_random_file_is_read_as_something_else(seeds):
    found = {seed: outcome(seed) for seed in seeds}
    assert not {seed: text for seed, text in found.items() if text.startswith("differs")}
    assert sum(text == "equal" for text in found.values()) > len(seeds) / 3


RESIZED = {
    "by scales": ([node("Resize", "x", "", "s", mode="linear")], {"s": floats([1.0, 1.0, 0.6, 2.3])}, 13),
    "antialiased": ([node("Resize", "x", "", "s", mode="cubic", antialias=1)], {"s": floats([1.0, 1.0, 0.6, 0.6])}, 18),
    "another kernel": ([node("Resize", "x", "", "s", mode="cubic", cubic_coeff_a=-0.5)], {"s": floats([1.0, 1.0, 2.0, 2.0])}, 13),
    "before version 11": ([node("Resize", "x", "s", mode="linear")], {"s": floats([1.0, 1.0, 1.5, 1.5])}, 10),
    "rounding to the nearest": ([node("Resize", "x", "", "s", mode="nearest")], {"s": floats([1.0, 1.0, 1.5, 0.7])}, 13),
    "the nearest pixel, smaller": ([node("Resize", "x", "s", mode="nearest")], {"s": floats([1.0, 1.0, 0.6, 1.5])}, 10),
    "a softmax over all axes from one on": ([node("LogSoftmax", "x", axis=1)], {}, 11),
    "a pooling with uneven padding that rounds up": (
        [node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 2, 2], ceil_mode=1)], {}, 13,
    ),
    "a mean of uneven padding that rounds up": (
        [node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 2, 2], ceil_mode=1, count_include_pad=1)], {}, 13,
    ),
    "SELU of its own numbers": ([node("Selu", "x", alpha=1.2, gamma=0.9)], {}, 13),
    "one choice for all that is smaller": (
        [
            node("GlobalAveragePool", "x", outputs=["p"]), node("Less", "a", "b", outputs=["c"]),
            node("Where", "c", "p", "x"),
        ], {"a": floats([0.0]), "b": floats([1.0])}, 20,
    ),
    "a range of fractions": (
        [node("Range", "a", "b", "c", outputs=["r"]), node("Add", "x", "r")],
        {"a": floats(0.5), "b": floats(4.4), "c": floats(0.5)}, 20,
    ),
    "a sum over no axes": (
        [node("ReduceSum", "x", "e", outputs=["s"], noop_with_empty_axes=1), node("Relu", "s")], {"e": ints()}, 20,
    ),
    "a norm over all axes": ([node("Relu", "x", outputs=["r"]), node("ReduceL1", "r", "e", outputs=["s"]), node("Add", "x", "s")], {"e": ints()}, 20),
    "sums of what comes behind": ([node("CumSum", "x", "a", reverse=1, exclusive=1)], {"a": torch.tensor(2)}, 13),
}  # fmt: skip


@pytest.mark.parametrize("case", RESIZED)
def test_as_onnx_runtime_or_refused(case):
    nodes, constants, opset = RESIZED[case]
    data = model(nodes, (1, 4, 8, 8), constants, opset).SerializeToString()
    x = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)
    want = reference(data, x)
    assert want is not None
    try:
        graph = archs.from_onnx(data)
    except archs.ArchError as error:
        assert "unknown here" in str(error)  # noqa: PT017 either is right
        return
    with torch.no_grad():
        got = archs.to_module(graph).eval()(torch.from_numpy(x)).numpy()
    assert got.shape == want.shape
    assert np.allclose(got, want, atol=1e-5)


def test_norms_that_an_exporter_merged_are_one_per_place():
    held = {f"w{i}": torch.randn(4, 4, 3, 3) for i in range(3)} | {"one": torch.ones(4), "zero": torch.zeros(4)}
    nodes, x = [], "x"
    for i in range(3):
        nodes += [
            node("Conv", x, f"w{i}", outputs=[f"c{i}"], pads=[1] * 4),
            node("BatchNormalization", f"c{i}", "one", "zero", "zero", "one", outputs=[f"b{i}" if i < 2 else "y"]),
        ]
        x = f"b{i}"
    graph = archs.from_onnx(model(nodes, constants=held).SerializeToString())
    assert costmodel.count(graph).total.params == 3 * (4 * 4 * 9 + 4 + 4)


class Twice(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(torch.relu(self.layer(x)))


@pytest.mark.parametrize("layer", [nn.Linear(6, 6), nn.Conv2d(3, 3, 1)], ids=lambda layer: type(layer).__name__)
def test_a_layer_that_is_called_twice_is_one_through_our_own_file(layer):
    graph = archs.from_module(Twice(layer).eval(), (3, 5, 6))
    again = archs.from_onnx(archs.to_onnx(graph))
    assert costmodel.count(again).total.params == costmodel.count(graph).total.params


def test_the_comparison_says_what_it_compared(monkeypatch):
    data = exported(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), (3, 8, 8))
    assert archs.from_onnx(data, verify=True).verification == "outputs are equal to ONNX Runtime's on 1×3×8×8"
    assert "verify=False" in archs.from_onnx(data).verification
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "onnxruntime is not installed" in archs.from_onnx(data, verify=True).verification


def test_a_difference_names_the_first_node(monkeypatch):
    from archs.ir import ops

    nodes = [
        node("Conv", "x", "w", outputs=["a"]), node("LeakyRelu", "a", outputs=["b"], alpha=0.3), node("Sigmoid", "b"),
    ]  # fmt: skip
    data = model(nodes, constants={"w": torch.randn(4, 4, 3, 3)}).SerializeToString()
    assert "equal" in archs.from_onnx(data, verify=True).verification
    spelled = ops.LeakyReLU.spelling

    def wrong(self, *inputs):
        made = spelled(self, *inputs)
        return type(made)(made.target, (0.9,), ())

    monkeypatch.setattr(ops.LeakyReLU, "spelling", wrong)
    with pytest.raises(archs.ArchError, match="another output than ONNX Runtime .* first at leaky_relu"):
        archs.from_onnx(data, verify=True)


def test_torch_logs_nothing_before_the_message(caplog):
    data = model([node("AveragePool", "x", kernel_shape=[3, 3], pads=[2, 2, 2, 2])]).SerializeToString()
    with pytest.raises(archs.ArchError, match="AveragePool"):
        archs.from_onnx(data)
    assert not caplog.records
