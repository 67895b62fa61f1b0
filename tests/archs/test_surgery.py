"""Edits of graphs that no table describes, on networks as torchvision writes them; and graphs that are tables."""

from __future__ import annotations

import pytest
import torch
from support import zoo_styles as zoo
from support.modules import ResNet, isomorphic, lively, without_dropout
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.ir import ops
from archs.tables.lift import spec_of
from archs.transforms.surgery import regroup, rekernel, remove, scopes, widen, widen_scope, widths

SIZE = (3, 64, 64)
pytestmark = pytest.mark.filterwarnings("ignore:.*have no trained weights and keep initial ones:UserWarning")


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(1)
    return archs.from_module(lively(ResNet()), SIZE)


def runs(graph):
    """The graph's export runs, and says what the graph says of it."""
    module = archs.to_module(graph).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        y = module(torch.rand(1, *graph.input))
    total = costmodel.count(graph).total
    assert tuple(y.shape[1:]) == tuple(graph.output)
    assert 2 * total.mult_adds == counter.get_total_flops()
    assert total.params == sum(p.numel() for p in module.parameters())
    return graph


def changed(a, b):
    """The paths whose weights are of other numbers, and those whose outputs are."""
    return {n.path for n in b.nodes if a.params(a[n.path]) != b.params(n)}, {
        n.path for n in b.nodes if a[n.path].output != n.output
    }


def test_widen_a_stage(resnet):
    wider = runs(widen_scope(resnet, "layer3", 1.5))
    assert {wider[f"layer3/{i}/conv{j}"].output[0] for i in (0, 1) for j in (1, 2)} == {384}
    assert wider["layer3/0/downsample/0"].output[0] == 384, "what is added to them is as wide"
    assert wider["layer2/1/conv2"] == resnet["layer2/1/conv2"]
    assert wider["layer4/0/conv1"].output[0] == 512
    weights, outputs = changed(resnet, wider)
    assert {path.partition("/")[0] for path in outputs} == {"layer3"}
    assert weights - {path for path in weights if path.startswith("layer3")} == {
        "layer4/0/conv1",
        "layer4/0/downsample/0",
    }
    assert set(wider.weights) == {path for path in resnet.weights if path not in weights}, "what is as it was stays"


def test_widen_what_is_inside_a_block(resnet):
    wider = runs(widen(resnet, "layer2/1/conv1", 200))
    assert changed(resnet, wider)[1] == {"layer2/1/conv1", "layer2/1/bn1", "layer2/1/relu"}


def test_widen_what_is_added(resnet):
    narrower = runs(widen(resnet, "layer1/0/conv2", 40))
    assert {narrower[path].output[0] for path in ("conv1", "bn1", "maxpool", "layer1/0/conv2", "layer1/1/conv2")} == {
        40
    }
    assert narrower["layer1/0/conv1"].output[0] == 64


def test_classes(resnet):
    assert runs(widen(resnet, "fc", 7)).output == (7,)
    assert widen_scope(resnet, "layer4", 2).output == (10,)
    with pytest.raises(
        archs.ArchError, match="fc has no width of its own; allowed: a block or stage with convolutions"
    ):
        widen_scope(resnet, "fc", 2)


def test_remove_a_block(resnet):
    less = runs(remove(resnet, "layer2/1"))
    assert less["layer3/0/conv1"].inputs == ("layer2/0/relu2",)
    assert set(less.weights) == {path for path in resnet.weights if not path.startswith("layer2/1")}
    x = torch.rand(1, *SIZE)
    with torch.no_grad():
        torch.manual_seed(1)
        whole = lively(ResNet())
        whole.layer2[1] = nn.Identity()
        assert torch.allclose(archs.to_module(less).eval()(x), whole(x), rtol=1e-3, atol=1e-4)


def test_remove_what_changes_the_width_is_followed_or_refused(resnet):
    with pytest.raises(
        archs.ArchError, match=r"layer2/1/add: add takes two tensors of one shape .* found 128×16×16 and 64×16×16"
    ):
        remove(resnet, "layer2/0")
    assert runs(remove(resnet, "layer2"))["layer3/0/conv1"].op.params(resnet["layer1/1/relu2"].output) == 64 * 9 * 256


def test_remove_what_cannot_go(resnet):
    with pytest.raises(archs.ArchError, match="fc gives the network's output"):
        remove(resnet, "fc")
    with pytest.raises(archs.ArchError, match="'nothing' is no block of res_net"):
        remove(resnet, "nothing")
    with pytest.raises(
        archs.ArchError, match="layer1/0/add reads 2 tensors and gives 1; allowed to remove: what reads one"
    ):
        remove(resnet, "layer1/0/add")


