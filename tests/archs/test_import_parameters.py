"""Parameters that are read in several forms, or written to by a forward: each once, and the user's own left as it is."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from support.modules import Lambda
from support.onnx_files import model, node
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.ir.ops import Opaque


class Read(nn.Module):
    """One parameter and a layer, read by a function."""

    def __init__(self, forward, *sizes, layer=None):
        super().__init__()
        self.read, self.layer = forward, layer
        self.w = nn.Parameter(torch.randn(*sizes))

    def forward(self, x):
        return self.read(self, x)


def conv():
    return nn.Conv2d(4, 4, 3, padding=1)


FORMS = {
    "bias of a convolution, and behind another": lambda: Read(
        lambda m, x: F.conv2d(m.layer(x), m.layer.weight * 2, m.layer.bias, padding=1) * m.w, 1, layer=conv()
    ),
    "linear and 1×1": lambda: Read(
        lambda m, x: m.layer(F.conv2d(x, m.layer.weight[..., None, None], m.layer.bias).mean((2, 3))) * m.w,
        *(1,),
        layer=nn.Linear(4, 4),
    ),
    "square, and transposed": lambda: Read(lambda m, x: F.linear(F.relu(x.mean((2, 3)) @ m.w), m.w), 4, 4),
    "head and its transpose": lambda: Read(lambda m, x: F.linear(x.mean((2, 3)), m.w) @ m.w, 6, 4),
    "slopes and a gain": lambda: Read(
        lambda m, x: m.layer(x) * m.layer.weight.view(1, -1, 1, 1) * m.w, 1, layer=nn.PReLU(4)
    ),
    "gain of maps and of a vector": lambda: Read(
        lambda m, x: (x * m.w.view(4, 1, 1)).mean((2, 3)) * m.w + m.w.view(-1)[0], 4
    ),
    "norm and behind it": lambda: Read(
        lambda m, x: m.layer(x) * m.layer.weight[:, None, None] * m.w, 1, layer=nn.BatchNorm2d(4)
    ),
    "along a line and over a map": lambda: Read(
        lambda m, x: F.conv2d(x, m.w[:, :, None]) + F.conv1d(x.mean(2), m.w)[:, :, None], 4, 4, 3
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_parameter_that_is_read_in_several_forms_is_one(name):
    torch.manual_seed(0)
    original = FORMS[name]().eval()
    x = torch.randn(2, 4, 8, 9)
    graph = archs.from_module(original, (4, 8, 9))
    made = archs.to_module(graph).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        want = original(x)
    torch.testing.assert_close(made(x), want, atol=1e-4, rtol=1e-3)
    params = sum(p.numel() for p in original.parameters())
    total = costmodel.count(graph).total
    assert total.params == params == sum(p.numel() for p in made.parameters())
    assert 2 * 2 * total.mult_adds == counter.get_total_flops()  # of two images
    assert not any(isinstance(n.op, Opaque) for n in graph.nodes)


@pytest.mark.parametrize(
    ("nodes", "tensors", "params"),
    [
        (
            [
                node("Conv", "x", "w", "b", outputs="c"),
                node("Reshape", "b", "s", outputs="r"),
                node("Add", "c", "r", outputs="y"),
            ],
            {"w": torch.randn(6, 4, 3, 3), "b": torch.randn(6), "s": torch.tensor([6, 1, 1])},
            222,
        ),
        (
            [
                node("GlobalAveragePool", "x", outputs="p"),
                node("Flatten", "p", outputs="f"),
                node("Gemm", "f", "w", outputs="g"),
                node("Gemm", "g", "w", outputs="y", transB=1),
            ],
            {"w": torch.randn(4, 5)},
            20,
        ),
    ],
    ids=["bias and shift", "matrix and its transpose"],
)
def test_a_tensor_of_a_file_that_is_read_in_two_forms_is_one(nodes, tensors, params):
    graph = archs.from_onnx(model(nodes, constants=tensors).SerializeToString(), verify=True)
    assert "equal" in graph.verification
    made = archs.to_module(graph)
    assert costmodel.count(graph).total.params == params == sum(p.numel() for p in made.parameters())


@pytest.mark.parametrize("lock", [False, True], ids=["copied", "what cannot be copied"])
def test_a_forward_that_writes_to_its_parameters_leaves_them(lock):
    def forward(m, x):
        with torch.no_grad():
            m.conv.weight.clamp_(-0.1, 0.1)
        return m.conv(x)

    original = Lambda(forward)
    original.conv = conv()
    if lock:
        original.lock = threading.Lock()
    before, kept = original.conv.weight.detach().clone(), original.conv.weight
    graph = archs.from_module(original, (4, 8, 8))
    assert "equal" in graph.verification
    assert original.conv.weight is kept
    assert torch.equal(kept, before)


def test_parameters_made_in_inference_mode_are_read():
    with torch.inference_mode():
        original = nn.Sequential(conv(), nn.BatchNorm2d(4))
    assert "equal" in archs.from_module(original, (4, 8, 8)).verification


def test_a_layer_that_a_forward_makes_is_refused_with_the_remedy():
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = None

        def forward(self, x):
            if self.conv is None:
                self.conv = nn.Conv2d(x.shape[1], 6, 3)
            return self.conv(x)

    with pytest.raises(archs.ArchError, match=r"Late makes conv.weight in its forward; allowed: run it once"):
        archs.from_module(Late(), (4, 8, 8))
