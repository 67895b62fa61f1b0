"""`adapt` on the command line: its log with every proposal, stop and resume, a full disk, bad input in one line."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

import archs
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear
from explorer.cli.main import main
from explorer.search.logs import adapt_log, plan_log
from explorer.search.netadapt import CHOSEN, TOO_LITTLE
from explorer.search.proposals import knobs

TINY = archs.Spec(
    name="tiny",
    resolution=32,
    input_channels=1,
    rows=(
        Conv(stage="stem", channels=64, stride=2),
        InvertedResidual(stage="stage1", channels=64, expanded=256, stride=2, repeat=2),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=8),
    ),
)
STEPS = ["--target-ms", "0.1", "--objective", "params", "--point", "--max-steps", "3"]
REAL = [*STEPS[:2], "--objective", "trained", "--point", "--max-steps", "2", "--steps", "3", "--tuning-steps", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(TINY.to_json())
    return tmp_path


def _run(capsys, *arguments, status=0):
    assert main(["adapt", "tiny.json", *arguments]) == status
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("adapt:")]
    assert len(lines) == (status == 2)
    assert "Traceback" not in captured.err
    return lines[0] if lines else captured.out


def _log(folder, name="steps.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_the_log_has_every_proposal(folder, capsys):
    _run(capsys, *STEPS, "--log", "steps.jsonl")
    header, *steps = _log(folder)
    assert header["format"] == adapt_log.AdaptLog.FORMAT
    assert [step["number"] for step in steps] == [0, 1, 2, 3]
    for before, step in pairwise(steps):
        spec = archs.Spec.from_json(json.dumps(before["spec"]))
        proposed = [(one["kind"], one["where"]) for one in step["proposals"]]
        assert proposed == [(knob.kind, knob.where) for knob in knobs(spec, ("expansion", "bottleneck"))]
        assert [one["verdict"] for one in step["proposals"]].count(CHOSEN) == 1


def test_the_result_stands_beside_the_width_multiplier_at_the_same_target(folder, capsys):
    arguments = ["--target-ms", "1.0", "--figure", "steps.html", "--max-steps", "2"]
    document = json.loads(_run(capsys, *arguments, "--objective", "params", "--json"))
    width = document["width_multiplier"]
    assert width["high_ms"] <= 1.0
    said = _run(capsys, *arguments, "--objective", "params")
    assert f"uniform width × {width['width']:g}" in said
    assert ("does not beat it" in said) == (document["steps"][-1]["score"] <= width["score"])
    assert "the network to begin with" in (folder / "steps.html").read_text()
    assert (
        json.loads(_run(capsys, *arguments, "--objective", "params", "--point", "--json"))["width_multiplier"] is None
    )


def test_a_rejected_proposal_is_logged_with_the_most_that_it_takes_off(folder, capsys):
    message = _run(capsys, *STEPS, "--first", "0.2", "--log", "steps.jsonl", status=2)
    reached, rejected = _log(folder)[-2:]
    assert f"the nearest to 0.1 ms is {reached['latency_ms']:.3g} ms" in message
    assert {one["verdict"] for one in rejected["proposals"]} == {TOO_LITTLE}
    assert all(one["gain_ms"] < rejected["least_ms"] for one in rejected["proposals"] if one["gain_ms"])


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 2])
def test_a_killed_run_continues_to_the_same_log(folder, capsys, kept):
    """The file of a killed run ends at any byte: after `kept` whole lines, here."""
    text = _run(capsys, *STEPS, "--log", "whole.jsonl")
    lines = (folder / "whole.jsonl").read_bytes().splitlines(keepends=True)
    cut = folder / "cut.jsonl"
    cut.write_bytes(b"".join(lines[:kept]) + lines[kept][:40])
    assert _run(capsys, *STEPS, "--log", "cut.jsonl") == text
    assert cut.read_bytes() == b"".join(lines)
    assert _run(capsys, *STEPS, "--log", "cut.jsonl") == text
    assert cut.read_bytes() == b"".join(lines)


@pytest.mark.slow
def test_a_full_disk_loses_no_step(folder, capsys, monkeypatch):
    text = _run(capsys, *STEPS, "--log", "whole.jsonl")
    synced, sync = [], os.fsync

    def full(number):
        synced.append(number)
        if len(synced) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(number)

    with monkeypatch.context() as patched:
        patched.setattr(plan_log.os, "fsync", full)
        message = _run(capsys, *STEPS, "--log", "steps.jsonl", status=2)
    assert "steps.jsonl cannot be written (No space left on device); the 2 steps before are kept" in message
    assert (folder / "steps.jsonl").read_bytes().endswith(b"\n")
    assert _run(capsys, *STEPS, "--log", "steps.jsonl") == text
    assert (folder / "steps.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()


@pytest.mark.slow
def test_a_log_of_something_else_is_not_overwritten(folder, capsys):
    _run(capsys, *STEPS, "--log", "steps.jsonl")
    other = ["--target-ms", "0.2", *STEPS[2:]]
    assert "target_ms is 0.1 there and 0.2 here" in _run(capsys, *other, "--log", "steps.jsonl", status=2)
    for content in (b"mine", b"mine\nand more\n", b'{"format": "explorer.adapt-log/1"}\n', b"[]\n\xff\n"):
        (folder / "mine.jsonl").write_bytes(content)
        assert "is no log of an adaptation" in _run(capsys, *STEPS, "--log", "mine.jsonl", status=2)
        assert (folder / "mine.jsonl").read_bytes() == content
    whole = (folder / "steps.jsonl").read_text()
    (folder / "steps.jsonl").write_text(whole.replace('"stem"', '"stem', 1))
    assert "line 2 is damaged" in _run(capsys, *STEPS, "--log", "steps.jsonl", status=2)
    lines = whole.splitlines(keepends=True)
    (folder / "steps.jsonl").write_text("".join((lines[0], *lines[2:])))
    assert "lacks a step" in _run(capsys, *STEPS, "--log", "steps.jsonl", status=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target-ms", "nan"], "allowed: above 0"),
        (["--target-ms", "1", "--max-steps", "0"], "max-steps is 0; allowed: at least 1"),
        (["--target-ms", "1", "--method", "v4"], "allowed: mobilenet_v3, original"),
        (["--target-ms", "1", "--first", "1.5"], "allowed: above 0 and under 1"),
        (["--target-ms", "1", "--objective", "nas_bench_macro", "--point"], "own space"),
        (["--target-ms", "1", "--objective", "adapt_own:broken", "--point"], "failed on tiny with ZeroDivisionError"),
        (["--target-ms", "1", "--objective", "adapt_own:text", "--point"], "allowed: a finite number"),
        (["--target-ms", "1", "--objective", "trained", "--images", "one"], "1 class folders; allowed: at least 2"),
        (["--target-ms", "1", "--objective", "trained", "--images", "bad"], "no image that can be read"),
        (["--target-ms", "1", "--objective", "trained", "--order", "last"], "allowed: first, norm"),
        (["--target-ms", "1", "--output", "net.py"], "allowed: .json"),
        (["--target-ms", "1", "--log", "no folder/steps.jsonl"], "is no directory"),
    ],
)
def test_bad_input_is_one_line(folder, capsys, monkeypatch, arguments, message):
    (folder / "adapt_own.py").write_text("def broken(spec):\n    return 1 / 0\n\ndef text(spec):\n    return 'good'\n")
    monkeypatch.syspath_prepend(folder)
    for name in ("one/cat", "bad/cat", "bad/dog"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    assert message in _run(capsys, *arguments, status=2)


@pytest.mark.slow
def test_training_is_resumed_with_its_weights(folder, capsys):
    arguments = [*REAL, "--side", "16", "--log", "steps.jsonl", "--output", "net.json", "--json"]
    whole = json.loads(_run(capsys, *arguments))
    assert 0 <= whole["test_top1_pct"] <= 100
    assert (whole["tier"], len(whole["steps"])) == ("trained", 3)
    graph = archs.load_weights(archs.Spec.from_json((folder / "net.json").read_text()), "net.safetensors")
    assert graph.spec.to_json() == whole["spec"]
    files = {path.name for path in folder.glob("steps.jsonl.*")}
    assert "steps.jsonl.step2.safetensors" in files
    assert "steps.jsonl.step1.safetensors" not in files
    first = [*arguments]
    first[first.index("--max-steps") + 1] = "1"
    (folder / "steps.jsonl").unlink()
    _run(capsys, *first)
    assert json.loads(_run(capsys, *arguments)) == whole
    (folder / "steps.jsonl.step2.safetensors").unlink()
    assert "is missing; continue with it, or a new log" in _run(capsys, *arguments, status=2)


def test_a_step_that_is_written_when_the_interrupt_comes_is_counted(folder, capsys, monkeypatch):
    write = adapt_log.AdaptLog._write

    def interrupted(log, content, at):
        write(log, content, at)
        if len(log.entries) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(adapt_log.AdaptLog, "_write", interrupted)
    assert main(["adapt", "tiny.json", *STEPS, "--log", "steps.jsonl"]) == 130
    assert len(_log(folder)) == 4
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "adapt: interrupted; 3 steps are kept in steps.jsonl; run it again to continue"


@pytest.mark.slow
def test_an_interrupt_is_one_line_and_loses_no_step(folder):
    code = (
        "import signal, sys\nfrom explorer.cli.main import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a test run in the background ignores it
        "sys.exit(main(['adapt', 'mobilenet_v2', '--target-ms', '15', '--log', 'steps.jsonl']))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)
    log = folder / "steps.jsonl"
    while not (log.exists() and log.read_bytes().count(b"\n") > 2) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    kept = len(_log(folder)) - 1
    assert process.returncode == 130
    assert (
        error.splitlines()[-1] == f"adapt: interrupted; {kept} steps are kept in steps.jsonl; run it again to continue"
    )
    assert "Traceback" not in error
