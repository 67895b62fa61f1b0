"""ONNX files as graphs: the catalogue and other people's styles through both of torch's exporters, nodes by hand."""

from __future__ import annotations

import pytest
import torch
from support import zoo_styles as zoo
from support.modules import SMALL, WHOLE, isomorphic, lively, without_dropout
from support.onnx_files import exported, model, node

import archs
import costmodel
from archs.interop.onnx.scopes import scopes
from archs.ir import ops

SIZE = (3, 64, 64)


def run(module, x):
    with torch.no_grad():
        return module.eval()(x)


def same(graph, expected, module, shape=SIZE):
    assert isomorphic(graph, expected)
    ours, theirs = costmodel.count(graph).total, costmodel.count(expected).total
    assert (ours.mult_adds, ours.params, ours.mem_access) == (theirs.mult_adds, theirs.params, theirs.mem_access)
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    found, wanted = run(archs.to_module(graph), x), run(module, x)
    assert wanted.std() > 1e-3
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)


DYNAMO = ("mobilenet_v1", "shufflenet_v1", "mobilenet_v2", "shufflenet_v2", "mobilenet_v3_small", "mnasnet_a1")
"""It takes seconds each; the others have no operator that these have not."""
EXPORTERS = [(name, False) for name in archs.names()] + [(name, True) for name in DYNAMO]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dynamo"), EXPORTERS, ids=lambda v: {True: "dynamo", False: "TorchScript"}.get(v, v))
def test_the_catalogue_through_onnx(name, dynamo):
    graph = archs.build(archs.spec(name, resolution=64))
    module = lively(archs.to_module(graph))
    found = archs.from_onnx(exported(module, SIZE, dynamo))
    same(found, without_dropout(archs.fold_batchnorm(graph)), module)  # both exporters fold
    assert {n.stage for n in found.nodes} >= {row.stage for row in graph.spec.rows} - {"head"}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_other_styles_through_onnx(name):
    module = lively(WHOLE[name][0]())
    graph = archs.fold_batchnorm(archs.from_module(module, SIZE))
    same(archs.from_onnx(exported(module, SIZE)), without_dropout(graph), module)


@pytest.mark.slow
def test_batch_norm_stays_where_the_exporter_leaves_it():
    module = lively(zoo.ShuffleNetV2())
    found = archs.from_onnx(exported(module, SIZE, dynamo=True, optimize=False))
    same(found, archs.from_module(module, SIZE), module)
    assert dict(found.kinds)["stage2/0"] == "shuffle_unit"
    assert found.nodes[0].path == "conv1/0"


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3, "open"])
def test_the_files_own_batch_does_not_matter(batch):
    module = lively(zoo.ShuffleNetV2(zoo.shuffle_by_permute, zoo.by_slices))
    more = {"dynamic_axes": {"x": {0: "n"}}, "input_names": ["x"]} if batch == "open" else {}
    data = exported(module, SIZE, batch=2 if batch == "open" else batch, **more)
    same(archs.from_onnx(data), archs.fold_batchnorm(archs.from_module(module, SIZE)), module)


NOT_EXPORTED = {"in place", "pools", "calls under another autocast"}  # torch's own exporter refuses them


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(SMALL) - NOT_EXPORTED))
def test_styles_through_onnx(name):
    module = lively(SMALL[name]())
    graph = archs.from_onnx(exported(module, (4, 12, 10)))
    assert not [n.op.target for n in graph.nodes if isinstance(n.op, ops.Opaque)]
    assert (
        costmodel.count(graph).total.mult_adds
        == costmodel.count(archs.from_module(module, (4, 12, 10))).total.mult_adds
    )
    x = torch.rand(1, 4, 12, 10)
    assert torch.allclose(run(archs.to_module(graph), x), run(module, x), rtol=1e-3, atol=1e-4)


# Nodes by hand

floats = torch.arange(1.0, 17.0)


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


