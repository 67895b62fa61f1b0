"""The ONNX file: the checker passes it, it has the network's parameters, another runtime computes what torch does."""

from __future__ import annotations

from math import prod
from random import Random

import onnx
import onnxruntime
import pytest
import torch

import archs
import costmodel
from archs.catalogue.sampling import random_spec
from archs.interop.onnx.exporter import INPUT, OUTPUT, to_onnx

SPECS = {name: archs.spec(name, resolution=64) for name in archs.names()}
SPECS |= {f"edit{seed}": random_spec(Random(seed)).edit(resolution=64) for seed in range(3)}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def with_weights(graph: archs.Graph) -> archs.Graph:
    """The graph with weights unlike those that torch begins with, so that none can be mistaken for another."""
    rng = torch.Generator().manual_seed(7)
    state = archs.to_module(graph).state_dict()
    for name, tensor in state.items():
        if tensor.dim() < 2 and not name.endswith("num_batches_tracked"):
            state[name] = 0.5 + torch.rand(tensor.shape, generator=rng)
    return archs.from_state_dict(graph, state)


def run(data: bytes, images: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_the_file_is_the_network(name):
    graph = archs.build(SPECS[name])
    graph = with_weights(archs.fold_batchnorm(graph) if name in ("edit0", "shufflenet_v2") else graph)
    data = to_onnx(graph)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    tensors = {tensor.name: prod(tensor.dims) for tensor in model.graph.initializer}
    module = archs.to_module(graph).eval()
    parameters = dict(module.named_parameters())
    assert parameters.keys() <= tensors.keys()
    assert sum(tensors[name] for name in parameters) == costmodel.count(graph).total.params
    others = [n for name, n in tensors.items() if name not in parameters and not name.endswith(STATISTICS)]
    assert max(others, default=1) <= 4, "limits and sizes, and no weights under another name"
    for images in (torch.rand(1, *graph.input), torch.rand(3, *graph.input)):
        with torch.inference_mode():
            wanted = module(images)
        torch.testing.assert_close(run(data, images), wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.slow
def test_without_weights_the_same_file_every_time_and_nothing_of_this_machine():
    graph = archs.build(archs.spec("mobilenet_v2", width=0.35, resolution=32))
    torch.manual_seed(1)
    data = to_onnx(graph)
    after = torch.rand(1)
    assert data == to_onnx(graph)
    torch.manual_seed(1)
    assert after == torch.rand(1), "the caller's random numbers go on as if nothing had been"
    graph = onnx.load_from_string(data).graph
    assert graph.name == "mobilenet_v2"
    assert not any(part.metadata_props or part.doc_string for part in [graph, *graph.node, *graph.initializer])


def test_more_than_a_file_can_hold():
    spec = archs.spec("mobilenet_v1")
    wide = spec.rows[-1].model_copy(update={"channels": 16384})
    big = spec.edit(rows=(*spec.rows[:-1], wide, wide, wide))
    with pytest.raises(archs.ArchError, match="allowed in an ONNX file"):
        to_onnx(archs.build(big))
