"""What a network's outputs depend on travels with its weights; an edit keeps the weights that it leaves."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import archs
from archs.transforms.surgery import rekernel

SIZE = (3, 16, 16)


class Small(nn.Module):
    """Two convolutions and a classifier; batch norms with TensorFlow's eps and small variances."""

    def __init__(self, classes=5, eps=1e-3):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, eps)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, eps)
        self.fc = nn.Linear(8, classes)
        for norm in (self.bn1, self.bn2):
            nn.init.constant_(norm.running_var, 1e-3)

    def forward(self, x):
        x = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


@pytest.fixture
def module():
    torch.manual_seed(0)
    return Small().eval()


def outputs(module):
    x = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return module.eval()(x)


def test_eps_travels_with_the_file(module, tmp_path):
    path = tmp_path / "weights.safetensors"
    archs.save_weights(archs.from_module(module, SIZE), path)
    bare = archs.from_module(Small(eps=1e-5), SIZE)  # equal but for eps, as a catalogue graph is
    assert torch.allclose(outputs(archs.to_module(archs.load_weights(bare, path))), outputs(module), atol=1e-6)


def test_a_hostile_eps_is_refused(module, tmp_path):
    graph = archs.from_module(module, SIZE)
    state = {n: t for n, t in archs.to_module(graph).state_dict().items() if "num_batches" not in n}
    for bad in ("[1]", '{"bn1": 7.0}', '{"bn1": "x"}', "{"):
        save_file(state, tmp_path / "w", metadata={"archs.eps": bad})
        with pytest.raises(archs.ArchError, match=r"the file's archs.eps is .*; allowed: numbers from 0 to under 1"):
            archs.load_weights(graph, tmp_path / "w")


def test_a_state_dict_of_mobilenet_v3_has_its_published_eps():
    graph = archs.build(archs.spec("mobilenet_v3_small", resolution=32))
    state = archs.to_module(graph).state_dict()
    norms = {node.op.eps for node in archs.from_state_dict(graph, state).nodes if hasattr(node.op, "eps")}
    assert norms == {1e-3}
    norms = {node.op.eps for node in archs.from_state_dict(graph, state, eps=1e-4).nodes if hasattr(node.op, "eps")}
    assert norms == {1e-4}


def test_an_edit_keeps_the_weights_of_the_other_layers(module):
    graph = archs.from_module(module, SIZE)
    edited = rekernel(graph, "conv2", 5)
    assert set(graph.weights) - set(edited.weights) == {"conv2"}
    with pytest.warns(UserWarning, match=r"1 of 12 tensors have no trained weights and keep initial ones: conv2"):
        made = archs.to_module(edited)
    assert torch.equal(made.conv1.weight, module.conv1.weight)
    assert made.conv2.weight.shape == (8, 8, 5, 5)


@pytest.mark.parametrize("way", ["adopt", "from_state_dict", "load_weights"])
def test_another_number_of_classes_takes_the_rest(module, tmp_path, way):
    ten = archs.from_module(Small(classes=10), SIZE)
    path = tmp_path / "weights.safetensors"
    graph = archs.from_module(module, SIZE)
    archs.save_weights(graph, path)
    calls = {
        "adopt": lambda **strict: archs.adopt(ten, graph, **strict),
        "from_state_dict": lambda **strict: archs.from_state_dict(ten, module.state_dict(), **strict),
        "load_weights": lambda **strict: archs.load_weights(ten, path, **strict),
    }
    with pytest.raises(archs.ArchError):
        calls[way]()
    with pytest.warns(UserWarning, match="1 of 5 layers of small keep their initial weights: fc"):
        taken = calls[way](strict=False)
    assert set(taken.weights) == {"conv1", "bn1", "conv2", "bn2"}
    assert taken.weights["conv2"]["weight"].equal(module.conv2.weight)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_a_wrappers_prefix_is_left_out(module, tmp_path, prefix):
    graph = archs.from_module(module, SIZE)
    state = {f"{prefix}{name}": tensor for name, tensor in archs.to_module(graph).state_dict().items()}
    save_file(state, tmp_path / "wrapped.safetensors")
    loaded = archs.load_weights(graph, tmp_path / "wrapped.safetensors")
    for taken in (loaded, archs.from_state_dict(graph, state)):
        assert taken.weights["conv2"]["weight"].equal(module.conv2.weight)


def test_nothing_that_fits_is_an_error(module):
    other = archs.build(archs.spec("mobilenet_v2"))
    with pytest.raises(archs.ArchError, match="no layer of mobilenet_v2 has weights of its size there"):
        archs.from_state_dict(other, {"a.weight": torch.zeros(1)}, strict=False)


@pytest.mark.parametrize("state", [None, [1], 3, {"a": 1}])
def test_what_is_no_state_dict_is_said_so(state):
    graph = archs.build(archs.spec("mobilenet_v2"))
    with pytest.raises(archs.ArchError, match="allowed: a (state dict|tensor)"):
        archs.from_state_dict(graph, state)


@pytest.mark.parametrize("groups", [3.0, 7, "3", True, None])
def test_a_number_of_groups_is_a_whole_number(groups):
    with pytest.raises(archs.ArchError, match="allowed: 1, 2, 3, 4, 8"):
        archs.spec("shufflenet_v1", groups=groups)
