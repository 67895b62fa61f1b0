"""Other people's networks as graphs: the same integers, the same output, the same structure; clear errors."""

from __future__ import annotations

import networkx
import pytest
import torch
import torch.nn.functional as F
import zoo_styles as zoo
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.interop.aten.naming import snake
from archs.interop.pytorch.importer import from_module
from archs.ir import ops

WHOLE = {
    "MobileNetV2": (zoo.MobileNetV2, "mobilenet_v2", {}),
    "MobileNetV2, functions": (zoo.FunctionalMobileNetV2, "mobilenet_v2", {}),
    "MobileNetV3-Large": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.LARGE, 1280), "mobilenet_v3_large", {}),
    "MobileNetV3-Small": (lambda: zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024), "mobilenet_v3_small", {}),
    "MobileNetV3-Small, by hand": (
        lambda: zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024, zoo.HandHardSwish, zoo.HandSqueezeExcite),
        "mobilenet_v3_small",
        {},
    ),
    "ShuffleNetV2": (zoo.ShuffleNetV2, "shufflenet_v2", {"code": "torchvision"}),
    "ShuffleNetV2, slices and permute": (
        lambda: zoo.ShuffleNetV2(zoo.shuffle_by_permute, zoo.by_slices),
        "shufflenet_v2",
        {"code": "torchvision"},
    ),
    "ShuffleNetV2, split": (lambda: zoo.ShuffleNetV2(split=zoo.by_split), "shufflenet_v2", {"code": "torchvision"}),
}


