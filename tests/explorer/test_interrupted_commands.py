"""Commands that a signal ends keep what was done and say where; timings of all commands exclude each other."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.onnx_runtime_profiles import made_up_profile

import archs
from costmodel.onnx_runtime import calibrate as runtime_calibration
from costmodel.onnx_runtime.node_times import FusedTimes
from costmodel.onnx_runtime.timing import OnnxRuntimeTiming
from costmodel.timing import machine_lock
from costmodel.timing.plain_process import PlainTiming
from costmodel.timing.timing_records import Record, read_raw
from explorer.cli import latency, measure, onnx_runtime
from explorer.cli import search as searching
from explorer.cli.main import main
from explorer.search import sweep

SMALL = archs.spec("mobilenet_v1", width=0.25, resolution=32)
TIMED = Record(SMALL, 10.0, (6.0, 4.0), 0.01, 4)
OBJECTIVE = """
evaluated = 0

def score(spec):
    global evaluated
    evaluated += 1
    if evaluated > 5:
        raise KeyboardInterrupt
    return float(evaluated)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine_lock, "path", lambda: tmp_path / "lock")
    return tmp_path


@pytest.fixture
def runtime_profile(folder):
    made_up_profile().save(folder / "ort.json")
    return "ort.json"


def interrupted(capsys, *arguments: str) -> str:
    """What the command says at its end, in one line."""
    assert main([*arguments]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    *_, last = captured.err.splitlines()
    assert "Traceback" not in captured.err
    return last


def limited(function, calls: int):
    """The function, which is interrupted after so many calls."""
    left = iter(range(calls))

    def call(*arguments, **options):
        if next(left, None) is None:
            raise KeyboardInterrupt
        assert machine_lock.holder(), "it times without the lock of the machine"
        return function(*arguments, **options)

    return call


def plain(source, target, shape, threads, allocator, processes, seconds):
    return PlainTiming(allocator, (20.0,), (19.0,), 10.0)


def with_onnx_runtime(data, batch=1, threads=1, processes=1, seconds=1.0):
    return OnnxRuntimeTiming("1.32.0", threads, 1, (4.0,), (3.5,), (), ())


@pytest.mark.parametrize("output", ["best.json", None])
def test_a_search_keeps_the_best_so_far(output, folder, capsys, monkeypatch):
    (folder / "own_score.py").write_text(OBJECTIVE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "own_score", raising=False)
    arguments = [
        "search",
        "nas_bench_macro",
        "--target",
        "30",
        "--strategy",
        "random",
        "--objective",
        "own_score:score",
    ]
    said = interrupted(capsys, *arguments, *(["--output", output] if output else []))
    place = "best.interrupted.json" if output else f"{tempfile.gettempdir()}/nas_bench_macro.interrupted.json"
    assert said == f"search: interrupted; the rows of the best of 5 evaluated networks are kept in {place}"
    assert archs.Spec.from_json(Path(place).read_text()).resolution == 32


def test_a_sweep_says_that_it_can_be_continued(folder, capsys, monkeypatch):
    monkeypatch.setattr(sweep, "PART", 10)
    arguments = ["sweep", "nas_bench_macro", "--samples", "35", "--workers", "1", "--output", "parts"]
    with monkeypatch.context() as patch:
        written = iter((sweep._write, sweep._write))

        def write(*arguments):
            following = next(written, None)
            if following is None:
                raise KeyboardInterrupt
            following(*arguments)

        patch.setattr(sweep, "_write", write)
        said = interrupted(capsys, *arguments)
    assert said == "sweep: interrupted; 20 networks are kept in parts; the same command continues"
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 15


@pytest.mark.slow
def test_a_validation_keeps_its_timings(folder, capsys, monkeypatch):
    @contextmanager
    def running():
        yield

    def time_networks(*arguments, interrupted, **options):
        interrupted([TIMED])
        raise KeyboardInterrupt

    module = sys.modules["costmodel.calibration.validate"]
    monkeypatch.setattr(module, "suite", list)
    monkeypatch.setattr(module, "Stopwatch", lambda *_: SimpleNamespace(running=running))
    monkeypatch.setattr(module, "time_networks", time_networks)
    said = interrupted(capsys, "validate", "--output", "mine.json")
    assert said == "validate: interrupted; the timings of 1 networks are kept in mine.interrupted.raw.jsonl"
    assert read_raw(folder / "mine.interrupted.raw.jsonl")[1] == [TIMED]
    assert str(tempfile.gettempdir()) in interrupted(capsys, "validate")


def test_a_validation_in_plain_processes_keeps_its_report(folder, capsys, monkeypatch):
    monkeypatch.setattr(latency, "measure_plain", limited(plain, 5))
    (folder / "mine.validation.json").write_text("{}")
    said = interrupted(capsys, "validate", "--plain", "--networks", "3", "--output", "mine.json")
    kept = "mine.interrupted.validation.json"
    assert said == f"validate: interrupted; the report on 2 networks is kept in {kept}"
    assert len(json.loads((folder / kept).read_text())["plain"]["per_network"]) == 4
    assert (folder / "mine.validation.json").read_text() == "{}"  # never in the place of a whole one


def test_a_validation_with_onnx_runtime_keeps_its_report(folder, capsys, monkeypatch, runtime_profile):
    monkeypatch.setattr(onnx_runtime, "measure_onnx_runtime", limited(with_onnx_runtime, 2))
    arguments = ["validate", "--profile", runtime_profile, "--networks", "4"]
    said = interrupted(capsys, *arguments, "--output", "mine.json")
    kept = "mine.interrupted.validation.json"
    assert said == f"validate: interrupted; the report on 2 networks is kept in {kept}"
    assert len(json.loads((folder / kept).read_text())["per_network"]) == 2


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "calibrate: interrupted; the timings of 2 networks are kept in "),
        (OSError(28, "No space left", "x"), 2, "calibrate: x: No space left; the timings of 2 networks are kept in "),
        (MemoryError(), 2, "calibrate: out of memory; the timings of 2 networks are kept in "),
    ],
)
def test_a_calibration_of_onnx_runtime_keeps_its_timings(error, status, said, folder, capsys, monkeypatch):
    def time_networks(*_):
        assert machine_lock.holder()
        for _ in range(2):
            yield FusedTimes(SMALL, 10.0, (6.0, 4.0))
        raise error

    monkeypatch.setattr(runtime_calibration, "suite", list)
    monkeypatch.setattr(runtime_calibration, "time_networks", time_networks)
    assert main(["calibrate", "--runtime", "onnxruntime", "--output", "mine.json"]) == status
    assert capsys.readouterr().err.splitlines()[-1] == f"{said}mine.interrupted.raw.jsonl"
    lines = (folder / "mine.interrupted.raw.jsonl").read_text().splitlines()
    assert [json.loads(line)["call_us"] for line in lines] == [10.0, 10.0]
    assert not (folder / "mine.json").exists()


