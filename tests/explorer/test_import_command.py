"""`python -m explorer import`: the user's own function, its costs, its export."""

import gc
import json

import pytest
import torch

from archs.interop.pytorch.quiet import quiet
from explorer.cli import network
from explorer.cli.main import main

OWN = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())

class Odd(Net):
    def forward(self, x):
        return torch.logcumsumexp(super().forward(x), 1)

def sized(width):
    return Net()

number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_network.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_network", raising=False)
    return tmp_path


def test_import(own, capsys):
    assert main(["import", "own_network:Net", "--shape", "3,8,8", "--json", "--by", "node"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["total"]["params"] == 3 * 4 * 9 + 8
    assert result["total"]["mult_adds"] == 3 * 4 * 9 * 36
    assert result["unknown_operators"] == []
    assert main(["import", "own_network:Net", "--shape", "3,8,8", "--fold"]) == 0
    assert "net: 2 operators, 3,888 mult-adds, 112 parameters" in capsys.readouterr().out


def test_no_collection_of_garbage_delays_an_import(own, capsys):
    """Full ones looked six times at all that torch has loaded."""
    collected = []

    def keep(phase: str, found: dict) -> None:
        if phase == "start":
            collected.append(found["generation"])

    gc.callbacks.append(keep)
    try:
        network.imported("own_network:Net", "3,8,8")
    finally:
        gc.callbacks.remove(keep)
    assert len(collected) <= 1  # one as soon as it ends
    assert gc.isenabled()


def test_import_and_take_back(own, capsys):
    arguments = ["import", "own_network:Net", "--shape", "3,8,8", "--output", "net.py", "--weights", "net.safetensors"]
    assert main(arguments) == 0
    from safetensors.torch import load_file

    import archs

    module = archs.from_source((own / "net.py").read_text())
    module.load_state_dict(load_file("net.safetensors"), strict=False)
    assert module.eval()(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 6, 6)


def test_an_onnx_file(own, capsys):
    from support.onnx_files import exported

    (own / "net.onnx").write_bytes(exported(torch.nn.Conv2d(3, 4, 3), (3, 8, 8)))
    assert main(["import", "net.onnx", "--output", "net.py", "--weights", "net.safetensors"]) == 0
    assert "net: 1 operator, 3,888 mult-adds, 112 parameters" in capsys.readouterr().out
    assert main(["import", "none.onnx"]) == 2
    assert "'none.onnx' cannot be read: No such file or directory" in capsys.readouterr().err


def test_what_is_unknown_is_said(own, capsys):
    assert main(["import", "own_network:Odd", "--shape", "3,8,8"]) == 0
    text = capsys.readouterr().out
    assert "odd: 4 operators, at least 3,888 mult-adds" in text
    assert "unknown operators, not counted: aten.logcumsumexp.default" in text
    assert main(["import", "own_network:Odd", "--shape", "3,8,8", "--output", "odd.py"]) == 0
    assert 'UnknownOperator("aten.logcumsumexp.default")' in (own / "odd.py").read_text()
    capsys.readouterr()
    assert main(["predict", "own_network:Odd", "--shape", "3,8,8"]) == 0
    text = capsys.readouterr().out
    assert "at least: unknown and not in it: aten.logcumsumexp.default" in text
    assert "90 %" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.pth"], "none.pth cannot be read: no such file"),
        (["none.pt2"], "none.pt2 cannot be read: no such file"),
        (["own_network:sized"], "own_network:sized needs width; allowed: a function or class without arguments"),
        (["own_network"], "found 'own_network'; allowed: package.module:function"),
        (["own_network:Nope"], "own_network has no Nope"),
        (["no_such_package:Net"], "no_such_package cannot be imported: No module named 'no_such_package'"),
        (["own_network:number"], "own_network:number is a int; allowed: a function or a class"),
        (["own_network:Net", "--shape", "3,x"], "shape: found '3,x'; allowed: three whole numbers, 3,224,224"),
        (["own_network:Net", "--shape", "3,224"], "allowed: channels, height, width"),
    ],
)
def test_bad_input_is_one_line_and_a_status(own, capsys, arguments, message):
    assert main(["import", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_an_exported_program_is_read_without_a_word_of_torch(own, capfd):
    batch = torch.export.Dim("batch")
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    module.append(torch.nn.Linear(4 * 36, 5)).eval()
    with quiet():
        program = torch.export.export(module, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=({0: batch},))
        torch.export.save(program, "net.pt2")
        torch.export.save(program.run_decompositions(), "core.pt2")
    (own / "net.pt2").rename("NET.PT2")
    for name in ("NET.PT2", "core.pt2"):
        capfd.readouterr()
        assert main(["import", name]) == 0
        captured = capfd.readouterr()
        assert not captured.err
        assert "4 operators, 4,608 mult-adds, 845 parameters\noutputs, parameters" in captured.out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.pt2", "weights.pt2 is no exported program or a damaged one"),
        ("rows.pt2", "the program was exported with 1×7; allowed: a tensor of images, N×C×H×W"),
        ("two.pt2", "a program that is for one batch size is exported again with dynamic_shapes"),
        ("binary.py", "binary.py is no text; allowed: a .py file of `python -m explorer export`"),
        ("broken_module:Net", "broken_module cannot be imported: SyntaxError"),
        ("own_raising:Net", "own_raising:Net cannot be called: ValueError: no weights here (own_raising.py, line 1)"),
        ("weights.pth.tar", "weights.pth.tar is a file of weights or a pickle, which holds no graph; allowed: package"),
        ("WEIGHTS.PTH", "WEIGHTS.PTH is a file of weights or a pickle"),
        ("training.pt2", "the program was exported in training mode (batch_norm); allowed: one of module.eval()"),
        ("dropped.pt2", "the program was exported in training mode (dropout); allowed: one of module.eval()"),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(own, capfd, name, message):
    for weights in ("weights.pt2", "weights.pth.tar", "WEIGHTS.PTH"):
        torch.save({"module.weight": torch.zeros(2)}, weights)
    torch.export.save(torch.export.export(torch.nn.Linear(7, 2), (torch.zeros(1, 7),)), "rows.pt2")
    with quiet():
        program = torch.export.export(torch.nn.Flatten(), (torch.zeros(2, 3, 8, 8),))
        torch.export.save(program.run_decompositions(), "two.pt2")
        norm = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        torch.export.save(torch.export.export(norm, (torch.zeros(2, 3, 8, 8),)), "training.pt2")
        torch.export.save(torch.export.export(torch.nn.Dropout(), (torch.zeros(2, 3, 8, 8),)), "dropped.pt2")
    (own / "binary.py").write_bytes(b"PK\x03\x04\xff\xfe")
    (own / "broken_module.py").write_text("def Net(:\n")
    (own / "own_raising.py").write_text("def Net(): raise ValueError('no weights here')\n")
    capfd.readouterr()
    assert main(["import", name]) == 2
    captured = capfd.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
