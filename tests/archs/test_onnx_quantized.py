"""Quantised ONNX files: multiply-adds of the float network, and the weights' bytes as they are stored."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from support.modules import lively
from support.onnx_files import exported
from torch import nn

import archs
import costmodel

SHAPE = (3, 16, 16)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (
            nn.Conv2d(3, 8, 3, padding=1),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.Conv2d(8, 8, 1),
        )
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = x + self.c(torch.relu(self.b(x)))
        return self.fc(x.mean((2, 3), keepdim=True).flatten(1))


class Images(CalibrationDataReader):
    def __init__(self, name):
        rng = np.random.default_rng(0)
        self.left = [{name: rng.standard_normal((1, *SHAPE), dtype=np.float32)} for _ in range(3)]

    def get_next(self):
        return self.left.pop() if self.left else None


@pytest.mark.slow
@pytest.mark.parametrize("form", ["QDQ", "QOperator", "dynamic"])
def test_a_quantised_file_counts_as_its_float_network(form, tmp_path):
    torch.manual_seed(0)
    module = lively(Residual())
    source, target = tmp_path / "float.onnx", tmp_path / "quantised.onnx"
    source.write_bytes(exported(module, SHAPE))
    name = onnx.load(source).graph.input[0].name
    if form == "dynamic":
        quantize_dynamic(source, target)
    else:
        quantize_static(source, target, Images(name), quant_format=QuantFormat[form])
    floats, graph = archs.from_onnx(source), archs.from_onnx(target)
    want, found = (costmodel.count(g).total for g in (floats, graph))
    assert found.unknown == 0
    assert found.mult_adds == want.mult_adds
    assert floats.weights.stored_bytes == 4 * want.params
    weights = sum(m.weight.numel() for m in module.modules() if hasattr(m, "weight"))
    assert weights <= graph.weights.stored_bytes <= weights + 4 * (want.params - weights)
    if form != "dynamic":
        x = torch.randn(2, *SHAPE)
        with torch.no_grad():
            y, z = module(x), archs.to_module(graph).eval()(x)
        assert float((y - z).abs().max()) < 0.1 * float(y.abs().max())