def lively(module):
    """Weights and statistics under which every layer changes the output."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.named_buffers():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.normal_(0.1, 0.5)
        for parameter in module.parameters():
            if parameter.dim() <= 1 or parameter.detach().abs().max() == 0:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return module.eval()


def isomorphic(a, b):
    def same(one, other):
        if one["node"] is None or other["node"] is None:
            return one["node"] is other["node"]
        return (one["node"].op, one["node"].output) == (other["node"].op, other["node"].output)

    return networkx.is_isomorphic(a.to_networkx(), b.to_networkx(), node_match=same)


@pytest.mark.parametrize(("make", "name", "knobs"), WHOLE.values(), ids=WHOLE)
def test_isomorphic_to_the_catalogue(make, name, knobs):
    with torch.device("meta"):
        module = make()
    graph = from_module(module, (3, 224, 224))
    catalogue = archs.build(archs.spec(name, **knobs))
    assert isomorphic(graph, catalogue)
    assert costmodel.count(graph).total == costmodel.count(catalogue).total
    assert sum(p.numel() for p in module.parameters()) == costmodel.count(graph).total.params


def test_another_network_is_not_isomorphic():
    with torch.device("meta"):
        graph = from_module(zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1280), (3, 224, 224))
    assert not isomorphic(graph, archs.build(archs.spec("mobilenet_v3_small")))


class Lambda(nn.Module):
    """A network of a few layers and a function."""

    def __init__(self, function, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def _two_branches(m, x):  # RepVGG: 3×3, 1×1 and identity, each with its norm
    return F.relu(m.norm3(m.conv3(x)) + m.norm1(m.conv1(x)) + m.norm(x))


def _same_padding(m, x):  # TensorFlow's: the odd pixel behind
    rows, columns = (max((-(-side // 2) - 1) * 2 + 3 - side, 0) for side in x.shape[-2:])
    x = F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
    return m.pool(F.pad(m.conv(x), (0, 1, 0, 1), value=-float("inf")))


def _option_a(m, x):  # He et al. 2015: subsample, then channels of zeros
    return m.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 3))


def _standardized(m, x):
    w = m.conv.weight
    w = F.batch_norm(w.reshape(1, len(w), -1), None, None, (m.gain * 0.3).view(-1), None, True, 0.0, 1e-6)
    return F.conv2d(x, w.reshape_as(m.conv.weight), m.conv.bias, padding=1) * 1.7


def _eca(m, x):
    gate = m.conv(x.mean((2, 3)).view(len(x), 1, -1))
    return x * torch.sigmoid(gate).view(len(x), -1, 1, 1).expand_as(x)


def _selective(m, x):  # SKNet
    parts = torch.stack([m.a(x), m.b(x)], dim=1)
    gate = parts.sum(1).mean((2, 3), keepdim=True)
    gate = torch.softmax(m.fc(gate).view(len(x), 2, 4, 1, 1), dim=1)
    return (parts * gate).sum(dim=1)


def _response_norm(m, x):  # ConvNeXtV2
    x = m.linear(x.permute(0, 2, 3, 1))
    size = x.norm(p=2, dim=(1, 2), keepdim=True)
    return (x + torch.addcmul(m.bias, m.weight, x * (size / (size.mean(-1, keepdim=True) + 1e-6)))).permute(0, 3, 1, 2)


def _attention(m, x):
    n, c, h, w = x.shape
    q, k, v = m.qkv(m.norm(x.flatten(2).transpose(1, 2))).view(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
    y = (q * 0.3) @ k.transpose(-2, -1)
    y = y.softmax(-1) @ v
    z = F.scaled_dot_product_attention(q, k, v)
    return (y + z).transpose(1, 2).reshape(n, h * w, c).transpose(1, 2).reshape(n, c, h, w)


def _decoder(m, x):
    y = F.interpolate(m.up(x), scale_factor=2, mode="nearest")
    y = F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=True)
    return F.pixel_unshuffle(F.pixel_shuffle(y, 2), 2)


def _arithmetic(m, x):
    y = (2 - x) / 3 + 1 / (x.abs() if False else x * x + 1.5) - x.exp().clamp(max=2)
    return torch.maximum(y, x) * -1 + (x + 5).sqrt() + x.var((2, 3), keepdim=True, unbiased=False)


def _in_place(m, x):
    y = m.conv(x)
    y.relu_()
    y += x
    left, right = y.chunk(2, 1)
    right = right.mul_(2)
    return torch.cat((right, left), 1).add_(1)


def _activations(m, x):
    for act in m.acts:
        x = act(x)
    return x * torch.sigmoid(x) + x * torch.tanh(F.softplus(x)) + x * F.hardsigmoid(x)


def _global_pools(m, x):
    return torch.cat(
        [x.mean(3).mean(2), x.view(*x.shape[:2], -1).mean(-1), F.adaptive_max_pool2d(x, 1).flatten(1), x.amax((2, 3))],
        1,
    )


def _twice(m, x):
    return m.block(F.relu(m.block(x)))


class Cell(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(4)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


def _megvii(m, x):  # the authors' own shuffle, which moves the batch
    def shuffled(x):
        n, c, h, w = x.shape
        x = x.reshape(n * c // 2, 2, h * w).permute(1, 0, 2).reshape(2, -1, c // 2, h, w)
        return x[0], x[1]

    left, right = shuffled(m.conv(x))
    return torch.cat((left, m.branch(right)), 1)


def _other_precision(m, x):
    with torch.autocast("cpu", enabled=False):
        y = m.conv(x) * 2
    return y + x


def _not_for_export(m, x):
    assert not torch.compiler.is_exporting()
    return torch.relu(m.conv(x))


def _tied(m, x):
    return m.second(m.first(x))


_ONE = nn.Conv2d(4, 4, 3, padding=1)

SMALL = {
    "re-parameterised branches": lambda: Lambda(
        _two_branches,
        conv3=nn.Conv2d(4, 4, 3, padding=1, bias=False),
        conv1=nn.Conv2d(4, 4, 1, bias=False),
        **{name: nn.BatchNorm2d(4) for name in ("norm3", "norm1", "norm")},
    ),
    "TensorFlow's padding": lambda: Lambda(_same_padding, conv=nn.Conv2d(4, 6, 3, 2), pool=nn.MaxPool2d(2, 2)),
    "padding as a word": lambda: nn.Sequential(nn.Conv2d(4, 4, 3, padding="same"), nn.Conv2d(4, 6, 4, padding="same")),
    "padding by mirror": lambda: nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), nn.ReplicationPad2d(1), nn.ZeroPad2d((-1, 1, 0, 2))
    ),
    "shortcut without weights": lambda: Lambda(_option_a, conv=nn.Conv2d(4, 9, 3, 2, 1)),
    "standardized filters": lambda: Lambda(
        _standardized, conv=nn.Conv2d(4, 5, 3), gain=nn.Parameter(torch.ones(5, 1, 1, 1))
    ),
    "efficient channel attention": lambda: Lambda(_eca, conv=nn.Conv1d(1, 1, 3, padding=1, bias=False)),
    "selective kernels": lambda: Lambda(
        _selective, a=nn.Conv2d(4, 4, 3, padding=1), b=nn.Conv2d(4, 4, 3, padding=2, dilation=2), fc=nn.Conv2d(4, 8, 1)
    ),
    "response norm": lambda: Lambda(
        _response_norm,
        linear=nn.Linear(4, 6),
        bias=nn.Parameter(torch.zeros(1, 1, 1, 6)),
        weight=nn.Parameter(torch.zeros(1, 1, 1, 6)),
    ),
    "attention": lambda: Lambda(_attention, norm=nn.LayerNorm(4, eps=1e-6), qkv=nn.Linear(4, 12, bias=False)),
    "decoder": lambda: Lambda(_decoder, up=nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, groups=2)),
    "arithmetic": lambda: Lambda(_arithmetic),
    "in place": lambda: Lambda(_in_place, conv=nn.Conv2d(4, 4, 1)),
    "activations": lambda: Lambda(
        _activations,
        acts=nn.ModuleList(
            [nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.ELU(), nn.LeakyReLU(0.2), nn.PReLU(4), nn.Tanh(), nn.Softplus()]
        ),
    ),
    "global pools": lambda: Lambda(_global_pools),
    "norms": lambda: nn.Sequential(
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4, affine=True),
        nn.LayerNorm((4, 12, 10)),
        nn.BatchNorm2d(4, affine=False),
    ),
    "pools": lambda: nn.Sequential(
        nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AdaptiveAvgPool2d((2, 3))
    ),
    "a head on flat features": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(480, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.0), nn.Dropout(0.3), nn.Linear(8, 3)
    ),
    "the shuffle of megvii": lambda: Lambda(_megvii, conv=nn.Conv2d(4, 6, 1), branch=nn.Conv2d(3, 3, 1)),
    "calls under another autocast": lambda: Lambda(_other_precision, conv=nn.Conv2d(4, 4, 1)),
    "what only a symbolic trace takes": lambda: Lambda(_not_for_export, conv=nn.Conv2d(4, 4, 1)),
    "a module called twice": lambda: Lambda(_twice, block=nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())),
    "a block called twice": lambda: Lambda(_twice, block=Cell(nn.Conv2d(4, 4, 3, padding=1))),
    "one convolution in two blocks": lambda: Lambda(_tied, first=Cell(_ONE), second=Cell(_ONE)),
}


def check(module, shape=(4, 12, 10)):
    """A module's graph says what torch says of it, and its export does what it does."""
    module = lively(module)
    graph = from_module(module, shape)
    assert not [node.path for node in graph.nodes if isinstance(node.op, ops.Opaque)]
    total = costmodel.count(graph).total
    x = torch.rand(2, *shape)
    # attention as the products that it is: torch's other kernel for the CPU is one operator that nobody counts
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        expected = module(x)
    assert 4 * total.mult_adds == counter.get_total_flops()
    assert total.params == sum(p.numel() for p in module.parameters())
    assert f"{total.params:,} parameters" in archs.to_source(graph)
    exported = archs.to_module(graph).eval()
    assert sum(p.numel() for p in exported.parameters()) == total.params
    with torch.no_grad():
        found = exported(x)
    assert found.shape == expected.shape == (2, *graph.output)
    assert expected.std() > 1e-3, "an output of one value compares nothing"
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
    return graph


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
def test_styles(make):
    check(make())


