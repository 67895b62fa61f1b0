"""The search job: stop and continue as without the stop, a killed worker, bad requests in one line."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest
from support.search_runs import SETTINGS, TARGET_MS

import archs
from explorer.data import profiles as devices
from explorer.jobs.search import SearchJob, find
from explorer.search.runs.settings import SearchSettings

pytestmark = pytest.mark.slow
PATIENCE = 120.0


def begun(job: SearchJob) -> SearchJob:
    job.begin(devices.load("cpu").model_dump_json(by_alias=True).encode())
    return job


def search(settings: SearchSettings, target_ms: float = TARGET_MS) -> SearchJob:
    network = archs.spec("mobilenet_v2")
    return begun(SearchJob(settings=settings, network=network, profile="cpu", target_ms=target_ms))


def wait_for(job: SearchJob, networks: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(job.found) < networks and job.running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(job.found) >= networks


def test_a_search_goes_on_after_a_stop_and_after_a_killed_worker():
    settings = replace(SETTINGS, evaluations=120)
    job = search(settings)
    wait_for(job, 5)
    job.stop()
    job.wait()
    assert job.problem == ""
    assert not job.done
    assert find(job.token) is job
    again = begun(job.continued())
    wait_for(again, len(job.found) + 3)
    os.kill(again._process.pid, signal.SIGKILL)
    again.wait()
    assert "it ended by itself after" in again.problem
    assert again.found[: len(job.found)] == job.found
    last = begun(again.continued())
    last.wait()
    assert (last.done, last.problem, len(last.found)) == (True, "", 120)
    whole = search(settings)
    whole.wait()
    assert [one.digest for one in last.found] == [one.digest for one in whole.found]
    assert find(job.token) is last


@pytest.mark.parametrize(
    ("settings", "target_ms", "said"),
    [
        (SETTINGS, 0.001, "no network of space nas_bench_macro meets 0.001 ms with its whole interval; the nearest"),
        (SearchSettings(tier="nas_bench_macro"), 30.0, "space mnasnet has no published accuracies"),
    ],
)
def test_a_search_that_cannot_be_made_says_why_in_one_line(settings, target_ms, said):
    job = search(settings, target_ms)
    job.wait()
    assert said in job.problem
    assert "\n" not in job.problem
    assert job.found == []
