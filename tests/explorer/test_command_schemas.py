"""Every command has a published JSON schema, and its documents conform to it, on good and on bad input."""

import io
import json
import sys
from pathlib import Path

import jsonschema
import pytest

import archs
from explorer.cli import main as command_line

SCHEMAS = Path(command_line.__file__).parent / "schemas"
OWN = "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\n"

GOOD = [
    ["list"],
    *(["count", "mobilenet_v2", "--by", by] for by in ("node", "block", "stage", "kind")),
    ["reconcile", "mobilenet_v2"],
    ["export", "mobilenet_v2"],
    ["export", "mobilenet_v2", "--output", "net.json"],
    *(["predict", "shufflenet_v1", "--by", by, "--top", "3"] for by in ("node", "block", "stage", "kind")),
    ["diff", "mobilenet_v2", "net.json"],
    ["diff", "mobilenet_v2", "mobilenet_v1", "--profile", "cpu"],
    ["advise", "mobilenet_v2", "--limit", "1"],
    ["advise", "-", "--limit", "1"],
    ["export", "-", "--format", "spec"],
    ["frontier"],
    ["frontier", "--all"],
    ["profiles"],
    ["import", "schema_network:make", "--shape", "3,8,8", "--by", "node"],
]
BAD = [
    ["count", "nonet"],
    ["count", "mobilenet_v2", "--by", "row"],
    ["diff", "mobilenet_v2"],
    ["predict", "mobilenet_v2", "--top", "0"],
    ["export", "mobilenet_v2", "--output", "net.pt"],
    ["import", "nowhere:make"],
    ["advise", "net.onnx"],
    ["advise", "schema_network:make", "--shape", "3,8,8"],
    ["import", "mobilenet_v2"],
    ["import", "schema_network.py:make"],
    ["export", "schema_network:make", "--format", "spec", "--width", "0.5"],
    ["frontier", "--cost", "latency_ms"],
    ["reconcile", "-", "--groups", "2"],
    ["profiles", "cpu"],
    ["list", "all"],
    ["nocommand"],
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.json").write_text(archs.spec("mobilenet_v2").edit_row(3, kernel=5).to_json())
    (tmp_path / "schema_network.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "net.json").read_bytes())))


def _schema(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def test_every_command_has_a_schema():
    names = {*command_line.parser()[1].names, "error"}
    assert names <= {path.stem for path in SCHEMAS.glob("*.json")}
    for name in names:
        jsonschema.Draft202012Validator.check_schema(_schema(name))
        assert _schema(name)["properties"]["schema"] == {"const": f"explorer.{name}/1"}
        assert not {"anyOf", "oneOf"} & _schema(name).keys(), f"{name} has one shape, with null where it says nothing"


@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_a_document_conforms(folder, capsys, arguments):
    assert command_line.main([*arguments, "--json"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), _schema(arguments[0]))


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_conforms_to_the_error_schema(folder, capsys, arguments):
    assert command_line.main([*arguments, "--json"]) == 2
    jsonschema.validate(json.loads(capsys.readouterr().out), _schema("error"))
