"""Jobs are bounded: memory and time before they start, their process, their visitor, and one timing per machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from support.lab_runs import until

import archs
from archs.tables.rows import Conv, GlobalPool, Linear
from costmodel import CostError, load_profile
from costmodel.latency.profile import Regime
from costmodel.timing import machine_lock
from explorer.jobs import calibration, job, lab_queue, limits
from explorer.jobs.adapt import AdaptJob
from explorer.jobs.onnx_export import OnnxJob
from explorer.jobs.search import SearchJob
from explorer.lab.experiment import Settings
from explorer.search.runs.adaptation import TRAINED, AdaptSettings
from explorer.search.runs.settings import OPEN, SearchSettings


@dataclass(kw_only=True)
class Sleeper(job.Job):
    title: ClassVar[str] = "a sleep"
    worker: ClassVar[tuple[str, ...]] = ("-c", "import sys, time; sys.stdin.read(); time.sleep(60)")
    progress = 0.0
    status = "sleeping"

    def end(self) -> None:
        self.problem = self.end_reason


@dataclass(kw_only=True)
class Other(Sleeper):
    timing: ClassVar[bool] = False


@dataclass(kw_only=True)
class Search(Other):
    long: ClassVar[bool] = True


@pytest.fixture(autouse=True)
def own_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_lock, "path", lambda: tmp_path / "lock")
    return tmp_path / "lock"


@pytest.mark.parametrize(("batch", "threads", "found"), [(4096, 1, "GB"), (1, 4096, "threads"), (32, 1, "GB|hours")])
def test_a_validation_is_refused_before_it_starts(batch, threads, found):
    profile = load_profile("cpu").model_copy(update={"regime": Regime(batch=batch, threads=threads)})
    if batch == 32:
        profile = profile.model_copy(update={"scale": 1000.0})
    with pytest.raises(CostError, match=found) as refused:
        limits.check_validation(profile, 360)
    assert "\n" not in str(refused.value)


def large(**changes) -> archs.Spec:
    """600 MB of weights; activations of gigabytes at a large resolution and batch."""
    rows = (
        Conv(stage="a", channels=4096, kernel=3),
        Conv(stage="b", channels=4096, kernel=3),
        GlobalPool(stage="c"),
        Linear(stage="c", channels=10),
    )
    return archs.Spec(name="large", rows=rows).edit(**changes)


def deep() -> archs.Spec:
    """Of 512 blocks."""
    rows = [Conv(stage=f"s{n}", channels=16, repeat=64) for n in range(7)]
    rows += [Conv(stage="s7", channels=16, repeat=62), GlobalPool(stage="head"), Linear(stage="head", channels=10)]
    return archs.Spec(name="deep", rows=tuple(rows))


def searched(spec: archs.Spec, evaluations: int) -> SearchJob:
    settings = SearchSettings(space=OPEN, evaluations=evaluations, cells=((0, "kernel"),))
    return SearchJob(settings=settings, network=spec, profile="cpu", target_ms=10.0)


def adapted(spec: archs.Spec) -> AdaptJob:
    return AdaptJob(settings=AdaptSettings(tier=TRAINED), network=spec, profile="cpu", target_ms=10.0)


REFUSED = {
    "adaptation": (
        lambda: adapted(deep().edit(rows=deep().rows[5:])).begin(b""),
        "20 steps of the adaptation would take about .* hours",
    ),
    "calibration, batch": (
        lambda: calibration.calibrate(Regime(batch=4096), quick=True),
        "batch 4096 needs about .* GB",
    ),
    "calibration, threads": (lambda: calibration.calibrate(Regime(threads=4096), quick=True), "4096 threads"),
    "run, memory": (lambda: lab_queue.join([("a", large(resolution=2048).to_json())], Settings()), "needs about .* GB"),
    "run, time": (
        lambda: lab_queue.join([("a", large(resolution=64).to_json())], Settings()),
        "would take about .* minutes",
    ),
    "export, file": (lambda: OnnxJob(spec=large()).begin(), "the file would have .* MB"),
    "export, time": (lambda: OnnxJob(spec=deep(), limit=30.0).begin(), "the export would take about"),
    "search, time": (lambda: searched(deep(), 2000).begin(b""), "the search would take about .* hours"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_takes_too_much_is_refused_before_it_starts(name, monkeypatch):
    """Memory and time are computed from the networks, and one sentence says both numbers."""
    start, said = REFUSED[name]
    monkeypatch.setattr(job.subprocess, "Popen", None)
    with pytest.raises(CostError, match=said) as refused:
        start()
    assert "allowed" in str(refused.value) or "this machine has" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert job.current() is None
    assert not lab_queue._works


def test_the_shipped_profiles_can_be_validated():
    assert limits.check_validation(load_profile("cpu"), 360) == 360
    assert 360 < limits.validation_seconds(load_profile("cpu-batch-8"), 360) < limits.MAX_SECONDS


def test_a_job_ends_after_its_visitor_has_left(monkeypatch):
    monkeypatch.setattr(job, "ABANDONED", 0.3)
    left = Sleeper(present=lambda: False)
    left.start({})
    left.wait()
    assert left.stopped
    assert "visitor had left" in left.problem


@pytest.mark.parametrize("kind", [Sleeper, Other])
def test_a_job_without_a_thread_gives_its_place_back(kind, monkeypatch):
    """On a server at its limit of threads: every later timing was told that another run is just ending."""

    def start(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(job.threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="new thread"):
            kind().start({})
    assert job.current() is None
    assert not job._others
    made = kind()
    made.start({})
    made.stop()
    made.wait()


def test_a_kept_job_goes_on(monkeypatch):
    monkeypatch.setattr(job, "ABANDONED", 0.3)
    kept = Sleeper(present=lambda: False, keep=True)
    kept.start({})
    time.sleep(1.5)
    assert kept.running
    kept.stop()
    kept.wait()


def test_what_times_nothing_does_not_wait_behind_a_timing():
    timing, others = Sleeper(), [Other() for _ in range(job.MAX_OTHERS + 2)]
    timing.start({})
    try:
        with pytest.raises(job.Busy, match="a sleep"):
            Sleeper().start({})
        for other in others:
            other.start({})
        *begun, next_one, last = others
        until(lambda: all(other._process for other in begun))
        assert [other.ahead for other in others] == [0] * job.MAX_OTHERS + [1, 2]
        assert next_one._process is None
        begun[0].stop()  # its place goes to the first of those that wait
        until(lambda: next_one._process)
        assert last.ahead == 1
        last.stop()  # a waiting one leaves the line without a process
        last.wait()
        assert last._process is None
        assert last.stopped
    finally:
        for started in (timing, *others):
            started.stop()
            started.wait()


def test_seconds_do_not_wait_behind_an_hour():
    """Two searches held both places: an import of seconds waited for their end."""
    searches, short = [Search() for _ in range(job.MAX_OTHERS + 1)], Other()
    try:
        for one in (*searches, short):
            one.start({})
        until(lambda: short._process)
        assert [one.ahead for one in (*searches, short)] == [0] * job.MAX_OTHERS + [1, 0]
    finally:
        for one in (*searches, short):
            one.stop()
            one.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the worker on Linux only")
def test_a_worker_ends_with_a_server_that_is_killed():
    worker = "from explorer.jobs import worker; import time; worker.request(); print('{}', flush=True); time.sleep(60)"
    program = (
        "import time\nfrom explorer.jobs import job\n"
        "class Sleeper(job.Job):\n"
        f"    title, timing, worker, progress = 'a sleep', False, ('-c', {worker!r}), 0.0\n"
        "    def read(self, message): print(self._process.pid, flush=True)\n"
        "    def end(self): pass\n"
        "sleeper = Sleeper()\nsleeper.start({})\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        started = int(process.stdout.readline())
        assert os.getpgid(started) != os.getpgid(process.pid)  # Ctrl-C in the server's terminal is not the worker's
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not _runs(started))


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("kind", [Sleeper, Other], ids=["times", "times nothing"])
def test_pages_and_timings_come_before_jobs_that_time_nothing(kind):
    started = kind()
    started.start({})
    until(lambda: started._process)
    process = started._process.pid
    until(lambda: os.getpriority(os.PRIO_PROCESS, process) == os.nice(0) + (not kind.timing) * job.NICENESS)
    started.stop()
    started.wait()


def test_the_line_of_waiting_jobs_is_bounded(monkeypatch):
    monkeypatch.setattr(job, "MAX_WAITING", 1)
    first = Other()
    first.start({})
    try:
        with pytest.raises(job.Busy, match="1 jobs of other visitors are running or waiting"):
            Other().start({})
        second = Search()  # another queue
        second.start({})
        second.stop()
        second.wait()
    finally:
        first.stop()
        first.wait()


def test_timings_of_other_processes_exclude_it(own_lock):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom costmodel.timing import machine_lock\n"
        f"machine_lock.path = lambda: Path({str(own_lock)!r})\n"
        "with machine_lock.exclusive():\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    assert machine_lock.holder() == ""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert machine_lock.holder() == f"process {process.pid}"
        with pytest.raises(job.Busy, match=f"process {process.pid}"):
            Sleeper().start({})
        process.kill()
    assert machine_lock.holder() == ""  # kill -9 leaves no lock
    waited = []
    with machine_lock.exclusive(waited.append):
        assert waited == []


@pytest.mark.slow
def test_the_address_space_of_a_worker_is_bounded():
    program = (
        "from explorer.jobs import worker\nimport torch\nwith worker.working(timing=False):\n    torch.empty(10**10)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert result.stdout.startswith('{"problem": "out of memory')
    assert result.stderr == ""
