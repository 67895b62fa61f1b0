"""Short training: it learns, equal seeds give equal weights, and a killed run continues as if nothing had happened."""

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import archs
import costmodel
from archs import ArchError
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear
from explorer.search.image_sets import ImagePart, load
from explorer.search.netadapt import Adapter, NetAdaptVersion, adapt
from explorer.search.training import Recipe, Trained, TrainingStopped, accuracy, interval, train

SPEC = archs.Spec(
    name="tiny",
    rows=(
        Conv(stage="stem", channels=16, stride=2),
        InvertedResidual(stage="stage1", channels=16, expanded=32, stride=2, repeat=2),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=8, dropout=0.1),
    ),
)


@pytest.fixture(scope="module")
def images():
    found = load("shapes", 16)
    few = slice(0, 200)
    return replace(
        found,
        validation=ImagePart(found.validation.images[few], found.validation.labels[few]),
        test=ImagePart(found.test.images[few], found.test.labels[few]),
    )


def _graph(images):
    return archs.build(images.fitted(SPEC))


def _equal(one, other):
    return all(torch.equal(t, other.weights[p][n]) for p, named in one.weights.items() for n, t in named.items())


@pytest.mark.slow
def test_it_learns(images):
    seen = []
    graph = train(_graph(images), images, Recipe(steps=60), progress=lambda now: seen.append(now) is None)
    assert accuracy(graph, images.test) > 30  # eight classes: 12.5 by chance
    assert [now.step for now in seen] == list(range(1, 61))
    assert seen[-1].seconds_left == 0 <= seen[0].seconds_left
    assert np.mean([now.loss for now in seen[-9:]]) < np.mean([now.loss for now in seen[:9]])


def test_the_rate_rises_and_falls():
    rates = [Recipe(steps=100, rate=0.2, warmup=10).rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.02 * (n + 1) for n in range(10)])
    assert sorted(rates[10:], reverse=True) == rates[10:]
    assert rates[55] == pytest.approx(0.1)
    assert rates[-1] < 1e-3


def test_a_stopped_training_continues_bit_by_bit(images, tmp_path):
    recipe, kept = Recipe(steps=9), tmp_path / "training.safetensors"
    whole = train(_graph(images), images, recipe, 5)
    with pytest.raises(TrainingStopped, match="after 4 of 9"):
        train(_graph(images), images, recipe, 5, lambda now: now.step < 4, kept)
    steps = []
    again = train(_graph(images), images, recipe, 5, lambda now: steps.append(now.step) is None, kept)
    assert steps == [5, 6, 7, 8, 9]
    assert _equal(whole, again)
    assert not _equal(whole, train(_graph(images), images, recipe, 6))
    with pytest.raises(ArchError, match="another training"):
        train(_graph(images), images, recipe, 6, checkpoint=kept)
    kept.write_bytes(b"none")
    with pytest.raises(ArchError, match="is no checkpoint"):
        train(_graph(images), images, recipe, 5, checkpoint=kept)


def test_a_full_disk_leaves_the_checkpoint_before(images, tmp_path, monkeypatch):
    kept = tmp_path / "training.safetensors"
    with pytest.raises(TrainingStopped):
        train(_graph(images), images, Recipe(steps=6), 5, lambda now: now.step < 2, kept)
    before, write = kept.read_bytes(), Path.write_bytes

    def full(path, content):
        write(path, content[:100])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        train(_graph(images), images, Recipe(steps=6), 5, checkpoint=kept, every=1)
    assert kept.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_a_diverging_training_says_so(images):
    with pytest.raises(ArchError, match="take a rate under 1e\\+09"):
        train(_graph(images), images, Recipe(steps=30, rate=1e9, warmup=0))


def test_the_interval_over_seeds():
    """t(0.975, 2) = 4.3027."""
    mean, low, high = interval([70.0, 71.0, 72.0])
    assert (mean, low, high) == pytest.approx((71, 71 - 4.3027 / 3**0.5, 71 + 4.3027 / 3**0.5), abs=1e-3)
    with pytest.raises(ArchError, match="at least 2"):
        interval([70.0])


@pytest.mark.slow
def test_netadapt_with_fine_tuning(images):
    """Scores are of the validation part; the state of a step is the network that was fine-tuned in it."""
    scorer = Trained(images, Recipe(steps=20), Recipe(steps=2, warmup=0, rate=0.01), order="norm")
    version = NetAdaptVersion("test", 0.02, 1.0, ("expansion", "depth"), "ratio")
    adapter = Adapter(costmodel.load_profile("cpu"), 1e-3, scorer, version, whole_interval=False)
    found = adapt(images.fitted(SPEC), adapter, max_steps=2)
    assert len(found.steps) > 1
    for step in found.steps:
        assert 0 <= step.score <= 100
        assert step.score * len(images.validation) / 100 == pytest.approx(
            round(step.score * len(images.validation) / 100)
        )
    repeated = adapt(images.fitted(SPEC), adapter, max_steps=1)
    assert repeated.steps[1].spec == found.steps[1].spec
    assert repeated.steps[1].score == found.steps[1].score
