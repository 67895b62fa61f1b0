"""The exported file: it runs, alone; it is what it says; tools for PyTorch code take it; hostile names stay names."""

import ast
import inspect
import linecache
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

import archs
import costmodel
from archs.catalogue.sampling import random_spec
from archs.interop.pytorch.attribute_names import RESERVED, identifier
from archs.interop.pytorch.execute import MAX_QUOTED_TEXTS
from archs.ir.graph import Builder
from archs.ir.ops import Add, ChannelSplit, Concat, Conv2d, ReLU, Shape
from archs.tables.blocks import DOCS
from archs.tables.rows import Conv

GRAPHS = {name: archs.build(archs.spec(name, resolution=64 if name == "resnet50" else 96)) for name in archs.names()}
EDITED = {f"edit{seed}": archs.build(random_spec(Random(seed)).edit(resolution=64)) for seed in range(12)}


def run(module, graph, batch=2):
    torch.manual_seed(0)
    with torch.inference_mode():
        return module.eval()(torch.randn(batch, *graph.input))


@pytest.mark.slow
@pytest.mark.parametrize("graph", [*GRAPHS.values(), *EDITED.values()], ids=[*GRAPHS, *EDITED])
@pytest.mark.parametrize("fold", [False, True])
def test_export_runs_and_is_what_the_graph_says(graph, fold):
    graph = archs.fold_batchnorm(graph) if fold else graph
    text = archs.to_source(graph)
    module = archs.to_module(graph)
    assert run(module, graph).shape == (2, *graph.output)
    assert sum(p.numel() for p in module.parameters()) == costmodel.count(graph).total.params
    assert archs.to_source(graph) == text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_the_network_is_the_last_class_and_reads_as_its_table(graph):
    text = archs.to_source(graph)
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert classes[-1].name == type(archs.to_module(graph)).__name__
    assert len(classes) <= 9, "one class per distinct block structure"
    assert f"{costmodel.count(graph).total.mult_adds:,} multiply-adds" in text
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in imports] == ["import torch", "from torch import nn"]


def test_ruff_finds_nothing_to_say(tmp_path):
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    for name, graph in [*GRAPHS.items(), *EDITED.items()]:
        (tmp_path / f"{name}.py").write_text(archs.to_source(graph), encoding="utf-8")
    for arguments in (["check", "--select", "E,F,W,I,UP,B,N"], ["format", "--check"]):
        command = [ruff, *arguments, "--isolated", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_the_file_stands_alone(tmp_path):
    """A fresh interpreter, another folder: nothing of this project is importable there."""
    path = tmp_path / "network.py"
    path.write_text(archs.to_source(GRAPHS["shufflenet_v2"]), encoding="utf-8")
    code = "import network, torch; print(tuple(network.ShuffleNetV2().eval()(torch.zeros(1, 3, 96, 96)).shape))"
    result = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert result.stdout.strip() == "(1, 1000)", result.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")  # torch.jit is going
@pytest.mark.parametrize("name", ["shufflenet_v1", "shufflenet_v2", "mobilenet_v3_small", "resnet50"])
def test_trace_and_export(name):
    graph = GRAPHS[name]
    module = archs.to_module(graph).eval()
    x = torch.randn(1, *graph.input)
    with torch.inference_mode():
        expected = module(x)
        assert torch.allclose(torch.jit.trace(module, x)(x), expected, atol=1e-5)
    exported = torch.export.export(module, (x,))
    assert torch.allclose(exported.module()(x), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch._dynamo warns about its own internals
def test_compile():
    """Without a C++ compiler at hand: dynamo's capture of the whole module, without a graph break, run as it is."""
    for name in ("shufflenet_v2", "mobilenet_v3_small"):
        module = archs.to_module(GRAPHS[name]).eval()
        x = torch.randn(1, *GRAPHS[name].input)
        with torch.no_grad():
            compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
            assert torch.allclose(compiled(x), module(x), atol=1e-5)


def test_folding_keeps_the_function():
    """Weights folded by hand give the folded module the same output."""
    graph = archs.build(archs.spec("mobilenet_v2", resolution=32))
    module, folded = archs.to_module(graph).eval(), archs.to_module(archs.fold_batchnorm(graph)).eval()
    convs = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    targets = [m for m in folded.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        for norm in norms:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
        for conv, norm, target in zip(convs, norms, targets):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            target.weight.copy_(conv.weight * scale[:, None, None, None])
            target.bias.copy_(norm.bias - norm.running_mean * scale)
        folded.head[-1].load_state_dict(module.head[-1].state_dict())
    assert torch.allclose(run(folded, graph), run(module, graph), atol=1e-4)


def test_a_graph_that_is_no_chain_of_blocks():
    """Long skips, torn scopes and an uneven split dissolve into the network's forward and still run."""
    b = Builder("loose", Shape(3, 8, 8))
    with b.scope("a"):
        x = b.add("conv", Conv2d(6, 3), "input")
        parts = [b.add(f"part{i}", ChannelSplit((1, 2, 3), i), x) for i in range(3)]
    with b.scope("b"):
        y = b.add("conv", Conv2d(3), parts[2])
    with b.scope("a"):
        z = b.add("again", ReLU(), y)
        z = b.add("cat", Concat(), parts[0], z, parts[1])
    b.add("sum", Add(), x, z)
    graph = b.graph()
    module = archs.to_module(graph)
    assert run(module, graph).shape == (2, 6, 8, 8)
    assert sum(p.numel() for p in module.parameters()) == 6 * 27 + 9
    assert "split((1, 2, 3), dim=1)" in archs.to_source(graph)


def test_every_kind_of_block_has_a_docstring():
    kinds = {kind for graph in [*GRAPHS.values(), *EDITED.values()] for _, kind in graph.kinds}
    assert kinds <= set(DOCS)


def test_reserved_names_are_those_of_torch():
    public = {name for name in dir(nn.Module) if not name.startswith("_")} | {"training"}
    assert public <= RESERVED


@pytest.mark.parametrize("name", ["class", "forward", "1x", "a b", "é", "", "__import__('os').abort()", "x\ny"])
def test_identifier(name):
    made = identifier(name)
    assert made.isidentifier()
    assert made.isascii()
    assert made not in RESERVED


def test_a_module_that_no_memory_holds_is_refused():
    row = Conv(stage="s", channels=16384, repeat=2)
    with pytest.raises(archs.ArchError, match=r"huge has 2,416,\d+,\d+ parameters; allowed in a module: up to 2,147"):
        archs.to_module(archs.build(archs.Spec(name="huge", rows=(row,))))


def test_executed_texts_do_not_pile_up():
    for channels in range(1, MAX_QUOTED_TEXTS + 20):
        module = archs.to_module(archs.build(archs.Spec(name="net", rows=(Conv(stage="s", channels=channels),))))
    assert sum(name.startswith("<exported ") for name in linecache.cache) <= MAX_QUOTED_TEXTS
    assert inspect.getsource(type(module).forward).startswith("    def forward(")
