"""`measure`, the plain line of `predict`, and progress without a terminal."""

import json

import pytest

import archs
from costmodel.onnx_runtime import timing
from costmodel.onnx_runtime.held_operators import RuntimeNode
from costmodel.onnx_runtime.timing import OnnxRuntimeTiming
from costmodel.timing.plain_process import PlainTiming
from explorer.cli import measure, onnx_runtime, progress
from explorer.cli.main import main


@pytest.mark.slow
@pytest.mark.parametrize("form", ["name", "file", "function"])
def test_a_network_is_measured_in_plain_processes(tmp_path, capsys, monkeypatch, form):
    text = archs.to_source(archs.build(archs.spec("mobilenet_v1", width=0.25, resolution=128)))
    (tmp_path / "own_network.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    network = {
        "name": ["mobilenet_v1", "--width", "0.25", "--resolution", "128"],
        "file": ["own_network.py", "--shape", "3,128,128"],
        "function": ["own_network:MobileNetV1", "--shape", "3,128,128"],
    }[form]
    assert main(["measure", *network, "--seconds", "0.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    default, retain = found["allocators"]
    assert (default["allocator"], retain["allocator"]) == ("default", "retain")
    assert retain["page_faults"] == retain["predicted_page_faults"] == 0
    assert 0 < retain["low_ms"] <= retain["predicted_ms"] <= retain["high_ms"]
    assert all(row["median_ms"] > 0 for row in (default, retain))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "cuda"], "profile cuda is of cuda; allowed: a profile of a CPU"),
        (["--processes", "0"], "processes is 0; allowed: more than 0"),
        (["--seconds", "-1"], "seconds is -1.0; allowed: more than 0"),
        (["--threads", "2"], "--threads is for --runtime onnxruntime"),
        (["--runtime", "onnxruntime", "--threads", "0"], "threads is 0; allowed: more than 0"),
        (["--runtime", "onnxruntime", "--profile", "cpu"], "profile cpu is not of onnxruntime"),
    ],
)
def test_what_cannot_be_measured_is_one_line(capsys, arguments, message):
    assert main(["measure", "mobilenet_v1", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_onnx_runtime_that_is_not_installed_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(timing.importlib.util, "find_spec", lambda name: None)
    assert main(["measure", "mobilenet_v1", "--runtime", "onnxruntime"]) == 2
    captured = capsys.readouterr()
    assert captured.err == ("measure: onnxruntime is not installed; install it with `pip install onnxruntime`\n")
    assert not captured.out


def test_a_measurement_names_the_runtime_and_its_slowest_nodes(capsys, monkeypatch):
    nodes = (
        RuntimeNode("a", "nchwc Conv", ("Conv", "Clip"), "stem.0.0"),
        RuntimeNode("b", "nchwc ReorderInput", (), ""),
    )
    monkeypatch.setattr(onnx_runtime.archs, "to_onnx", lambda graph: b"")
    monkeypatch.setattr(
        onnx_runtime,
        "measure_onnx_runtime",
        lambda data, threads, processes, seconds: OnnxRuntimeTiming(
            "1.2.3", threads, 1, (4.0, 6.0), (3.0, 5.0), nodes, (0.5, 0.75)
        ),
    )
    assert main(["measure", "mobilenet_v1", "--runtime", "onnxruntime", "--threads", "2"]) == 0
    first, second, _, *slowest = capsys.readouterr().out.splitlines()
    assert first == (
        "mobilenet_v1, onnxruntime 1.2.3, CPUExecutionProvider, graph optimisation level all, threads 2, batch 1"
    )
    assert second == "measured 5.00 ms, the median of 2 processes; undisturbed calls, the fastest third, 4.00 ms"
    assert [line.split()[0] for line in slowest] == ["0.750", "0.500"]
    assert "added by the runtime" in slowest[0]
    assert "Conv + Clip" in slowest[1]


def test_no_page_faults_are_predicted_for_another_allocator(capsys, monkeypatch):
    calls = []

    def measured(source, target, shape, threads, allocator, processes, seconds):
        calls.append(allocator)
        return PlainTiming(allocator, (20.0,), (19.0,), 700.0, "jemalloc")

    monkeypatch.setattr(measure, "measure_plain", measured)
    assert main(["measure", "mobilenet_v2", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["allocators"]
    assert calls == ["default"], "the other setting is glibc's"
    assert (row["library"], row["page_faults"]) == ("jemalloc", 700)
    assert row["predicted_page_faults"] is row["predicted_ms"] is None
    assert main(["measure", "mobilenet_v2"]) == 0
    text = capsys.readouterr().out
    assert "The allocator is jemalloc: measured 20.00 ms" in text
    assert "MALLOC_" not in text


def test_a_prediction_states_both_allocators(capsys):
    assert main(["predict", "mobilenet_v2"]) == 0
    text = capsys.readouterr().out
    assert "with glibc's default settings" in text
    assert "page faults per call" in text


def test_progress_without_a_terminal_is_a_line_every_ten_seconds(capsys, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress_bar() as show:
        for step in range(100):
            show(step / 100, "timing")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{step} % timing".rjust(12) for step in range(0, 100, 10)]