BY_HAND = {
    "clip, an attribute": ([node("Clip", "x", min=0.0, max=6.0)], {}, 6, "ReLU6", lambda x: x.clamp(0, 6)),
    "clip, open above": ([node("Clip", "x", "low")], {"low": torch.tensor(0.0)}, 13, "ReLU", lambda x: x.clamp(0)),
    "hard sigmoid of keras": ([node("HardSigmoid", "x")], {}, 20, "MultiplyConstant AddConstant Clamp", lambda x: (x * 0.2 + 0.5).clamp(0, 1)),
    "hard swish, in three": (
        [node("HardSigmoid", "x", outputs=["g"], alpha=1 / 6), node("Mul", "x", "g")], {}, 20, "HardSwish", torch.nn.functional.hardswish,
    ),
    "slice, attributes": ([node("Slice", "x", starts=[1], ends=[3], axes=[1])], {}, 9, "ChannelSplit", lambda x: x[:, 1:3]),
    "pad, an attribute": ([node("Pad", "x", pads=[0, 0, 1, 0, 0, 0, 0, 2])], {}, 9, "ZeroPad", lambda x: torch.nn.functional.pad(x, (0, 2, 1, 0))),
    "pad, axes": (
        [node("Pad", "x", "p", "", "a")], {"p": ints(1, 2), "a": ints(-1)}, 18, "ZeroPad", lambda x: torch.nn.functional.pad(x, (1, 2)),
    ),
    "same padding, upper": (
        [node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")], {}, 20, "ConstantPad MaxPool",
        lambda x: torch.nn.functional.max_pool2d(torch.nn.functional.pad(x, (0, 1, 0, 1), value=-float("inf")), 3, 2),
    ),
    "flatten": ([node("Flatten", "x")], {}, 20, "Flatten", lambda x: x.flatten(1)),
    "flatten by shape, gather, unsqueeze, concat": (
        [
            node("Shape", "x", outputs=["s"]), node("Gather", "s", "zero", outputs=["n"]), node("Unsqueeze", "n", "axes", outputs=["n1"]),
            node("Concat", "n1", "rest", outputs=["t"], axis=0), node("Reshape", "x", "t"),
        ],
        {"zero": torch.tensor(0), "axes": ints(0), "rest": ints(-1)}, 20, "Flatten", lambda x: x.flatten(1),
    ),
    "gemm, not transposed": (
        [node("GlobalAveragePool", "x", outputs=["p"]), node("Flatten", "p", outputs=["f"]), node("Gemm", "f", "w", "b")],
        {"w": floats[:12].reshape(4, 3), "b": floats[:3]}, 20, "GlobalAvgPool Flatten Linear",
        lambda x: x.mean((2, 3)) @ floats[:12].reshape(4, 3) + floats[:3],
    ),
    "product and bias apart": (
        [node("Transpose", "x", outputs=["t"], perm=[0, 2, 3, 1]), node("MatMul", "t", "w", outputs=["m"]), node("Add", "b", "m")],
        {"w": floats[:12].reshape(4, 3), "b": floats[:3]}, 20, "Permute LinearLast",
        lambda x: x.permute(0, 2, 3, 1) @ floats[:12].reshape(4, 3) + floats[:3],
    ),
    "normalised first": (
        [node("Sub", "x", "m", outputs=["d"]), node("Div", "d", "s")],
        {"m": floats[:4].reshape(1, 4, 1, 1), "s": floats[4:8].reshape(4, 1, 1)}, 20, "Shift Scale",
        lambda x: (x - floats[:4].reshape(4, 1, 1)) / floats[4:8].reshape(4, 1, 1),
    ),
    "depth to space, columns first": (
        [node("DepthToSpace", "x", blocksize=2)], {}, 20, "View Permute Reshape",
        lambda x: x.view(-1, 2, 2, 1, 8, 8).permute(0, 3, 4, 1, 5, 2).reshape(-1, 1, 16, 16),
    ),
    "nearest": (
        [node("Resize", "x", "", "s", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        {"s": torch.tensor([1.0, 1, 2, 2])}, 20, "Upsample", lambda x: torch.nn.functional.interpolate(x, scale_factor=2),
    ),
    "gelu by erf": (
        [
            node("Div", "x", "r", outputs=["d"]), node("Erf", "d", outputs=["e"]), node("Add", "e", "one", outputs=["p"]),
            node("Mul", "x", "p", outputs=["m"]), node("Mul", "m", "half"),
        ],
        {"r": torch.tensor(2**0.5), "one": torch.tensor(1.0), "half": torch.tensor(0.5)}, 20, "GELU", torch.nn.functional.gelu,
    ),
    "one for all": ([node("Sub", "one", "x")], {"one": torch.tensor([1.0])}, 20, "MultiplyConstant AddConstant", lambda x: 1 - x),
    "mean over all": ([node("ReduceMean", "x", axes=[2, 3], keepdims=0)], {}, 13, "GlobalAvgPool", lambda x: x.mean((2, 3))),
    "split into equal parts": (
        [node("Split", "x", outputs=["a", "b"], axis=1, num_outputs=2), node("Mul", "a", "b")], {}, 18, "ChannelSplit ChannelSplit Multiply",
        lambda x: x[:, :2] * x[:, 2:],
    ),
    "dropout": ([node("Dropout", "x", "p")], {"p": torch.tensor(0.3)}, 13, "Dropout", lambda x: x),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_nodes_by_hand(name):
    nodes, constants, opset, kinds, function = BY_HAND[name]
    graph = archs.from_onnx(model(nodes, constants=constants, opset=opset).SerializeToString())
    assert " ".join(type(n.op).__name__ for n in graph.nodes) == kinds
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(run(archs.to_module(graph), x), function(x), rtol=1e-4, atol=1e-5)


def test_what_is_trained():
    """What a map is multiplied with is a parameter, what is taken from it or divides it is a constant."""
    nodes, constants, *_ = BY_HAND["normalised first"]
    assert costmodel.count(archs.from_onnx(model(nodes, constants=constants).SerializeToString())).total.params == 0
    scaled = model([node("Mul", "x", "s")], constants={"s": floats[:4].reshape(4, 1, 1)})
    assert costmodel.count(archs.from_onnx(scaled.SerializeToString())).total.params == 4


class Repeated(torch.nn.Module):
    """A recurrent layer that runs twice, a linear layer on tokens and on their mean, and a product by einsum."""

    def __init__(self):
        super().__init__()
        self.rnn, self.linear = torch.nn.GRU(3, 3, batch_first=True), torch.nn.Linear(3, 5)
        self.mix = torch.nn.Parameter(torch.randn(4, 5))

    def forward(self, x):
        tokens, _ = self.rnn(self.rnn(x.flatten(2).transpose(1, 2))[0])
        tokens = torch.cat([tokens[:, ::3], tokens[:, [0, 5]], tokens.flip(1)], 1)
        y = self.linear(tokens).mean(1) + self.linear(tokens.mean(1))
        return torch.einsum("bc,oc->bo", y, self.mix)


def test_what_a_file_stores_twice_is_counted_once():
    """Exporters store a weight as it is and transposed, and the parameters of a recurrent layer under several names."""
    torch.manual_seed(0)
    module = Repeated().eval()
    graph = archs.from_onnx(exported(module, (3, 4, 4)), verify=True)
    assert graph.verification.startswith("outputs are equal")
    assert costmodel.count(graph).total.params == sum(p.numel() for p in module.parameters())


def test_an_unknown_operator_is_opaque_with_the_files_shape():
    nodes = [node("GridSample", "x", "g", outputs=["s"], name="/warp/GridSample"), node("Relu", "s")]
    data = model(nodes, constants={"g": torch.zeros(1, 5, 5, 2)}, declared={"s": (1, 4, 5, 5)}).SerializeToString()
    graph = archs.from_onnx(data)
    assert graph["warp"].op == ops.Opaque("GridSample", (4, 5, 5))
    assert graph.output == (4, 5, 5)
    assert costmodel.count(graph).total.unknown == 1
    assert 'UnknownOperator("GridSample")' in archs.to_source(graph)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("GridSample", "x", "g")], r"'GridSample' .* unknown here and the file does not say its output's shape"),
        ([node("Relu", "z")], "'Relu' .* reads 'z', which nothing before it gives"),
        ([node("Relu", "x"), node("Relu", "x")], "'Relu' .* gives 'y', which is there already"),
        ([node("Relu", "x", outputs=["z"])], "gives what does not depend on the image"),
        ([node("Conv", "x", "g")], "'Conv' .*: .*"),
        ([node("If", "x", then_branch=model([node("Relu", "x")]).graph, else_branch=model([node("Relu", "x")]).graph)], "chooses or repeats graphs"),
        ([node("Reshape", "x", "x")], "unknown here"),
        ([node("MatMul", "g", "g")], "computes with constants what is not computed here"),
        ([node("Concat", "x", "g", axis=1)], "'Concat' .*: "),
    ],
    ids=lambda v: v[:20] if isinstance(v, str) else "",
)  # fmt: skip
def test_what_cannot_be_a_graph_is_a_clear_error(nodes, message):
    with pytest.raises(archs.ArchError, match=message) as error:
        archs.from_onnx(model(nodes, constants={"g": torch.zeros(1, 5, 5, 2)}).SerializeToString())
    assert len(str(error.value).splitlines()) == 1


