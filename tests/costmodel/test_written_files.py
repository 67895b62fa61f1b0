"""Files are written together or not at all; what was timed is kept where the work ends early, and it is said where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import archs
import costmodel
from costmodel import CostError
from costmodel.latency.profile import Regime
from costmodel.timing.session import time_networks
from costmodel.timing.stopwatch import Stopwatch
from costmodel.timing.timing_records import Record, kept_timings, read_raw
from costmodel.written_files import write_together
from explorer.cli.main import main

TIMED = [Record(archs.spec("mobilenet_v1", width=0.25, resolution=32), 10.0, (6.0, 4.0), 0.01, 4)]


def test_all_files_or_none(tmp_path, monkeypatch):
    first, second = tmp_path / "a.json", tmp_path / "b.jsonl"
    write_together({first: "1", second: "2"})
    assert (first.read_text(), second.read_text()) == ("1", "2")
    opened = Path.open

    def full(self, *arguments, **options):
        if self.name.startswith("b.jsonl"):
            raise OSError(28, "No space left on device", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space"):
        write_together({first: "3", second: "4"})
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.jsonl"]
    assert first.read_text() == "1"


def test_the_timings_of_an_interrupted_session_are_kept(tmp_path):
    kept = kept_timings(TIMED, Regime(), tmp_path / "mine.json")
    with pytest.raises(KeyboardInterrupt, match=r"1 networks are kept in .*mine\.interrupted\.raw\.jsonl"), kept:
        raise KeyboardInterrupt
    regime, records = read_raw(tmp_path / "mine.interrupted.raw.jsonl")
    assert (regime, records) == (Regime(), TIMED)


@pytest.mark.parametrize(
    ("error", "said"), [(OSError(28, "No space left", "x"), "x: No space"), (MemoryError(), "out of")]
)
def test_the_timings_of_a_failed_calibration_are_kept_elsewhere(error, said, tmp_path, monkeypatch):
    """The folder of the results takes none of them: they go to the folder of temporary files."""
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    kept = kept_timings(TIMED, Regime(), tmp_path / "gone" / "mine.json")
    with pytest.raises(CostError, match=f"^{said}") as refused, kept:
        raise error
    assert str(spare / "mine.interrupted.raw.jsonl") in str(refused.value)
    assert read_raw(spare / "mine.interrupted.raw.jsonl")[1] == TIMED


def test_what_an_interrupted_session_has_timed():
    found, asked = [], 0

    def cancel():
        nonlocal asked
        asked += 1
        if asked > 12:
            raise KeyboardInterrupt
        return False

    specs = [archs.spec("mobilenet_v1", width=0.25, resolution=side) for side in (32, 64)]
    watch = Stopwatch("cpu", 1, "nchw")
    with watch.running(), pytest.raises(KeyboardInterrupt):
        time_networks(watch, Regime(), specs, rounds=50, cancel=cancel, interrupted=found.extend)
    assert [record.spec for record in found] == specs
    assert all(record.network_us > 0 for record in found)


def test_a_command_says_what_was_kept(tmp_path, monkeypatch, capsys):
    def calibrate(**_):
        raise KeyboardInterrupt("the timings of 7 networks are kept in x")

    monkeypatch.setattr(costmodel, "calibrate", calibrate)
    monkeypatch.setattr("costmodel.timing.machine_lock.path", lambda: tmp_path / "lock")
    assert main(["calibrate", "--output", str(tmp_path / "mine.json")]) == 130
    assert capsys.readouterr().err.strip() == "calibrate: interrupted; the timings of 7 networks are kept in x"
    assert sorted(os.listdir(tmp_path)) == ["lock"]