@pytest.mark.parametrize("name", ["MobileNetV3-Small, by hand", "ShuffleNetV2, slices and permute"])
def test_whole_networks_give_the_same_output(name):
    graph = check(WHOLE[name][0](), (3, 64, 64))
    text = archs.to_source(graph)
    assert text.count("\nclass ") <= 12, "blocks of one structure are one class"
    assert "MobileNetV2's block" not in text, "another's class of that name is not ours to describe"


def test_idioms_are_taken_for_what_they_are():
    kinds = {
        name: [type(n.op).__name__ for n in check(SMALL[name]()).nodes] for name in ("activations", "global pools")
    }
    assert kinds["activations"][-5:] == ["SiLU", "Mish", "Add", "HardSwish", "Add"]
    assert kinds["global pools"].count("GlobalAvgPool") == 2


def test_the_authors_shuffle_is_one():
    graph = check(SMALL["the shuffle of megvii"]())
    assert [n.op for n in graph.nodes][1:4] == [
        ops.ChannelShuffle(3),
        ops.ChannelSplit((3, 3), 0),
        ops.ChannelSplit((3, 3), 1),
    ]


def test_a_gate_that_others_read_too_stays():
    def function(m, x):
        gate = torch.sigmoid(x)
        return x * gate + gate

    assert [type(n.op) for n in check(Lambda(function)).nodes] == [ops.Sigmoid, ops.Multiply, ops.Add]


def test_module_paths_become_node_paths():
    graph = check(zoo.MobileNetV2(), (3, 32, 32))
    assert [n.path for n in graph.nodes if n.block == "features/2"][:3] == [
        "features/2/conv/0/0",
        "features/2/conv/0/1",
        "features/2/conv/0/2",
    ]
    assert dict(graph.kinds)["features/2"] == "inverted_residual"
    assert graph["features/3/add"].op == ops.Add()
    stages = from_module(zoo.FunctionalMobileNetV2().to("meta"), (3, 32, 32))
    assert {n.stage for n in stages.nodes if "blocks" in n.path} == {f"blocks{i}" for i in range(7)}
    assert stages["blocks1/0/expand"].block == "blocks1/0"


def test_names_are_made_safe():
    module = nn.Sequential()
    for name in ("input", "a/b", "class", "é", "None", "import os"):
        module.add_module(name, nn.Conv2d(4, 4, 1))
    graph = check(module)
    assert "input" not in {node.path for node in graph.nodes}
    assert snake("Évil; import os") == "vil_import_os"


