"""One network argument for every command: a name, a spec, standard input, an exported file, an ONNX file, a function."""

import io
import json
import sys

import pytest

import archs
from archs.interop.onnx.exporter import to_onnx
from explorer.cli.main import main

SPEC = archs.spec("mobilenet_v1", width=0.25, resolution=64)
OWN = "import archs\n\ndef make():\n    return archs.to_module(archs.build(archs.spec('mobilenet_v1', width=0.25)))\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.json").write_text(SPEC.to_json())
    (tmp_path / "net.py").write_text(archs.to_source(archs.build(SPEC)))
    (tmp_path / "argument_network.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SPEC.to_json().encode())))


@pytest.fixture(scope="module")
def onnx_file():
    return to_onnx(archs.build(SPEC))


def total(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["total"]["mult_adds"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["net.json"],
        ["-"],
        ["net.py", "--shape", "3,64,64"],
        ["net.onnx"],
        ["argument_network:make", "--shape", "3,64,64"],
    ],
    ids=" ".join,
)
def test_every_form_counts_the_same(folder, onnx_file, tmp_path, capsys, arguments):
    (tmp_path / "net.onnx").write_bytes(onnx_file)
    expected = total(capsys, "count", "mobilenet_v1", "--width", "0.25", "--resolution", "64")
    assert total(capsys, "count", *arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.onnx", "--width", "0.5"], "net.onnx has no knobs; allowed with it: --shape"),
        (["net.json", "--width", "0.5"], "a spec has its knobs built in"),
        (["mobilenet_v1", "--shape", "3,64,64"], "allowed with mobilenet_v1: --resolution"),
        (["net.py", "--shape", "64"], "channels, height, width"),
    ],
)
def test_an_option_of_another_form_is_refused(folder, capsys, arguments, message):
    assert main(["count", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert "counting convention of" in capsys.readouterr().out


def test_standard_input_is_read_once(folder, capsys):
    assert main(["export", "-", "--format", "spec"]) == 0
    assert archs.Spec.from_json(capsys.readouterr().out) == SPEC


@pytest.mark.slow
def test_a_command_that_needs_a_table_takes_an_import_that_has_one(folder, capsys):
    assert main(["export", "net.py", "--shape", "3,64,64", "--format", "spec", "--no-verify"]) == 0
    found = archs.Spec.from_json(capsys.readouterr().out)  # equal neighbours are one row with `repeat`
    assert [node.op for node in archs.build(found).nodes] == [node.op for node in archs.build(SPEC).nodes]
    assert main(["advise", "argument_network:make", "--shape", "3,64,64", "--limit", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == "mobile_net_v1"


def test_a_file_and_a_function_are_told_apart(folder, capsys):
    assert main(["count", "argument_network.py:make"]) == 2
    assert "a file of yours is argument_network:make" in capsys.readouterr().err
