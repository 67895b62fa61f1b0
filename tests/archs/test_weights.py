"""Trained weights: with an imported graph, through folding and files, and onto the catalogue's own graphs."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from support import zoo_styles as zoo
from support.modules import SMALL, Lambda, lively
from torch import nn

import archs
import costmodel
from archs.interop.pytorch.attribute_names import attributes
from archs.ir import ops

SIZE = (3, 64, 64)


def run(module, x):
    with torch.no_grad():
        return module.eval()(x)


@pytest.fixture(scope="module")
def mobilenet():
    module = lively(zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024))
    return module, archs.from_module(module, SIZE)


@pytest.fixture(scope="module")
def image():
    return torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(0))


def test_attributes_say_where_each_node_is(mobilenet):
    _, graph = mobilenet
    exported = archs.to_module(graph)
    places = attributes(graph)
    for node in graph.nodes:
        spelled = node.op.spelling(*graph.input_shapes(node))
        assert (node.path in places) == isinstance(spelled, ops.Module)
        if node.path in places:
            assert type(exported.get_submodule(places[node.path])).__name__ == spelled.target.removeprefix("nn.")
    assert len(set(places.values())) == len(places)


def test_folding_folds_the_weights(mobilenet, image):
    module, graph = mobilenet
    folded = archs.fold_batchnorm(graph)
    assert costmodel.count(folded).total.batch_norm == 0
    assert torch.allclose(run(archs.to_module(folded), image), run(module, image), rtol=1e-3, atol=1e-5)


def test_weights_are_no_part_of_the_graphs_value(mobilenet):
    _, graph = mobilenet
    other = archs.from_module(zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024), SIZE)
    assert graph == other
    assert hash(graph) == hash(other)
    assert "tensor" not in repr(graph)


def test_the_graph_holds_no_copy_and_the_module_does(mobilenet):
    module, graph = mobilenet
    first = module.features[0][0].weight
    assert graph.weights["features/0/0"]["weight"].data_ptr() == first.data_ptr()
    exported = archs.to_module(graph)
    assert all(p.data_ptr() != first.data_ptr() for p in exported.parameters())


def test_safetensors_in_and_out(mobilenet, image, tmp_path):
    module, graph = mobilenet
    path = tmp_path / "weights.safetensors"
    archs.save_weights(graph, path)
    bare = archs.from_module(zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024), SIZE)
    assert not torch.allclose(run(archs.to_module(bare), image), run(module, image), atol=1e-3)
    loaded = archs.load_weights(bare, path)
    assert torch.allclose(run(archs.to_module(loaded), image), run(module, image), atol=1e-5)
    text = archs.from_source(archs.to_source(graph))  # as a user has it: the file and the weights
    text.load_state_dict(load_file(path), strict=False)
    assert torch.allclose(run(text, image), run(module, image), atol=1e-5)


def _other_size(state):
    state["classifier.3.weight"] = torch.zeros(7, 1024)


def _other_name(state):
    state["classifier.3.wait"] = state.pop("classifier.3.weight")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_size, r"classifier.3.weight has \(7, 1024\) in the file; allowed: \(1000, 1024\)"),
        (_other_name, r"'classifier.3.wa?e?ig?h?t' is in the file or in mobile_net_v3, not in both"),
    ],
)
def test_a_file_that_does_not_fit(mobilenet, tmp_path, change, message):
    _, graph = mobilenet
    state = {name: t.clone() for name, t in archs.to_module(graph).state_dict().items()}
    change(state)
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(archs.ArchError, match=message):
        archs.load_weights(graph, tmp_path / "weights.safetensors")


def test_a_pickle_is_refused(mobilenet, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    torch.save({"bomb": Bomb()}, tmp_path / "weights.pt")
    with pytest.raises(archs.ArchError, match="not a safetensors file"):
        archs.load_weights(mobilenet[1], tmp_path / "weights.pt")


def test_a_graph_without_weights_has_none_to_save(tmp_path):
    graph = archs.build(archs.spec("mobilenet_v2"))
    with pytest.raises(archs.ArchError, match="mobilenet_v2 has no weights beside it"):
        archs.save_weights(graph, tmp_path / "weights.safetensors")


def test_shared_weights_come_along(tmp_path):
    module = lively(SMALL["a block called twice"]())
    graph = archs.from_module(module, (4, 12, 10))
    archs.save_weights(graph, tmp_path / "w.safetensors")
    loaded = archs.load_weights(graph, tmp_path / "w.safetensors")
    x = torch.rand(2, 4, 12, 10)
    assert torch.allclose(run(archs.to_module(loaded), x), run(module, x), atol=1e-6)


def test_parameters_that_forward_never_reads_are_named():
    module = Lambda(lambda m, x: m.conv(x), conv=nn.Conv2d(4, 4, 3), aux=nn.Linear(8, 3))
    graph = archs.from_module(module, (4, 12, 10))
    assert graph.weights.unused == {"aux.weight": 24, "aux.bias": 3}
    total = sum(p.numel() for p in module.parameters())
    assert costmodel.count(graph).total.params + sum(graph.weights.unused.values()) == total


# Onto the catalogue

PRETRAINED = {
    "mobilenet_v2": (zoo.MobileNetV2, {}, None),
    "mobilenet_v3_large": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.LARGE, 1280), {}, 1e-3),
    "mobilenet_v3_small": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024), {}, 1e-3),
    "shufflenet_v2": (zoo.ShuffleNetV2, {"code": "torchvision"}, None),
    "resnet50": (zoo.ResNet50, {"code": "torchvision"}, None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_weights_for_the_catalogue(name, image):
    make, knobs, eps = PRETRAINED[name]
    module = lively(make())
    catalogue = archs.build(archs.spec(name, resolution=64, **knobs))
    expected = run(module, image)
    by_structure = archs.adopt(catalogue, archs.from_module(module, SIZE))
    by_order = archs.from_state_dict(catalogue, module.state_dict(), eps)
    assert by_structure == by_order == catalogue
    for graph in (by_structure, by_order):
        assert torch.allclose(run(archs.to_module(graph), image), expected, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(run(archs.to_module(catalogue), image), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_another_network_takes_them_not():
    module = zoo.MobileNetV2()
    wider = archs.build(archs.spec("mobilenet_v2", width=1.4, resolution=64))
    with pytest.raises(
        archs.ArchError, match=r"stem/conv/conv is conv 3×3 /2 to 48×32×32, which the other has nowhere"
    ):
        archs.adopt(wider, archs.from_module(module, SIZE))
    with pytest.raises(archs.ArchError, match=r"features.0.0.weight has \(32, 3, 3, 3\) where stem/conv/conv's weight"):
        archs.from_state_dict(wider, module.state_dict())
    with pytest.raises(archs.ArchError, match=r"262 tensors for mobilenet_v3_small; allowed: "):
        archs.from_state_dict(archs.build(archs.spec("mobilenet_v3_small")), module.state_dict())
    with pytest.raises(archs.ArchError, match=r"takes 3×96×96 and .* 3×64×64"):
        archs.adopt(archs.build(archs.spec("mobilenet_v2", resolution=96)), archs.from_module(module, SIZE))
