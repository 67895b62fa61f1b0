"""Where results go is tried first; signals end a command with one line; CSV holds no formulas; files follow the umask."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import pandas
import pytest

import costmodel
from costmodel import CostError
from explorer.cli import destination
from explorer.cli.main import main
from explorer.data.plain_text import csv_text


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
        "import signal, sys, time\nfrom explorer.cli import main as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a test run in the background ignores it
        "def action(options):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "from explorer.cli import catalogue\n"
        "parse = cli.parser\n"
        "def parser():\n    program, commands = parse()\n    program.set_defaults()\n    old = program.parse_args\n"
        "    def parse_args(arguments):\n        options = old(arguments)\n        options.action = action\n"
        "        return options\n    program.parse_args = parse_args\n    return program, commands\n"
        "cli.parser = parser\nsys.exit(cli.main(['list']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == destination.INTERRUPTED
    assert errors.strip() == "list: interrupted"


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1-2", "-1", "@SUM(1)", "\tx"])
def test_no_cell_is_a_formula(text):
    written = csv_text(pandas.DataFrame({text: [text, "plain"], "number": [-1, 2]}))
    assert f"'{text}" in written
    assert not any(line.startswith(("=", "+", "-", "@", "\t")) for line in written.splitlines())
    assert ",-1" in written  # numbers stay numbers
