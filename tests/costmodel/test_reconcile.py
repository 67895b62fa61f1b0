"""Every tool's rules against the tool itself, run on the exported module: integers, no tolerance."""

from __future__ import annotations

import warnings
from random import Random

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.catalogue.sampling import random_spec
from archs.ir import ops
from archs.ir.graph import Builder, Graph
from costmodel.counting.tool_rules import TOOLS, FlatMean

KNOWN = {  # at 224×224: fvcore's total, FlopCounterMode's
    ("mobilenet_v2", "code="): (314_193_216, 601_548_544),
    ("mobilenet_v3_large", "code="): (226_033_824, 433_179_520),
    ("mobilenet_v3_small", "code="): (59_649_536, 113_020_800),
    ("shufflenet_v2", "code=torchvision"): (148_808_392, 289_815_984),
}
SEEDS = 48


def run_tools(graph: Graph) -> dict[str, int]:
    """What the tools report for the exported module, as their raw numbers."""
    import ptflops
    import torchinfo

    with warnings.catch_warnings():
        # thop/profile.py compares versions with distutils as it is imported
        warnings.filterwarnings("ignore", "distutils Version classes", DeprecationWarning)
        import thop

    module = archs.to_module(graph).eval()
    x = torch.zeros(1, *graph.input)

    def by_ptflops(backend: str) -> int:
        return ptflops.get_model_complexity_info(
            module, tuple(graph.input), print_per_layer_stat=False, as_strings=False, backend=backend
        )[0]

    found = {
        "fvcore": costmodel.run_fvcore(graph).total,
        "FlopCounterMode": flop_counter_mode(module, x),
        "ptflops (aten)": by_ptflops("aten"),
        "ptflops (pytorch)": by_ptflops("pytorch"),
        "torchinfo": torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This API is being deprecated", UserWarning)  # its own, for nn.PReLU
        found["THOP"] = thop.profile(module, (x,), verbose=False)[0]  # last, as it leaves buffers on the module
    return {tool: found[tool] for tool in TOOLS}


def flop_counter_mode(module: nn.Module, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops()


def check(graph: Graph, where: object) -> None:
    expected = {report.tool: report.total for report in costmodel.reconcile(graph)}
    assert run_tools(graph) == expected, where


def test_the_tools_are_the_versions_of_the_rules():
    from importlib.metadata import version

    from packaging.version import Version

    distribution = {"fvcore": "fvcore", "ptflops (aten)": "ptflops", "ptflops (pytorch)": "ptflops"}
    distribution |= {"THOP": "thop", "torchinfo": "torchinfo"}
    for tool, name in distribution.items():
        assert Version(version(name)) == Version(TOOLS[tool].version)
    assert torch.__version__.split("+")[0] == TOOLS["FlopCounterMode"].version.removeprefix("torch ")


@pytest.mark.slow
@pytest.mark.parametrize("name", archs.names())
def test_fvcore_and_flop_counter_mode_at_224(name):
    graph = archs.build(archs.spec(name, resolution=224))
    reports = {report.tool: report.total for report in costmodel.reconcile(graph)}
    run = costmodel.run_fvcore(graph)
    assert run.total == reports["fvcore"]
    assert run.mult_adds == costmodel.count(graph).total.mult_adds
    module = archs.to_module(graph).eval()
    assert flop_counter_mode(module, torch.zeros(1, *graph.input)) == reports["FlopCounterMode"]


@pytest.mark.parametrize(("name", "knob"), KNOWN)
def test_known_figures(name, knob):
    key, value = knob.split("=")
    graph = archs.build(archs.spec(name, resolution=224, **({key: value} if value else {})))
    reports = {report.tool: report.total for report in costmodel.reconcile(graph)}
    assert (reports["fvcore"], reports["FlopCounterMode"]) == KNOWN[name, knob]
    assert costmodel.run_fvcore(graph).total == KNOWN[name, knob][0]


@pytest.mark.slow
@pytest.mark.parametrize("fold", [False, True], ids=["batch norm", "folded"])
@pytest.mark.parametrize("name", archs.names())
def test_all_tools_on_the_catalogue(name, fold):
    graph = archs.build(archs.spec(name, resolution=64))
    check(archs.fold_batchnorm(graph) if fold else graph, name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_tools_on_random_networks(seed):
    rng = Random(seed)
    graph = archs.build(random_spec(rng).edit(resolution=rng.choice((32, 40, 48))))
    check(archs.fold_batchnorm(graph) if seed % 2 else graph, f"seed {seed}")


def everything() -> Graph:
    """A small network with every operator, on maps that are not square."""
    b = Builder("everything", ops.Shape(3, 20, 16))
    with b.scope("body/block1"):
        x = b.add("pad", ops.ZeroPad(1, 2, 0, 1), "input")
        x = b.add("conv", ops.Conv2d(12, (3, 5), stride=(2, 1), groups=3, bias=True), x)
        x = b.add("bn", ops.BatchNorm(), x)
        for i, act in enumerate(ops.ACTIVATIONS.values()):
            x = b.add(f"act{i}", act, x)
        left = b.add("left", ops.ChannelSplit((4, 8), 0), x)
        right = b.add("right", ops.ChannelSplit((4, 8), 1), x)
        x = b.add("concat", ops.Concat(), right, left)
        x = b.add("shuffle", ops.ChannelShuffle(3), x)
    with b.scope("body/block2"):
        y = b.add("dilated", ops.Conv2d(12, 3, dilation=2), x)
        x = b.add("add", ops.Add(), x, y)
        gate = b.add("pool", ops.GlobalAvgPool(), x)
        gate = b.add("reduce", ops.Conv2d(12, bias=True), gate)
        x = b.add("scale", ops.Multiply(), x, gate)
        x = b.add("max", ops.MaxPool(3, 2, 1), x)
        x = b.add("average", ops.AvgPool((2, 3), 1), x)
    x = more(b, x)
    with b.scope("head/a"):
        flat = b.add("flatten", ops.Flatten(), b.add("gap", ops.GlobalAvgPool(), x))
        flat = b.add("linear", ops.Linear(12, bias=False), flat)
        mean = b.add("mean", ops.GlobalAvgPool(flat=True), x)
        x = b.add("add", ops.Add(), mean, flat)
        x = b.add("drop", ops.Dropout(0.2), x)
        x = b.add("linear2", ops.Linear(10), x)
        b.add("softmax", ops.Softmax(), x)
    return b.graph()


def more(b: Builder, x: str) -> str:
    """What other people's networks have beside."""
    with b.scope("body/block3"):
        for i, op in enumerate((ops.GELU(), ops.Mish(), ops.Tanh(), ops.Softplus(), ops.ELU(), ops.TanhGELU())):
            x = b.add(f"smooth{i}", op, x)
        for i, op in enumerate((ops.LeakyReLU(0.1), ops.PReLU(12), ops.Clamp(0, None), ops.Power(2), ops.Exp())):
            x = b.add(f"number{i}", op, x)
        for i, op in enumerate((ops.Scale((12, 1, 1)), ops.Shift((12, 1, 1), False), ops.AddConstant(-3))):
            x = b.add(f"shift{i}", op, x)
        x = b.add("norm", ops.GroupNorm(4), b.add("times", ops.MultiplyConstant(0.5), x))
        x = b.add("plain", ops.GroupNorm(4, affine=False), b.add("bn", ops.BatchNorm(affine=False), x))
        y = b.add("up", ops.ConvTranspose2d(12, 3, 2, 1, 1, groups=2, bias=True), x)
        y = b.add("blur", ops.FixedConv2d(12, 3, 2, groups=12), y)
        y = b.add("made", ops.StandardizedConv2d(12, 3, bias=True, gain=True), y)
        y = b.add("made2", ops.StandardizedConv2d(12, 3), b.add("max", ops.AdaptiveMaxPool(4, 3), y))
        y = b.add("resize", ops.Upsample(*b.shape(x)[1:]), y)
        x = b.add("larger", ops.Maximum(), b.add("ratio", ops.Divide(), b.add("less", ops.Subtract(), x, y), y), x)
        x = b.add("smooth", ops.Upsample(8, 6, "bilinear"), b.add("cubic", ops.Upsample(5, 7, "bicubic"), x))
        x = b.add("unshuffle", ops.PixelUnshuffle(2), b.add("shuffle", ops.PixelShuffle(2), x))
        x = b.add("mirror", ops.Pad("reflect", 1, 0, 1, 1), b.add("border", ops.ConstantPad(-1.5, 0, 1, 0, 0), x))
        x = b.add("fewer", ops.Slice(0, 1, 13), b.add("more", ops.ChannelPad(1, 2), x))
        x = b.add("every", ops.Slice(2, 0, 8, 2), b.add("pool", ops.AdaptiveAvgPool(6, 8), x))
    with b.scope("body/block4"):
        tokens = b.add("tokens", ops.Permute((1, 2, 0)), x)
        tokens = b.add("linear", ops.LinearLast(12), b.add("norm", ops.LayerNorm(), tokens))
        tokens = b.add("rms", ops.RMSNorm(), b.add("plain", ops.LayerNorm(affine=False), tokens))
        tokens = b.add("flat", ops.Reshape((24, 12)), tokens)
        tokens = b.add("lstm", ops.Recurrent("lstm", 12), tokens)
        tokens = b.add("gru", ops.Recurrent("gru", 6, 2, bidirectional=True), tokens)
        tokens = b.add("attention", ops.Attention(), tokens, tokens, tokens)
        heads = b.add("heads", ops.Permute((1, 0, 2)), b.add("split", ops.View((24, 3, 4)), tokens))
        heads = b.add("attention2", ops.Attention(0.5), heads, heads, heads)
        tokens = b.add("joined", ops.Reshape((24, 12)), b.add("back", ops.Permute((1, 0, 2)), heads))
        scores = b.add("scores", ops.MatMul(), tokens, b.add("turned", ops.Permute((1, 0)), tokens))
        tokens = b.add("mixed", ops.MatMul(), b.add("softmax", ops.Softmax(1), scores), tokens)
        two = b.add("two", ops.Stack(0), tokens, tokens)
        y = b.add("map", ops.View((12, 6, 4)), b.add("one", ops.Sum((0,)), two))
        gate = b.add("line", ops.View((1, 12)), b.add("mean", ops.Mean((1, 2)), y))
        gate = b.add("eca", ops.Conv1d(1, 3), gate)
        gate = b.add("wide", ops.Expand((12, 6, 4)), b.add("column", ops.View((12, 1, 1)), gate))
        y = b.add("scaled", ops.Multiply(), b.add("added", ops.Add(), x, y), gate)
        volume = ops.Conv3d(2, (3, 3, 3), padding=(1, 1, 1), bias=True)
        y = b.add("map2", ops.View((12, 6, 4)), b.add("volume", volume, b.add("deep", ops.View((2, 6, 6, 4)), y)))
        return b.add("gated", ops.Add(), y, b.add("amax", ops.Amax((1, 2), keep=True), y))


def concrete(kind: type) -> set[type]:
    below = set().union(*[concrete(sub) for sub in kind.__subclasses__()]) if kind.__subclasses__() else set()
    public = getattr(ops, kind.__name__, None) is kind and not kind.__abstractmethods__
    return below | ({kind} if public and kind not in (ops.Activation, ops.Opaque) else set())


def test_all_tools_on_every_operator():
    graph = everything()
    computed = {
        ops.ComputedTensor,
        ops.Conv2dWith,
        ops.ConvTranspose2dWith,
        ops.LinearWith,
        ops.TensorFunction,
        ops.ExampleInput,
        ops.Outputs,
        ops.BatchMoved,
    }  # only imported networks have them
    assert {type(node.op) for node in graph.nodes} == concrete(ops.Op) - computed, (
        "a new operator belongs into everything()"
    )
    check(graph, "everything")
    check(archs.fold_batchnorm(graph), "everything, folded")


def test_every_operator_has_a_rule_in_every_table():
    for name, tool in TOOLS.items():
        assert set(tool.rules) == concrete(ops.Op) | {FlatMean}, name
        assert all(rule.reason for rule in tool.rules.values()), name


def test_a_node_that_nothing_reads():
    b = Builder("unread", ops.Shape(3, 8, 8))
    with b.scope("a/b"):
        b.add("unread", ops.BatchNorm(), b.add("side", ops.Conv2d(4, 3), "input"))
        b.add("read", ops.Conv2d(4), "input")
    graph = b.graph()
    check(graph, "unread")
    fvcore = costmodel.reconcile(graph)[0]
    assert [(term.name, term.amount, term.nodes) for term in fvcore.terms] == [("unread", -3 * 4 * 9 * 64, 2)]


def test_terms_add_to_the_difference():
    for graph in [everything(), *[archs.build(archs.spec(name)) for name in archs.names()]]:
        for fold in (False, True):
            folded = archs.fold_batchnorm(graph) if fold else graph
            ours = costmodel.count(folded).total.mult_adds
            for report in costmodel.reconcile(folded):
                assert report.mult_adds == ours
                assert ours + sum(term.amount for term in report.terms) == report.total
                assert len({term.name for term in report.terms}) == len(report.terms)
                assert all(term.why and term.nodes for term in report.terms)


def test_the_terms_say_what_the_literature_says():
    """MobileNetV2 at 224²: 6,678,112 elements are normalised, ReLU6 takes 6,105,792, the head has 1,000 biases."""
    graph = archs.build(archs.spec("mobilenet_v2", resolution=224))
    amounts = {
        report.tool: {t.name: t.amount for t in report.terms if t.amount} for report in costmodel.reconcile(graph)
    }
    channels = sum(node.output.channels for node in graph.nodes if isinstance(node.op, ops.BatchNorm))
    assert amounts == {
        "fvcore": {"batch norm": 2 * 6_678_112, "global pooling": 62_720},
        "FlopCounterMode": {"factor two": 300_774_272},
        "ptflops (aten)": {"bias": 1_000},
        "ptflops (pytorch)": {
            "batch norm": 2 * 6_678_112,
            "ReLU6": 6_105_792,
            "pooling": 2 * 62_720,
            "bias": 1_000,
        },
        "THOP": {"batch norm": 4 * 6_678_112, "global pooling": 62_720 + 1_280},
        "torchinfo": {"batch norm": 2 * channels, "bias": 1_000},
    }


def test_an_unknown_operator_is_an_error():
    class Twirl(ops.Activation):
        pass

    b = Builder("unknown", ops.Shape(3, 8, 8))
    with b.scope("a/b"):
        b.add("twirl", Twirl(), "input")
    with pytest.raises(costmodel.CostError, match="operator Twirl has no rule for fvcore; known: Conv2d"):
        costmodel.reconcile(b.graph())


def test_an_opaque_operator_is_an_error():
    b = Builder("unknown", ops.Shape(3, 8, 8))
    b.add("sampler", ops.Opaque("aten.grid_sampler.default", (3, 8, 8)), "input")
    with pytest.raises(costmodel.CostError, match="aten.grid_sampler.default is unknown, and so is what fvcore says"):
        costmodel.reconcile(b.graph())


def test_a_network_too_large_to_run():
    b = Builder("large", ops.Shape(3, 2048, 2048))
    with b.scope("a/b"):
        b.add("conv", ops.Conv2d(1024, 3), "input")
    with pytest.raises(costmodel.CostError, match="activations alive at once; fvcore is run on networks of up to"):
        costmodel.run_fvcore(b.graph())


def test_fvcore_runs_quietly(capfd, caplog):
    run = costmodel.run_fvcore(archs.build(archs.spec("mobilenet_v2", resolution=64)))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert run.unsupported == {"aten::hardtanh": 35, "aten::add": 10}


def test_the_table_adds():
    reports = costmodel.reconcile(archs.build(archs.spec("mobilenet_v3_small")))
    table = costmodel.table(reports)
    assert list(table.columns) == ["tool", "term", "amount", "why", "nodes"]
    for report in reports:
        rows = table[table.tool == report.tool]
        assert rows.iloc[0].term == "mult-adds"
        assert rows.iloc[-1].term == "total"
        assert rows.amount[:-1].sum() == rows.iloc[-1].amount == report.total
