"""Where results go is tried first; signals end a command with one line; CSV holds no formulas; files follow the umask."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest

import costmodel
from costmodel import CostError
from explorer.cli import destination
from explorer.cli.main import main
from explorer.data.plain_text import csv_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def never_timed(monkeypatch):
    def calibrate(**_):
        raise AssertionError("timed before the destination was tried")

    monkeypatch.setattr(costmodel, "calibrate", calibrate)


@pytest.mark.parametrize("place", [".", "absent/mine.json"])
def test_the_destination_is_tried_first(place, tmp_path, capsys, never_timed):
    assert main(["calibrate", "--output", str(tmp_path / place)]) == 2
    assert "directory" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_a_full_disk_is_found_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(destination.tempfile, "NamedTemporaryFile", lambda **_: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(CostError, match="No space left"):
        destination.check(tmp_path / "mine.json")


def test_files_follow_the_umask_and_leave_no_draft(tmp_path, monkeypatch):
    profile = costmodel.load_profile("cpu")
    before = os.umask(0o077)
    try:
        profile.save(tmp_path / "mine.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mine.json").stat().st_mode) == 0o600
    monkeypatch.setattr(type(tmp_path), "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        profile.save(tmp_path / "other.json")
    assert os.listdir(tmp_path) == ["mine.json"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_with_one_line(number, tmp_path):
    program = (
        "import signal, sys, time, types\nfrom explorer.cli import main as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a test run in the background ignores it
        "def wait(options):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "register = lambda commands: commands.add('wait', wait, 'waits for a signal')\n"
        "sys.modules['explorer.cli.waiting'] = types.SimpleNamespace(register=register)\n"
        "cli.GROUPS = {'waiting': ('wait',)}\n"
        "sys.exit(cli.main(['wait']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == destination.INTERRUPTED
    assert errors.strip() == "wait: interrupted"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1-2", "-1", "@SUM(1)", "\tx"])
def test_no_cell_is_a_formula(text):
    written = csv_text(pandas.DataFrame({text: [text, "plain"], "number": [-1, 2]}))
    assert f"'{text}" in written
    assert not any(line.startswith(("=", "+", "-", "@", "\t")) for line in written.splitlines())
    assert ",-1" in written  # numbers stay numbers


def test_every_table_is_written_by_the_one_function():
    """A new export that calls pandas itself would bring formulas back."""
    files = [path for package in ("explorer", "costmodel") for path in (ROOT / package).rglob("*.py")]
    found = [path.name for path in files if ".to_csv(" in path.read_text(encoding="utf-8")]
    assert found == ["plain_text.py"]


COMMANDS = {
    "calibrate": ["--output", "{}/mine.json"],
    "validate": ["--output", "{}/mine.json"],
    "lab": ["g1", "--csv", "{}/g1.csv"],
    "adapt": ["mobilenet_v1", "--target-ms", "5", "--log", "{}/steps.jsonl"],
    "search": ["nas_bench_macro", "--target", "8", "--output", "{}/best.json"],
    "sweep": ["nas_bench_macro", "--samples", "3", "--output", "{}/parts"],
    "export": ["mobilenet_v1", "--output", "{}/net.py"],
    "devices": ["kit", "--output", "{}/kit"],
    "fit-device": ["absent.csv", "--name", "Pi 5", "--output", "{}/pi.json"],
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="drops a capability of Linux")
def test_a_read_only_folder_is_one_line_before_the_work(tmp_path):
    """Root writes to any folder, unless it has not the capability to do so."""
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o500)
    commands = [[name, *[part.format(folder) for part in arguments]] for name, arguments in COMMANDS.items()]
    program = (
        "import sys\nfrom explorer.cli import main as cli\n"
        f"for arguments in {commands!r}:\n    print(cli.main(arguments), flush=True)\n"
    )
    without = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    result = subprocess.run([*without, sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert result.stdout.split() == ["2"] * len(commands), result.stderr
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(COMMANDS)
    assert all(str(folder) in line and "ermi" in line for line in lines)
    assert not any(folder.iterdir())
