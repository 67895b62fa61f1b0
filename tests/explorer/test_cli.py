"""The command line, in process and as a process: JSON, files, exit codes, one line for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

import archs
from explorer.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def test_list(capsys):
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["networks"]
    assert [row["name"] for row in rows] == list(archs.names())
    assert {row["name"]: row["mult_adds"] for row in rows}["mobilenet_v2"] == 300_774_272
    assert main(["list"]) == 0
    assert "Sandler et al. 2018" in capsys.readouterr().out


@pytest.mark.parametrize("by", ["node", "block", "stage"])
def test_count(capsys, by):
    assert main(["count", "shufflenet_v1", "--groups", "8", "--by", by, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["total"]["mult_adds"] == 138_365_952 == sum(row["mult_adds"] for row in result["rows"])
    assert main(["count", "shufflenet_v1", "--groups", "8", "--by", by]) == 0
    assert "138,365,952" in capsys.readouterr().out


def test_count_folded(capsys):
    assert main(["count", "mobilenet_v2", "--fold", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["batch_norm"] == 0


def test_reconcile(capsys):
    assert main(["reconcile", "mobilenet_v2", "--json", "--run"]) == 0
    result = json.loads(capsys.readouterr().out)
    tools = {tool["tool"]: tool for tool in result["tools"]}
    assert tools["fvcore"]["total"] == result["fvcore_run"] == 314_193_216
    for tool in tools.values():
        assert result["mult_adds"] + sum(term["amount"] for term in tool["terms"]) == tool["total"]
    assert main(["reconcile", "mobilenet_v2", "--run", "--resolution", "32"]) == 0
    assert "as predicted" in capsys.readouterr().out


def test_export_and_read_back(capsys, tmp_path):
    path = tmp_path / "net.json"
    assert main(["export", "mobilenet_v3_large", "--width", "0.75", "--format", "spec", "--output", str(path)]) == 0
    assert archs.Spec.from_json(path.read_text()) == archs.spec("mobilenet_v3_large", width=0.75)
    assert main(["export", str(path)]) == 0
    from_file = capsys.readouterr().out
    assert main(["export", "mobilenet_v3_large", "--width", "0.75"]) == 0
    assert capsys.readouterr().out == from_file
    compile(from_file, "exported", "exec")
    assert main(["export", str(path), "--format", "text", "--json", "--resolution", "96"]) == 0
    assert "3×96×96 → 1000" in json.loads(capsys.readouterr().out)["text"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["count", "nonet"], "count: name: found 'nonet'; allowed: mobilenet_v1"),
        (["count", "shufflenet_v1", "--groups", "5"], "count: groups: found 5; allowed: 1, 2, 3, 4, 8"),
        (["count", "mobilenet_v2", "--groups", "2"], "no such knob"),
        (["export", "mobilenet_v1", "--width", "nan"], "export: width: found nan"),
        (["count", "absent.json"], "count: absent.json: No such file or directory"),
        (
            ["export", "mobilenet_v1", "--output", "no/such/folder/x.py"],
            "export: no/such/folder is no directory; create it first",
        ),
    ],
)
def test_bad_input_is_one_line_and_a_status(capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


@pytest.mark.parametrize("text", ["{", "null", '{"format": "archs.spec/1", "name": "import os", "rows": []}'])
def test_a_bad_file(capsys, tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    assert main(["count", str(path)]) == 2
    assert capsys.readouterr().err.startswith("count: ")


def test_a_huge_file_is_not_read_to_its_end(capsys, tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)  # sparse
    assert main(["count", str(path)]) == 2
    assert "allowed: up to 1,000,000" in capsys.readouterr().err


def test_as_a_process():
    command = [sys.executable, "-m", "explorer", "count", "mobilenet_v1", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["total"]["params"] == 4_231_976
    bad = subprocess.run([*command[:3], "nocommand"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert bad.returncode == 2
    assert "invalid choice" in bad.stderr


@pytest.mark.slow
def test_export_as_the_output_is_called(capsys, tmp_path):
    network = ["export", "mobilenet_v2", "--width", "0.35", "--resolution", "32"]
    spec = archs.spec("mobilenet_v2", width=0.35, resolution=32)
    for suffix, text in {"json": spec.to_json(), "py": archs.to_source(archs.build(spec))}.items():
        assert main([*network, "--output", str(tmp_path / f"net.{suffix}")]) == 0
        assert (tmp_path / f"net.{suffix}").read_text() == text
    path = tmp_path / "net.onnx"
    assert main([*network, "--fold", "--output", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == path.stat().st_size
    nodes = [node.op_type for node in onnx.load(path).graph.node]
    assert nodes.count("Conv") == 52
    assert "BatchNormalization" not in nodes
    assert main([*network, "--format", "onnx"]) == 2
    assert "--output NAME.onnx" in capsys.readouterr().err
