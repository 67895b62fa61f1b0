"""The predicted graph against the one that ONNX Runtime makes: operators, what each holds, what it reads.

The default run uses files of the prediction's own operators; the exporter's files take seconds each and are slow.
"""

from random import Random

import onnx
import pytest
import torch
from support.onnx_runtime_model import compared, compared_to_file
from torch import nn

import archs
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec
from archs.ir import ops
from archs.ir.graph import Builder
from archs.ir.operator import Shape
from costmodel.onnx_runtime.writer import quick_onnx


@pytest.mark.parametrize("name", [name for name in archs.names() if name != "resnet50"])
def test_a_catalogue_network(name):
    family = FAMILIES[name]
    assert compared(family.spec(**{knob: values[0] for knob, values in family.knobs.items()})) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_a_random_table(seed):
    assert compared(random_spec(Random(1000 + seed))) == []


FILES = [("mobilenet_v3_small", {"width": 0.75}), ("shufflenet_v2", {"width": 0.5})]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "knobs"), FILES)
def test_the_exported_file(name, knobs):
    assert compared_to_file(archs.spec(name, **knobs)) == []


@pytest.mark.slow
def test_a_folded_graph():
    assert compared_to_file(archs.fold_batchnorm(archs.build(archs.spec("mobilenet_v2", width=0.35)))) == []


@pytest.mark.parametrize(("low", "high"), [(None, 0.5), (-0.5, None), (-0.5, 0.5)])
def test_a_clamp_of_one_side(low, high):
    """A bound that is left out stands before the other one: an upper bound alone was read as the lower."""
    builder = Builder("clamp", Shape(3, 8, 8))
    x = builder.add("conv", ops.Conv2d(16, 3, bias=True), "input")
    builder.add("clamp", ops.Clamp(low, high), x)
    graph = builder.graph()
    assert compared(graph) == []
    data = onnx.load_from_string(quick_onnx(graph)).graph
    (clip,) = [node for node in data.node if node.op_type == "Clip"]
    assert [bool(name) for name in clip.input[1:]] == [low is not None, *([True] if high is not None else [])]


class Block(nn.Module):
    """A residual block behind a stem, with an activation and a width of choice."""

    def __init__(self, activation: nn.Module, channels: int):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.act = activation
        self.last = nn.Linear(channels, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.stem(x)))
        return self.last(self.act(self.conv(x) + x).mean((2, 3)))


MODULES = [(nn.SiLU(), 18), (nn.GELU(), 18), (nn.Hardswish(), 16), (nn.ReLU6(), 16)]


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "channels"), MODULES)
def test_an_imported_module(activation, channels):
    graph = archs.from_module(Block(activation, channels).eval(), (3, 16, 16))
    assert compared_to_file(graph) == []