@pytest.mark.slow
def test_rekernel_a_depthwise_convolution():
    graph = archs.from_module(lively(zoo.MobileNetV2()), SIZE)
    wider = runs(rekernel(graph, "features/2/conv/1/0", 7))
    op, x = wider["features/2/conv/1/0"].op, wider.input_shapes(wider["features/2/conv/1/0"])[0]
    assert (op.kernel, op.padding, op.depthwise(x)) == ((7, 7), (3, 3), True)
    assert changed(graph, wider) == ({"features/2/conv/1/0"}, set())
    expanded = runs(widen(graph, "features/2/conv/0/0", 64))
    assert expanded["features/2/conv/1/0"].op.groups == expanded["features/2/conv/1/0"].op.channels == 64
    with pytest.raises(archs.ArchError, match="kernel is 4; allowed: an odd number from 1 to 31"):
        rekernel(graph, "features/2/conv/1/0", 4)
    with pytest.raises(archs.ArchError, match="features/2/conv/1/0 has no width of its own: depthwise 3×3 /2 follows"):
        widen(graph, "features/2/conv/1/0", 64)


def test_a_gate_is_as_wide_as_what_it_gates():
    graph = archs.from_module(lively(zoo.MobileNetV3(zoo.MobileNetV3.SMALL, 1024)), SIZE)
    gate = next(n for n in graph.nodes if isinstance(n.op, ops.Multiply))
    first = next(p for p in widths(graph) if graph[p].block == gate.block and graph[p].output[0] == gate.output[0])
    assert runs(widen(graph, first, 48))[gate.path].output[0] == 48


def test_regroup(resnet):
    assert runs(regroup(resnet, "layer1/0/conv1", 4))["layer1/0/conv1"].op.groups == 4
    with pytest.raises(archs.ArchError, match="layer1/0/conv1: groups=3 must divide the 64 input and the 64 output"):
        regroup(resnet, "layer1/0/conv1", 3)
    grouped = archs.from_module(ResNet(groups=32).to("meta"), SIZE)
    assert runs(widen_scope(grouped, "layer1", 1.4))["layer1/0/conv1"].output[0] == 96, "32 divides it"


@pytest.mark.slow
def test_splits_follow_a_stage():
    graph = archs.from_module(lively(zoo.ShuffleNetV2()), SIZE)
    wider = runs(widen_scope(graph, "stage2", 0.5))
    assert {n.op.sizes for n in wider.nodes if isinstance(n.op, ops.ChannelSplit) and n.stage == "stage2"} == {(29, 29)}


def test_shared_weights_are_edited_together():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(torch.relu(self.conv(x)))

    graph = archs.from_module(Twice(), (4, 8, 8))
    owner = graph.shared[0][1]
    assert [n.op.kernel for n in runs(rekernel(graph, owner, 5)).nodes if isinstance(n.op, ops.Conv2d)] == [(5, 5)] * 2
    with pytest.raises(archs.ArchError, match="runs with the weights of conv"):
        remove(graph, owner)
    with pytest.raises(archs.ArchError, match="runs with the weights of conv, which would be of another size"):
        widen(graph, owner, 8)


def test_what_there_is_to_choose(resnet):
    assert scopes(resnet)[:3] == ["layer1", "layer1/0", "layer1/1"]
    assert widths(resnet)[:2] == ["conv1", "layer1/0/conv1"]
    assert widths(resnet)[-1] == "fc"


@pytest.mark.parametrize(
    ("what", "value"), [("channels", 0), ("channels", 10**6), ("channels", 1.5), ("factor", 0), ("factor", 17)]
)
def test_bad_numbers(resnet, what, value):
    with pytest.raises(archs.ArchError, match=f"{what} is {value}; allowed"):
        widen(resnet, "conv1", value) if what == "channels" else widen_scope(resnet, "layer1", value)


# Tables

TABLES = {
    "MobileNetV2": zoo.MobileNetV2,
    "MobileNetV3-Large": lambda: zoo.MobileNetV3(zoo.MobileNetV3.LARGE, 1280),
    "MobileNetV3-Small, by hand": lambda: zoo.MobileNetV3(
        zoo.MobileNetV3.SMALL, 1024, zoo.HandHardSwish, zoo.HandSqueezeExcite
    ),
    "ShuffleNetV2": zoo.ShuffleNetV2,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_an_imported_network_as_a_table(make):
    with torch.device("meta"):
        graph = archs.from_module(make(), SIZE)
    spec = spec_of(graph)
    assert isomorphic(archs.build(spec), graph)
    assert archs.Spec.from_json(spec.to_json()) == spec
    assert len(spec.rows) < 25


@pytest.mark.parametrize("name", archs.names())
def test_the_catalogue_is_read_back(name):
    spec = archs.spec(name, resolution=96)
    for graph in (archs.build(spec), archs.fold_batchnorm(without_dropout(archs.build(spec)))):
        found = spec_of(graph)
        assert isomorphic(archs.build(found), graph)
    assert len(spec_of(archs.build(spec)).rows) <= len(spec.rows) + 2


def test_another_table_is_another_graph():
    spec = spec_of(archs.build(archs.spec("mobilenet_v2", resolution=96)))
    assert [row.repeat for row in spec.rows] == [1, 1, 2, 3, 4, 3, 3, 1, 1, 1, 1]
    assert not isomorphic(
        archs.build(spec.edit_row(3, kernel=5)), archs.build(archs.spec("mobilenet_v2", resolution=96))
    )


def test_where_no_row_fits(resnet):
    with pytest.raises(archs.ArchError, match="layer1/0/conv1: conv 3×3 starts nothing that a table's rows describe"):
        spec_of(resnet)
