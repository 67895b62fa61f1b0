"""Operators that were opaque although their work is known: one pass over elements, or windows of three sides."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.modules import Lambda, lively
from support.onnx_files import model, node
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import archs
import costmodel
from archs.ir import ops

SHAPE = (8, 6, 10)


def volume(x):
    return x.unflatten(1, (4, 2))


def line(x):
    return x.flatten(2)


def _transformer(m, x):  # Jaderberg et al. 2015
    theta = m.place(x.mean((2, 3))).unflatten(1, (2, 3))
    return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


def _warped(m, x):
    flow = torch.tanh(m.flow(x)).permute(0, 2, 3, 1)
    return F.grid_sample(x, flow, "nearest", "border", align_corners=True)


def _volumes(m, x):
    y = F.avg_pool3d(m.n(m.c(volume(x))), 2, 1)
    z, places = F.max_pool3d(y, (1, 2, 2), return_indices=True)
    return F.max_unpool3d(z, places, (1, 2, 2), output_size=y.shape[2:])


def _cells(m, x):
    state = m.a(x[:, :, 0, 0])
    hidden, _ = m.a(x[:, :, 1, 1], state)
    return m.b(x.mean((2, 3)), hidden)


def _compiled():
    one = nn.Conv2d(8, 8, 1)
    traced = torch.jit.trace(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1)).eval(), torch.randn(1, *SHAPE))
    return nn.Sequential(one, nn.ReLU(), torch.jit.script(nn.Sequential(one)), traced)


def _places(m, x):  # LeViT's norm of tokens, and one of windows
    tokens = x.flatten(2).transpose(1, 2)
    tokens = m.a(tokens.flatten(0, 1)).reshape_as(tokens)
    windows = x.unflatten(3, (2, 5)).permute(0, 3, 1, 2, 4).flatten(0, 1)
    return torch.stack([tokens.mean(1), m.b(windows).unflatten(0, (len(x), 2)).mean((1, 3, 4))]).sum(0)


def _windows(m, x):
    tokens = x.unflatten(3, (2, 5)).permute(0, 3, 2, 4, 1).reshape(-1, 30, 8)
    q, k, v = m.qkv(tokens).chunk(3, -1)
    bias = q.mean(-1, keepdim=True).expand(-1, -1, 30)
    return (torch.softmax(q @ k.transpose(1, 2) + bias, -1) @ v).unflatten(0, (len(x), 2)).sum((1, 2))


WHOLE = {
    "local response norm": lambda: nn.LocalResponseNorm(5, 0.1, 0.7, 2.0),
    "randomised leaky ReLU": nn.RReLU,
    "spatial transformer": lambda: Lambda(_transformer, place=nn.Linear(8, 6)),
    "warp by a flow": lambda: Lambda(_warped, flow=nn.Conv2d(8, 2, 3, padding=1)),
    "volumes": lambda: Lambda(_volumes, c=nn.Conv3d(4, 4, (2, 3, 3), padding="same"), n=nn.BatchNorm3d(4)),
    "lines": lambda: Lambda(
        lambda m, x: m.c(F.pad(F.interpolate(line(x), scale_factor=1.5, mode="linear"), (2, 1), "reflect")),
        c=nn.ConvTranspose1d(8, 6, 4, 2, 1, 1, groups=2),
    ),
    "computed weight along a line": lambda: Lambda(lambda m, x: m.c(line(x)), c=weight_norm(nn.Conv1d(8, 6, 3, 2, 1))),
    "recurrent cells": lambda: Lambda(_cells, a=nn.LSTMCell(8, 5), b=nn.GRUCell(8, 5)),
    "scripted and traced children": _compiled,
    "norms of places": lambda: Lambda(_places, a=nn.BatchNorm1d(8), b=nn.BatchNorm2d(8)),
    "windows and their parts": lambda: Lambda(_windows, qkv=nn.Linear(8, 24)),
    "other means": lambda: Lambda(
        lambda m, x: m.p(x) + F.interpolate(x, (3, 5), mode="bilinear", antialias=True),
        p=nn.AvgPool2d(3, 2, 1, divisor_override=5),
    ),
    "gated linear unit": lambda: nn.GLU(1),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", WHOLE)
def test_is_whole_and_equal(name):
    module = lively(Lambda(lambda m, x: m.m(m.c(x)), c=nn.Conv2d(8, 8, 1), m=WHOLE[name]()))
    graph = archs.from_module(module, SHAPE)
    assert graph.verification.startswith(("outputs, parameters", "outputs and parameters"))
    assert costmodel.count(graph).total.unknown == 0
    assert costmodel.predict(graph).latency_ms > 0


def test_a_convolution_of_volumes_is_counted():
    module = Lambda(lambda m, x: m.c(volume(x)), c=nn.Conv3d(4, 6, (2, 3, 3), padding=(0, 1, 1), groups=2))
    total = costmodel.count(archs.from_module(module, SHAPE)).total
    assert total.params == 6 * 2 * 18 + 6
    assert total.mult_adds == 6 * 2 * 18 * 60


def test_a_window_of_three_sides_reads_each_of_its_elements():
    op = ops.TensorFunction("avg_pool3d.default", (1, 8, 6, 10), ("$0", (5, 1, 1), (1, 1, 1)))
    assert op.window == 5


FILES = {
    "LRN": [node("LRN", "x", size=5, alpha=0.3, beta=0.6, bias=1.5)],
    "GridSample": [
        node("Conv", "x", "w", outputs=["f"]), node("Transpose", "f", outputs=["g"], perm=[0, 2, 3, 1]),
        node("GridSample", "x", "g", mode="linear", padding_mode="reflection"),
    ],
    "sums of three": [node("Relu", "x", outputs=["a"]), node("Tanh", "x", outputs=["b"]), node("Sum", "x", "a", "b")],
    "largest of three": [node("Relu", "x", outputs=["a"]), node("Tanh", "x", outputs=["b"]), node("Max", "x", "a", "b")],
    "mean of constants": [node("Mean", "n", "k", outputs=["m"]), node("Add", "x", "m")],
    "uneven mean": [node("AveragePool", "x", kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
    "transposed, same": [node("ConvTranspose", "x", "t", strides=[2, 2], auto_pad="SAME_LOWER")],
    "transposed to a size": [node("ConvTranspose", "x", "t", strides=[2, 2], output_shape=[16, 15])],
    "transposed, uneven": [node("ConvTranspose", "x", "t", strides=[2, 1], pads=[0, 1, 1, 2])],
    "chosen elements": [
        node("Greater", "x", "n", outputs=["m"]), node("Neg", "x", outputs=["a"]), node("Where", "m", "x", "a"),
    ],
    "chosen, then counted": [node("Less", "x", "n", outputs=["m"]), node("Cast", "m", to=1)],
    "threshold": [node("ThresholdedRelu", "x", alpha=0.4)],
    "largest channel": [node("ArgMax", "x", outputs=["m"], axis=1), node("Cast", "m", to=1)],
    "dilated windows": [node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 3])],
    "einsum": [node("Einsum", "x", "x", equation="bchw,bdhw->bcd")],
    "tiles": [node("Tile", "x", "r")],
}  # fmt: skip
RANDOM = torch.Generator().manual_seed(0)
HELD = {
    "w": torch.randn(2, 4, 1, 1, generator=RANDOM), "t": torch.randn(4, 3, 3, 2, generator=RANDOM), "n": torch.tensor(0.2), "k": torch.tensor(0.8), "r": torch.tensor([1, 2, 1, 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_whole_and_equal(name):
    pytest.importorskip("onnxruntime")
    read = {name for n in FILES[name] for name in n.input}
    data = model(FILES[name], constants={k: v for k, v in HELD.items() if k in read}).SerializeToString()
    graph = archs.from_onnx(data, verify=True)
    assert graph.verification.startswith("outputs are equal to ONNX Runtime's")
    assert costmodel.count(graph).total.unknown == 0


def test_a_third_input_is_not_dropped():
    """Which the standard does not allow: the operator is unknown, not a sum of the first two."""
    nodes = [node("Relu", "x", outputs=["a"]), node("Tanh", "x", outputs=["b"]), node("Add", "x", "a", "b")]
    with pytest.raises(archs.ArchError, match=r"'Add' \('Add'\) is unknown here"):
        archs.from_onnx(model(nodes).SerializeToString())


def test_constant_outputs_count_among_the_numbers():
    data = model(
        [node("Identity", "n", outputs=["c"]), node("Relu", "x"), node("Tanh", "x", outputs=["z"])], constants=HELD
    )
    for name in ("z", "c"):
        data.graph.output.append(data.graph.output[0])
        data.graph.output[-1].name = name
    data.graph.output.insert(0, data.graph.output.pop())  # c, y, z
    ends = [archs.from_onnx(data.SerializeToString(), output=which).nodes[-1].op for which in (1, 2, "z")]
    assert [type(op).__name__ for op in ends] == ["ReLU", "Tanh", "Tanh"]
    with pytest.raises(archs.ArchError, match="output is 0; network gives: y, z"):
        archs.from_onnx(data.SerializeToString(), output=0)


def test_every_reduction_of_a_window_reads_it():
    pooled = ops.TensorFunction("max_pool1d_with_indices.default", (4, 4), ("$0", (3,)), item=0)
    assert pooled.window == 3


def test_a_number_for_each_image_is_priced():
    module = Lambda(lambda m, x: torch.sigmoid(m.l(x.mean((2, 3)))[:, 0]), l=nn.Linear(8, 3))
    graph = archs.from_module(module, SHAPE)
    assert graph.nodes[-1].output == ()
    prediction = costmodel.predict(graph)
    assert prediction.latency_ms > 0
    assert len(prediction.table()) == len(graph.nodes) == len(costmodel.count(graph).table())
