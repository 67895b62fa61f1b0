"""The documents of the commands that time, fit or search conform to their schemas; clocks are replaced."""

import json
from pathlib import Path

import jsonschema
import pytest
from support.lab_runs import fake_run
from support.onnx_runtime_profiles import made_up_profile

import costmodel
from costmodel.onnx_runtime.held_operators import RuntimeNode
from costmodel.onnx_runtime.timing import OnnxRuntimeTiming
from costmodel.timing.plain_process import PlainTiming
from explorer.cli import lab, latency, measure, onnx_runtime
from explorer.cli import main as command_line
from explorer.devices import kit

SCHEMAS = Path(command_line.__file__).parent / "schemas"
VALIDATION = Path(costmodel.__file__).parent / "shipped" / "cpu.validation.json"
TIMINGS = "network,latency_ms\nmobilenet_v1,113\nmobilenet_v2,75\nshufflenet_v2,40\nmobilenet_v3_small,16\n"

ONE_STEP = ["adapt", "mobilenet_v3_small", "--target-ms", "1", "--max-steps", "1", "--objective", "params"]
GOOD = [
    ["calibrate", "--output", "mine.json"],
    ["validate"],
    ["validate", "--plain", "--networks", "2"],
    ["lab", "g2"],
    ["lab", "g1", "--repeat", "2"],
    ["measure", "mobilenet_v2"],
    ["measure", "mobilenet_v2", "--runtime", "onnxruntime"],
    ["measure", "mobilenet_v2", "--runtime", "onnxruntime", "--profile", "ort.json"],
    ["calibrate", "--runtime", "onnxruntime", "--output", "mine.json"],
    ["predict", "mobilenet_v2", "--profile", "ort.json", "--top", "3"],
    ["validate", "--profile", "ort.json", "--networks", "3", "--output", "mine.json"],
    ["search", "nas_bench_macro", "--target", "8", "--evaluations", "4", "--objective", "nas_bench_macro"],
    ["sweep", "nas_bench_macro", "--samples", "3", "--workers", "1", "--output", "parts"],
    ONE_STEP,
    ["devices"],
    ["devices", "kit", "--networks", "3", "--output", "kit"],
    ["fit-device", "timings.csv", "--name", "Pi 5"],
]
BAD = [
    ["calibrate"],
    ["calibrate", "--output", "no folder/mine.json"],
    ["calibrate", "--batch", "few", "--output", "mine.json"],
    ["calibrate", "--output", "mine.pt"],
    ["validate", "--profile", "none"],
    ["validate", "--output", "report.txt"],
    ["validate", "--networks", "3"],
    ["validate", "--plain", "--seconds", "0"],
    ["validate", "--plain", "--profile", "cuda"],
    ["validate", "--plain", "--original", "nothing.here:net"],
    ["search", "nas_bench_macro", "--target", "8", "--output", "net.py"],
    ["fit-device", "timings.csv", "--name", "Pi 5", "--output", "pi"],
    ["lab", "g1", "--csv", "g1.xlsx"],
    ["lab", "g5"],
    ["lab", "g1", "--repeat", "0"],
    ["measure", "mobilenet_v2", "--seconds", "0"],
    ["measure", "nonet"],
    ["measure", "mobilenet_v2", "--profile", "ort.json"],
    ["measure", "mobilenet_v2", "--runtime", "onnxruntime", "--profile", "ort.json", "--threads", "2"],
    ["calibrate", "--runtime", "onnxruntime", "--layout", "channels_last", "--output", "mine.json"],
    ["calibrate", "--runtime", "onnxruntime", "--batch", "8", "--output", "mine.json"],
    ["measure", "mobilenet_v2", "--runtime", "onnxruntime", "--profile", "cpu"],
    ["search", "darts", "--target", "8"],
    ["search", "nas_bench_macro"],
    ["sweep", "nas_bench_macro", "--samples", "3", "--workers", "0", "--output", "parts"],
    ["sweep", "nas_bench_macro", "--samples", "-1", "--output", "parts"],
    ["adapt", "mobilenet_v3_small"],
    ["adapt", "mobilenet_v3_small", "--target-ms", "0"],
    ["adapt", "mobilenet_v3_small", "--target-ms", "5", "--kinds", "wider"],
    ["adapt", "mobilenet_v3_small", "--target-ms", "5", "--objective", "trained", "--images", "none"],
    [*ONE_STEP, "--log", "steps.csv"],
    [*ONE_STEP, "--output", "net.py"],
    [*ONE_STEP, "--figure", "steps.png"],
    ["search", "nas_bench_macro", "--target", "8", "--output", "no folder/net.json"],
    ["sweep", "nas_bench_macro", "--samples", "3", "--output", "parts.csv"],
    ["devices", "kit", "--output", "kit.zip"],
    ["validate", "--profile", "ort.json", "--output", "report.txt"],
    ["measure", "mobilenet_v2", "--runtime", "tflite"],
    ["predict", "mobilenet_v2", "--profile", "bad.csv"],
    ["devices", "kit"],
    ["devices", "phones"],
    ["fit-device", "none.csv", "--name", "Pi 5"],
    ["fit-device", "bad.csv", "--name", "Pi 5"],
]


