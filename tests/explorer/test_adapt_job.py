"""The adaptation job: stop and continue as without the stop, training on small images, bad requests in one line."""

from __future__ import annotations

import time

import pytest

import archs
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear
from explorer.data import profiles as devices
from explorer.jobs.adapt import AdaptJob, find
from explorer.search.runs.adaptation import TRAINED, AdaptSettings

pytestmark = pytest.mark.slow
PATIENCE = 120.0
SMALL = archs.Spec(
    name="small",
    resolution=64,
    rows=(
        Conv(stage="stem", channels=32, stride=2),
        InvertedResidual(stage="stage1", channels=32, expanded=192, stride=2, repeat=2),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=10),
    ),
)


def begun(job: AdaptJob) -> AdaptJob:
    job.begin(devices.load("cpu").model_dump_json(by_alias=True).encode())
    return job


def adaptation(tier: str, target_ms: float = 0.3) -> AdaptJob:
    settings = AdaptSettings(tier=tier, whole_interval=False)
    return AdaptJob(settings=settings, network=SMALL, profile="cpu", target_ms=target_ms)


def test_an_adaptation_goes_on_after_a_stop():
    whole = begun(adaptation("mult_adds"))
    whole.wait()
    assert whole.problem == ""
    assert whole.done
    assert len(whole.steps) > 4
    job = begun(adaptation("mult_adds"))
    deadline = time.monotonic() + PATIENCE
    while len(job.steps) < 3 and job.running and time.monotonic() < deadline:
        time.sleep(0.01)
    job.stop()
    job.wait()
    again = begun(job.continued())
    again.wait()
    assert again.steps == whole.steps
    assert (again.met, again.reason) == (whole.met, whole.reason)
    assert find(again.token) is again
    folder = again.folder.path
    assert folder.is_dir()


def test_training_is_of_the_table_fitted_to_the_images():
    job = adaptation(TRAINED)
    seed = job.settings.adapter(devices.load("cpu"), 1.0).scorer
    fitted = seed.as_trained(SMALL)
    assert (fitted.resolution, fitted.input_channels) == (32, 1)
    begun(job)
    deadline = time.monotonic() + PATIENCE
    while len(job.steps) < 2 and job.running and time.monotonic() < deadline:
        time.sleep(0.02)
    job.stop()
    job.wait()
    assert job.problem == ""
    assert job.steps[0].spec.resolution == 64
    assert 0 <= job.steps[1].score <= 100


def test_a_target_out_of_reach_is_one_line():
    job = begun(adaptation("mult_adds", 1e-6))
    job.wait()
    assert job.problem == ""
    assert not job.met
    assert "no proposal takes" in job.reason
    assert "the nearest to 1e-06 ms" in job.reason
