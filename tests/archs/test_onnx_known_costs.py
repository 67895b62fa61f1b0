"""ONNX operators and attributes that torch spells otherwise: read in full, with ONNX Runtime's output and parameters."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from support.modules import Lambda
from support.onnx_files import exported, model, node
from torch import nn

import archs
import costmodel
from archs.ir.ops import Opaque

pytest.importorskip("onnxruntime")

SHAPE = (1, 4, 8, 8)
PLACES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn")
ROUNDED = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def drawn(*sizes: int) -> torch.Tensor:
    return torch.randn(sizes, generator=torch.Generator().manual_seed(0))


def read(nodes, constants=None, opset=13):
    """The graph of a file that ONNX Runtime agrees with, all of whose operators are known."""
    graph = archs.from_onnx(model(nodes, SHAPE, constants, opset).SerializeToString(), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert not any(isinstance(n.op, Opaque) for n in graph.nodes)
    return graph


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("way", ROUNDED)
def test_the_nearest_pixel_is_that_of_the_file(where, way):
    options = {"mode": "nearest", "coordinate_transformation_mode": where, "nearest_mode": way}
    for scales in ((2.0, 2.0), (0.5, 0.5), (1.5, 0.7), (3.0, 2.3), (0.6, 1.0)):
        held = {"s": torch.tensor([1.0, 1.0, *scales])}
        read([node("Resize", "x", "", "s", **options)], held)
    read([node("Resize", "x", "", "", "z", **options)], {"z": torch.tensor([1, 4, 13, 5])})


@pytest.mark.parametrize("scales", [(0.6, 1.5), (2.0, 2.0), (0.5, 0.5), (1.4, 2.7)], ids=str)
def test_the_nearest_pixel_before_version_11(scales):
    read([node("Resize", "x", "s", mode="nearest")], {"s": torch.tensor([1.0, 1.0, *scales])}, 10)


def test_twice_the_size_is_one_operator_however_it_is_rounded():
    nodes = [node("Resize", "x", "", "s", mode="nearest")]
    graph = read(nodes, {"s": torch.tensor([1.0, 1.0, 2.0, 2.0])})
    assert [type(n.op).__name__ for n in graph.nodes] == ["Upsample"]


FLAT = node("Flatten", "x", outputs=["f"])
SUMMANDS = {"none": None, "outputs": (5,), "a row": (1, 5), "one": (1,), "one in a row": (1, 1), "a number": ()}


@pytest.mark.parametrize(("alpha", "beta"), [*product((1.0, 0.5), (1.0, 2.0, 0.0))])
@pytest.mark.parametrize("summand", SUMMANDS)
def test_a_product_with_its_factors(alpha, beta, summand):
    sizes, held = SUMMANDS[summand], {"w": drawn(256, 5)}
    if sizes is not None:
        held["c"] = drawn(*sizes)
    graph = read([FLAT, node("Gemm", "f", "w", *list(held)[1:], alpha=alpha, beta=beta)], held)
    total = costmodel.count(graph).total
    assert total.mult_adds == 1280
    assert total.params == 1280 + (5 if beta and summand in ("outputs", "a row") else 0)  # one number is a constant


def test_a_matrix_that_is_scaled_in_one_of_two_places_is_one_parameter():
    nodes = [FLAT, node("Gemm", "f", "w", outputs=["h"], alpha=0.5), node("Gemm", "h", "w", transB=1)]
    assert costmodel.count(read(nodes, {"w": drawn(256, 5)})).total.params == 1280


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2])
def test_before_version_13_the_axes_behind_one_are_one(op, axis):
    read([node(op, "x", axis=axis)], opset=11)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("trained", [True, False])
def test_a_scale_for_each_group(groups, trained):
    held = {"w": drawn(groups) if trained else torch.ones(groups), "b": torch.zeros(groups)}
    graph = read([node("GroupNormalization", "x", "w", "b", num_groups=groups, epsilon=0.1)], held, 18)
    assert costmodel.count(graph).total.params == 2 * groups


@pytest.mark.parametrize("sizes", [(4, 8, 8), (8,), (8, 1), (4, 1, 1), (1,), (1, 4, 8, 8)], ids=str)
def test_slopes_of_places_rows_and_channels(sizes):
    graph = read([node("PRelu", "x", "s")], {"s": drawn(*sizes)})
    assert costmodel.count(graph).total.params == drawn(*sizes).numel()


@pytest.mark.parametrize(
    ("nodes", "held"),
    [
        ([node("Pow", "c", "x")], {"c": torch.tensor(2.0)}),
        ([node("Pow", "c", "x")], {"c": torch.tensor([0.5])}),
        ([node("Mod", "x", "c", fmod=1)], {"c": torch.tensor(0.3)}),
    ],
)
def test_a_number_and_a_tensor(nodes, held):
    read(nodes, held)


def attended(m, x):
    n, c, h, w = x.shape
    y = x.flatten(2).transpose(1, 2)
    return m.attention(y, y, y, need_weights=False)[0].transpose(1, 2).reshape(n, c, h, w)


@pytest.mark.parametrize(
    ("forward", "layers", "options"),
    [
        # the images lie between the places and the features, which one image does not show
        (attended, {"attention": nn.MultiheadAttention(8, 2, batch_first=True)}, {"do_constant_folding": False}),
        (attended, {"attention": nn.MultiheadAttention(8, 2, batch_first=True)}, {"dynamo": True, "optimize": False}),
        (lambda m, x: m.a(x).mean((2, 3), keepdim=True).squeeze(), {"a": nn.Conv2d(8, 4, 1)}, {}),
    ],
    ids=["attention", "attention, dynamo", "squeezed"],
)
def test_a_file_of_one_image(forward, layers, options):
    torch.manual_seed(0)
    module = Lambda(forward, **layers).eval()
    graph = archs.from_onnx(exported(module, (8, 6, 6), **options), verify=True)
    assert graph.verification.startswith("outputs are equal")
    x = torch.randn(3, 8, 6, 6)
    with torch.no_grad():
        assert torch.allclose(archs.to_module(graph).eval()(x), module(x), atol=1e-5)


RESAMPLED = {
    "nearest": lambda m, x: nn.functional.interpolate(m.a(x), scale_factor=2.0),
    "bilinear": lambda m, x: nn.functional.interpolate(m.a(x), size=(17, 5), mode="bilinear"),
    "circular": lambda m, x: nn.functional.pad(m.a(x), (1, 2, 0, 1), mode="circular"),
    "windows": lambda m, x: nn.functional.unfold(m.a(x), 3, padding=1),
}


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", RESAMPLED)
def test_what_torch_exports_of_maps(name, dynamo):
    """Torch's newer exporter states the policy of an aspect ratio and a wrapped padding; both write windows as indices."""
    torch.manual_seed(0)
    module = Lambda(RESAMPLED[name], a=nn.Conv2d(4, 4, 1)).eval()
    graph = archs.from_onnx(exported(module, (4, 6, 6), dynamo=dynamo), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert costmodel.count(graph).total.params == 20
    x = torch.randn(3, 4, 6, 6)
    with torch.no_grad():
        assert torch.allclose(archs.to_module(graph).eval()(x), module(x), atol=1e-5)