class ShippedReport:
    """The validation that is shipped with the profile."""

    def as_dict(self):
        return json.loads(VALIDATION.read_text(encoding="utf-8"))


@pytest.fixture
def commands(tmp_path, monkeypatch):
    (tmp_path / "timings.csv").write_text(TIMINGS)
    (tmp_path / "bad.csv").write_text("network,latency_ms\nmobilenet_v1,-1\n")
    made_up_profile().save(tmp_path / "ort.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costmodel, "calibrate", lambda **arguments: costmodel.load_profile("cpu"))
    monkeypatch.setattr(latency, "validate", lambda *arguments, **options: ShippedReport())
    monkeypatch.setattr(
        lab, "_timed", lambda made, seconds: fake_run(made, [1.0 + i for i, _ in enumerate(made.variants)])
    )
    monkeypatch.setattr(measure, "measure_plain", _plain)
    monkeypatch.setattr(onnx_runtime.archs, "to_onnx", lambda graph: b"")
    monkeypatch.setattr(onnx_runtime, "measure_onnx_runtime", _with_onnx_runtime)
    monkeypatch.setattr(
        onnx_runtime, "calibrate_onnx_runtime", lambda *arguments, **options: costmodel.load_profile("ort.json")
    )
    monkeypatch.setattr(latency, "measure_plain", _plain)
    monkeypatch.setattr(kit, "to_onnx", lambda graph: b"")  # written for real in test_devices_cli.py


def _plain(source, target, shape, threads, allocator, processes, seconds):
    return PlainTiming(allocator, (20.0,), (19.0,), 3000.0 if allocator == "default" else 0.0)


def _with_onnx_runtime(data, batch=1, threads=1, processes=1, seconds=1.0):
    node = RuntimeNode("conv_nchwc", "nchwc Conv", ("Conv", "Clip"), "stem.0.0")
    return OnnxRuntimeTiming("1.32.0", threads, 1, (4.0,), (3.5,), (node,), (0.5,))


def _schema(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_a_document_conforms(commands, capsys, arguments):
    assert command_line.main([*arguments, "--json"]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), _schema(arguments[0]))


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_conforms_to_the_error_schema(commands, capsys, arguments):
    assert command_line.main([*arguments, "--json"]) == 2
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    jsonschema.validate(document, _schema("error"))
    assert document["command"] == arguments[0]
    assert "Traceback" not in captured.err


def test_the_schemas_state_what_a_document_has():
    """A document without one of its keys does not conform, and one with another schema's name does not."""
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"schema": "explorer.other/1"}, schema)
