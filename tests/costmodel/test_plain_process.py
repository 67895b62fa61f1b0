"""Plain processes load together and are timed one after the other; what a network prints or raises is no result."""

import json
import runpy
import sys

import pytest

import costmodel
from costmodel.timing import plain_child, plain_process
from costmodel.timing.plain_process import measure_plain

CHILD = """
import json, sys, time
wanted = json.loads(sys.argv[1])
log = open({log!r}, "a", buffering=1)
def say(what): log.write(json.dumps([what, time.monotonic()]) + chr(10))
say("load"); time.sleep(0.05)
{body}
say("loaded"); print("ready", flush=True)
sys.stdin.readline()
say("time"); time.sleep(0.02); say("timed")
print(json.dumps({{"median_ms": 2.0, "times_ms": [1.0, 2.0, 3.0], "faults": [5, 7, 6], "library": "glibc"}}), flush=True)
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    """A program in place of the child's, without torch; `body` runs while it loads. Returns the path of its log."""

    def write(body=""):
        program, log = tmp_path / "child.py", tmp_path / "log"
        program.write_text(CHILD.format(log=str(log), body=body), encoding="utf-8")
        monkeypatch.setattr(plain_process, "CHILD", program)
        return log

    return write


def test_no_process_is_timed_while_another_one_loads_or_is_timed(child):
    log = child()
    found = measure_plain(None, "any:network", (1, 3, 8, 8), processes=plain_process.LOADING)
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    names = [name for name, _ in sorted(events, key=lambda event: event[1])]
    count = plain_process.LOADING
    assert set(names[: 2 * count]) == {"load", "loaded"}
    assert names[2 * count :] == ["time", "timed"] * count
    assert len(found.processes_ms) == count
    assert found.page_faults == 6


def test_more_processes_than_load_together_are_all_timed(child):
    child()
    count = plain_process.LOADING + 1
    assert len(measure_plain(None, "any:network", (1, 3, 8, 8), processes=count).processes_ms) == count


def test_a_process_that_fails_is_named_by_its_last_line(child):
    child("raise ValueError('12 channels')")
    with pytest.raises(costmodel.CostError, match="failed in a process of its own: ValueError: 12 channels"):
        measure_plain(None, "any:network", (1, 3, 8, 8), processes=2)


def test_a_process_that_hangs_is_ended(child, monkeypatch):
    monkeypatch.setattr(plain_process, "TIME_LIMIT", 0.3)
    child("time.sleep(60)")
    with pytest.raises(costmodel.CostError, match="took over 0 s in a process of its own"):
        measure_plain(None, "any:network", (1, 3, 8, 8))


def test_what_a_network_prints_is_not_read_as_a_result(monkeypatch, tmp_path, capsys):
    file = tmp_path / "network.py"
    text = "import torch\nprint('loading')\nclass N(torch.nn.Module):\n    def forward(self, x):\n        print('called')\n"
    file.write_text(text + "        return x\n", encoding="utf-8")
    wanted = {"file": str(file), "shape": [1, 1, 1, 1], "threads": 1, "seconds": 1e-3}
    monkeypatch.setattr(sys, "argv", ["plain_child.py", json.dumps(wanted)])
    runpy.run_path(plain_child.__file__, run_name="__main__")
    found = capsys.readouterr()
    assert json.loads(found.out)["median_ms"] > 0
    assert "loading" in found.err
    assert "called" in found.err