def test_the_image():
    relu = [node("Relu", "x")]
    open_sides = model(relu, ("n", 3, "h", "w")).SerializeToString()
    with pytest.raises(archs.ArchError, match="leaves the image's height open; allowed: give the input shape"):
        archs.from_onnx(open_sides)
    assert archs.from_onnx(open_sides, (3, 20, 30)).input == (3, 20, 30)
    with pytest.raises(archs.ArchError, match="made for channels 4, found 3"):
        archs.from_onnx(model(relu).SerializeToString(), (3, 8, 8))
    with pytest.raises(archs.ArchError, match="3 dimensions; allowed: 4"):
        archs.from_onnx(model(relu, (1, 3, 8)).SerializeToString())
    two = model(relu)
    two.graph.input.append(two.graph.input[0])
    two.graph.input[1].name = "mask"
    with pytest.raises(archs.ArchError, match=r"takes 2 inputs 'x, mask'; allowed: one"):
        archs.from_onnx(two.SerializeToString())
    gives = model([node("Relu", "x"), node("Tanh", "x", outputs=["z"])])
    gives.graph.output.append(gives.graph.output[0])
    gives.graph.output[1].name = "z"
    both = archs.from_onnx(gives.SerializeToString(), verify=True)
    assert [type(n.op).__name__ for n in both.nodes] == ["ReLU", "Tanh", "Outputs"]
    assert "equal" in both.verification
    assert type(archs.from_onnx(gives.SerializeToString(), output="z").nodes[-1].op).__name__ == "Tanh"
    with pytest.raises(archs.ArchError, match=r"output is 'q'; network gives: y, z"):
        archs.from_onnx(gives.SerializeToString(), output="q")


def test_modules_are_read_from_the_names_of_nodes():
    named = node("Relu", "x", name="/features/features.1/conv/conv.0/conv.0.0/Conv")
    assert list(scopes([named])[0]) == [
        "features",
        "features.1",
        "features.1.conv",
        "features.1.conv.0",
        "features.1.conv.0.0",
    ]
    weighted = node("Conv", "x", "layer1.0.conv1.weight")
    assert list(scopes([weighted])[0]) == ["layer1.0.conv1"]
    assert scopes([node("Relu", "x")]) == [{}]
    hostile = node("Relu", "x", name="/" + "/".join(["a" * 500] * 300) + "/Relu")
    assert scopes([hostile]) == [{}]