def test_a_module_called_twice_has_its_parameters_once():
    graph = check(SMALL["a module called twice"]())
    costs = costmodel.count(graph)
    assert graph.shared == (("block2/0", "block/0"),)
    assert [c.params for c in costs.nodes if c.mult_adds] == [4 * 4 * 9 + 4, 0]
    assert len({c.mem_access for c in costs.nodes if c.mult_adds}) == 1, "the weights are read twice"


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    module[1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    from_module(module, (4, 12, 10))
    assert [m.training for m in module] == [True, False, True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_without_memory():
    """A network of 40 GB on the meta device: its graph, and a module refused for its size."""
    with torch.device("meta"):
        module = nn.Sequential(nn.Conv2d(4, 30_000, 3), nn.Conv2d(30_000, 40_000, 3))
    graph = from_module(module, (4, 12, 10))
    assert costmodel.count(graph).total.params == 30_000 * (36 + 1) + 40_000 * (270_000 + 1)
    with pytest.raises(archs.ArchError, match="allowed in a module"):
        archs.to_module(graph)


# What is unknown


def test_an_unknown_operator_is_opaque_and_counted_as_unknown():
    module = Lambda(
        lambda m, x: m.after(torch.cumsum(m.before(x), 1)), before=nn.Conv2d(4, 4, 1), after=nn.Conv2d(4, 2, 1)
    )
    graph = from_module(module, (4, 12, 10))
    assert graph["cumsum"].op == ops.Opaque("aten.cumsum.default", (4, 12, 10))
    total = costmodel.count(graph).total
    assert total.unknown == 1
    assert total.params == 20 + 10
    assert list(costmodel.count(graph).table()["unknown"]) == [0, 1, 0]
    with pytest.raises(archs.ArchError, match=r"'aten.cumsum.default' is an operator that the importer does not know"):
        archs.to_source(graph)


def test_an_opaque_operator_keeps_its_parameters():
    module = Lambda(lambda m, x: torch.einsum("nchw,cd->ndhw", x, m.w), w=nn.Parameter(torch.randn(4, 5)))
    graph = from_module(module, (4, 12, 10))
    total = costmodel.count(graph).total
    assert total.params == 20
    assert total.unknown >= 1


# What is refused


class TwoInputs(nn.Module):
    def forward(self, x, y):
        return x + y


def _branches(m, x):
    return x * 2 if x.sum() > 0 else x


def _dynamic(m, x):
    return x[x > 0].sum()


def _dynamic_size(m, x):
    return x[:, :, : int(x.abs().max())]


def _stale(m, x):
    y = x * 2
    view = y.view(len(x), 2, 2, 12, 10)
    y.relu_()
    return view.sum(1)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (TwoInputs(), "TwoInputs.forward takes x, y; allowed: one tensor of images"),
        (Lambda(lambda m, x: (x * 2, x * 3)), "Lambda gives 2 tensors; allowed: one"),
        (Lambda(lambda m, x: {"out": x * 2, "aux": x * 3}), "Lambda gives 2 tensors; allowed: one"),
        (Lambda(_branches), r"Lambda branches on what the image holds \(return x \* 2 if x.sum\(\) > 0 else x\)"),
        (Lambda(_dynamic_size), "Lambda branches on what the image holds|shape of .* depends on what the image holds"),
        (Lambda(_dynamic), "the shape of index's result depends on what the image holds"),
        (Lambda(_stale), "sum reads a view whose memory was written to in place"),
        (Lambda(lambda m, x: x), "gives its input back"),
        (Lambda(lambda m, x: torch.ones(3)), "gives what does not depend on the image"),
        (Lambda(lambda m, x: x.sum(0)), "it mixes them|mixes"),
        (
            nn.Conv2d(3, 8, 3),
            r"Conv2d does not run on 4×12×10 images: .*expected input\[13, 4, 12, 10\] to have 3 channels",
        ),
        (nn.Conv2d(4, 8, 13, bias=False), "Conv2d does not run on 4×12×10 images"),
        ("resnet18", "found 'str'; allowed: an nn.Module"),
    ],
    ids=lambda v: v[:30] if isinstance(v, str) else "",
)
def test_what_cannot_be_a_graph_is_a_clear_error(module, message, capfd):
    with pytest.raises(archs.ArchError, match=message) as error:
        from_module(module, (4, 12, 10))
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 400
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "shape", [(3, 224), (3, 224, 0), (1, 3, 224, 224), (3, 224.0, 224), "3,224,224", (3, 10**6, 1), 7]
)
def test_a_bad_input_shape(shape):
    with pytest.raises(archs.ArchError, match="allowed: channels, height, width, each from 1 to 16384"):
        from_module(nn.ReLU(), shape)
