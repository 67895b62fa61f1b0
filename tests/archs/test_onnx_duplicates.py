"""Weights that a file stores a second time, transposed or in another shape: one parameter, and said to be read so."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.modules import Lambda
from support.onnx_files import exported, model, node
from torch import nn

import archs
import costmodel
from archs.interop.onnx import duplicates

pytest.importorskip("onnxruntime")

TIED = {
    "an autoencoder": (
        lambda m, x: F.linear(F.relu(m.a(x.flatten(1))), m.a.weight.t()),
        lambda: nn.Linear(48, 16),
    ),
    "along the last axis": (
        lambda m, x: F.linear(F.relu(m.a(x.permute(0, 2, 3, 1))), m.a.weight.t()),
        lambda: nn.Linear(3, 16),
    ),
    "a square matrix": (lambda m, x: m.a(x.flatten(1)) @ m.a.weight, lambda: nn.Linear(48, 48, bias=False)),
    "filters of swapped channels": (
        lambda m, x: F.conv2d(F.relu(m.a(x)), m.a.weight.transpose(0, 1), padding=1),
        lambda: nn.Conv2d(3, 8, 3, padding=1),
    ),
    "mirrored filters": (
        lambda m, x: F.conv2d(F.relu(m.a(x)), m.a.weight.transpose(0, 1).flip(2, 3), padding=1),
        lambda: nn.Conv2d(3, 8, 3, padding=1),
    ),
    "one layer in two places along the last axis": (  # the optimised exporter transposes each of over 1,024 elements
        lambda m, x: m.a(F.relu(m.a(x.flatten(1)[:, None]))),
        lambda: nn.Linear(48, 48),
    ),
    "a matrix as 1×1 filters": (
        lambda m, x: (
            F.conv2d(x.flatten(1)[..., None, None], m.a.weight[..., None, None]).flatten(1) + m.a(x.flatten(1))
        ),
        lambda: nn.Linear(48, 16),
    ),
}
EXPORTERS = {
    "TorchScript": {},
    "TorchScript, unfolded": {"do_constant_folding": False},
    "dynamo": {"dynamo": True},
    "dynamo, unfolded": {"dynamo": True, "optimize": False},
}


@pytest.mark.parametrize("way", EXPORTERS)
@pytest.mark.parametrize("case", TIED)
def test_a_tied_weight_that_is_stored_twice_is_one_parameter(case, way):
    torch.manual_seed(0)
    forward, layer = TIED[case]
    module = Lambda(forward, a=layer()).eval()
    graph = archs.from_onnx(exported(module, (3, 4, 4), **EXPORTERS[way]), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert costmodel.count(graph).total.params == sum(p.numel() for p in module.parameters())


def counted(a, b, names=("a", "b")):
    """Parameters of a file of two products, and the words that say what was taken for what."""
    one, other = names
    nodes = [node("MatMul", "x", one, outputs=["h"]), node("Relu", "h", outputs=["r"]), node("MatMul", "r", other)]
    graph = archs.from_onnx(model(nodes, (1, 4, 8, 8), {one: a, other: b}).SerializeToString(), verify=True)
    assert graph.verification.startswith("outputs are equal")
    said = graph.verification.partition("; ")[2]
    assert not said or said.endswith(f": '{other}' as '{one}'")
    return costmodel.count(graph).total.params, said.partition(",")[0]


ONE, EACH = "read as one parameter", "counted each"


def test_only_elements_that_no_chance_repeats_are_one_parameter():
    matrix = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    assert counted(matrix, matrix.t().contiguous()) == (64, ONE)
    assert counted(torch.ones(8, 4), torch.ones(4, 8)) == (64, "")
    assert counted(torch.eye(8, 4), torch.eye(4, 8)) == (64, "")
    assert counted(matrix[:, :1].contiguous(), matrix[:, :1].t().contiguous()) == (16, "")
    assert counted(matrix, matrix.t().flip(0).contiguous()) == (128, "")


def test_equal_weights_are_one_where_an_exporter_computed_both_and_said_to_be_equal_where_not():
    """A weight that is read twice and the copy of a layer look alike, but for the names."""
    matrix = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    assert counted(matrix, matrix.clone(), ("val_0", "val_2")) == (64, ONE)
    assert counted(matrix, matrix.clone(), ("a.weight", "b.weight")) == (128, EACH)
    assert counted(torch.ones(8, 8), torch.ones(8, 8), ("val_0", "val_2")) == (128, "")


@pytest.mark.parametrize("named", [[], [node("Identity", "one", outputs=["var"])]], ids=["merged", "Identity"])
def test_a_norm_whose_own_tensors_were_merged_has_them_all(named):
    """An exporter that merges equal tensors reads one set of ones as weight and as variance."""
    nodes = [*named, node("BatchNormalization", "x", "one", "zero", "zero", "var" if named else "one")]
    graph = archs.from_onnx(model(nodes, constants={"one": torch.ones(4), "zero": torch.zeros(4)}).SerializeToString())
    assert [type(n.op).__name__ for n in graph.nodes] == ["BatchNorm"]
    assert costmodel.count(graph).total.params == 8


@pytest.mark.parametrize("way", ["TorchScript", "dynamo"])
def test_norms_of_a_network_that_was_not_trained_have_their_own_parameters(way):
    module = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3)).eval()
    graph = archs.from_onnx(exported(module, (3, 4, 4), **EXPORTERS[way]), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert costmodel.count(graph).total.params == 18


def test_a_file_of_shuffled_tensors_is_compared_within_bounds(monkeypatch):
    compared = []
    monkeypatch.setattr(duplicates, "_moves", lambda *pair: compared.append(pair))
    elements = torch.randn(64)
    duplicates.stored_again({f"t{i}": elements.roll(i).reshape(8, 8) for i in range(64)})
    assert len(compared) == duplicates.MAX_PAIRS < 64 * 63 / 2