def test_measurements_hold_the_lock_of_the_machine(capsys, monkeypatch):
    monkeypatch.setattr(measure, "measure_plain", limited(plain, 2))
    assert main(["measure", "mobilenet_v1"]) == 0
    monkeypatch.setattr(onnx_runtime.archs, "to_onnx", lambda graph: b"")
    monkeypatch.setattr(onnx_runtime, "measure_onnx_runtime", limited(with_onnx_runtime, 1))
    assert main(["measure", "mobilenet_v1", "--runtime", "onnxruntime"]) == 0
    assert machine_lock.holder() == ""


@pytest.mark.parametrize("command", ["search", "export", "import"])
def test_the_place_of_a_result_is_tried_before_the_work(command, capsys, monkeypatch):
    def work(*_, **__):
        raise AssertionError("worked before the destination was tried")

    monkeypatch.setattr(searching.Evaluations, "run", work)
    monkeypatch.setattr("explorer.cli.network.graph", work)
    monkeypatch.setattr("explorer.cli.network.imported", work)
    more = {"search": ["nas_bench_macro", "--target", "8"], "export": ["mobilenet_v1"], "import": ["json:JSONDecoder"]}
    suffix = ".json" if command == "search" else ".py"
    assert main([command, *more[command], "--output", f"absent/x{suffix}"]) == 2
    assert capsys.readouterr().err == f"{command}: absent is no directory; create it first\n"


def test_an_export_is_written_whole_or_not_at_all(folder, capsys, monkeypatch):
    (folder / "x.py").write_text("mine")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left", "x.py")))
    assert main(["export", "mobilenet_v1", "--output", "x.py"]) == 2
    assert capsys.readouterr().err == "export: x.py: No space left\n"
    assert (folder / "x.py").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["x.py"]
