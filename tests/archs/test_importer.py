"""Other people's networks as graphs: the same integers, the same output, the same structure; clear errors."""

from __future__ import annotations

import pytest
import torch
from support import zoo_styles as zoo
from support.modules import SMALL, WHOLE, Lambda, isomorphic, lively
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.interop.aten.naming import snake
from archs.interop.pytorch.importer import from_module
from archs.ir import ops


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_activations_have_the_names_of_the_field():
    words = ["relu", "silu", "gelu", "elu", "leaky_relu", "relu6", "hardswish"]

    def function(self, x):
        for word in words:
            x = getattr(nn.functional, word)(x)
        return x

    paths = [node.path for node in from_module(Lambda(function), (3, 4, 4)).nodes]
    assert paths == [*words[:-1], "hard_swish"]


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
        lambda m, x: m.after(torch.logcumsumexp(m.before(x), 1)), before=nn.Conv2d(4, 4, 1), after=nn.Conv2d(4, 2, 1)
    )
    graph = from_module(module, (4, 12, 10))
    assert graph["logcumsumexp"].op == ops.Opaque("aten.logcumsumexp.default", (4, 12, 10))
    total = costmodel.count(graph).total
    assert total.unknown == 1
    assert total.params == 20 + 10
    assert list(costmodel.count(graph).table()["unknown"]) == [0, 1, 0]
    assert 'self.logcumsumexp = UnknownOperator("aten.logcumsumexp.default")' in archs.to_source(graph)
    exported = archs.to_module(graph)
    torch.testing.assert_close(exported.before.weight, module.before.weight)
    with pytest.raises(
        NotImplementedError, match=r"aten\.logcumsumexp\.default: put the operator in the place of this stub"
    ):
        exported(torch.zeros(1, 4, 12, 10))
    with pytest.raises(
        archs.ArchError, match=r"logcumsumexp is unknown: aten\.logcumsumexp\.default, which an ONNX file cannot hold"
    ):
        archs.to_onnx(graph)
    known = costmodel.predict(from_module(nn.Sequential(module.before, module.after), (4, 12, 10)))
    found = costmodel.predict(graph)
    assert 0.5 * known.latency_ms < found.latency_ms < 1.5 * known.latency_ms
    assert found.nodes_ms[1] < 0.1 * found.latency_ms
    assert found.lower_bound == "at least: unknown and not in it: aten.logcumsumexp.default"
    assert "at least" in repr(found)
    assert known.lower_bound == ""


def test_an_opaque_operator_keeps_its_parameters():
    module = Lambda(lambda m, x: torch.nextafter(x, m.w), w=nn.Parameter(torch.randn(4, 1, 5 * 2)))
    graph = from_module(module, (4, 12, 10))
    total = costmodel.count(graph).total
    assert total.params == 40
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


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (TwoInputs(), "TwoInputs.forward takes x, y; allowed: one tensor of images"),
        (Lambda(_branches), r"Lambda branches on what the image holds \(return x \* 2 if x.sum\(\) > 0 else x\)"),
        (Lambda(_dynamic_size), "Lambda branches on what the image holds|shape of .* depends on what the image holds"),
        (Lambda(_dynamic), "the shape of index's result depends on what the image holds"),
        (Lambda(lambda m, x: x), "gives its input back"),
        (Lambda(lambda m, x: torch.ones(3)), "gives what does not depend on the image"),
        (Lambda(lambda m, x: x.sum(0)), "it mixes them|mixes"),
        (
            nn.Conv2d(3, 8, 3),
            r"Conv2d does not run on 4×12×10 images: .*expected input\[13, 4, 12, 10\] to have 3 channels",
        ),
        (nn.Conv2d(4, 8, 13, bias=False), "Conv2d does not run on 4×12×10 images"),
        ("resnet18", "found 'resnet18'; allowed: an nn.Module"),
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
    "shape", [(3, 224), (3, 224, 0), (2, 3, 224, 224), (3, 224.0, 224), "3,224,224", (3, 10**6, 1), 7]
)
def test_a_bad_input_shape(shape):
    with pytest.raises(archs.ArchError, match="allowed: channels, height, width, each from 1 to 16384"):
        from_module(nn.ReLU(), shape)
