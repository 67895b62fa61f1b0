"""NetAdapt with real fine-tuning against the uniform width multiplier at equal latency, over seeds.

`python tests/bench_adapt.py` trains a small network on Fashion-MNIST (Debian's `dataset-fashion-mnist`), adapts it to the
latency of the network of half its width, and compares both on the test part; some 15 minutes of one core.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

import archs
import costmodel
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear
from explorer.editing.whole_network import scaled
from explorer.search.image_sets import Part, load
from explorer.search.netadapt import Adapter, Version, walk
from explorer.search.proposals import KINDS
from explorer.search.training import Recipe, Trained, accuracy, interval, train

SEED = archs.Spec(
    name="small",
    resolution=28,
    input_channels=1,
    rows=(
        Conv(stage="stem", channels=16, stride=2),
        InvertedResidual(stage="stage1", channels=16, expansion=1.0),
        InvertedResidual(stage="stage2", channels=24, repeat=3, stride=2, expansion=4.0),
        InvertedResidual(stage="stage3", channels=40, repeat=3, stride=2, expansion=4.0),
        Conv(stage="head", channels=160, kernel=1),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=10),
    ),
)


def compare(number: int, options: argparse.Namespace, profile: costmodel.DeviceProfile) -> tuple[float, float, float]:
    """Test accuracies of the seed, the adapted network and the width multiplier, of one seed."""
    images = load(options.images, side=28, seed=number)
    few = np.arange(options.validation)
    held = Part(images.validation.images[few], images.validation.labels[few])
    images = replace(images, validation=held)
    spec = images.fitted(SEED)
    narrow = scaled(spec, 0.5, range(len(spec.rows) - 1))
    target = costmodel.predict(archs.build(narrow), profile).latency_ms
    first, last = Recipe(steps=options.steps), Recipe(steps=options.steps, rate=0.05)
    scorer = Trained(images, first, Recipe(steps=options.tuning, rate=0.02, warmup=0), number, "norm")
    adapter = Adapter(profile, target, scorer, Version("all", 0.03, 1.0, tuple(KINDS), "ratio"), whole_interval=False)
    step, state = adapter.first(spec)
    parts = [accuracy(state, images.test)]
    print(f"seed {number}: {step.latency_ms:.3f} ms, target {target:.3f} ms, test {parts[0]:.2f} %", flush=True)
    for after in walk(adapter, [step], state):
        step, state = after
        one = step.chosen
        words = f"{one.kind} {one.where} {one.change}" if one else "none"
        print(f"  {step.number}: {words}, {step.latency_ms:.3f} ms, validation {step.score:.2f} %", flush=True)
    parts.append(accuracy(train(state, images, last, number + 100), images.test))
    # As many steps as the seed and the last fine-tuning together
    parts.append(accuracy(train(archs.build(narrow), images(first, 2 * options.steps), number), images.test))
    print(
        f"  adapted {step.latency_ms:.3f} ms {parts[1]:.2f} %, width 0.5 {target:.3f} ms {parts[2]:.2f} %", flush=True
    )
    return parts[0], parts[1], parts[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="fashion-mnist")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--tuning", type=int, default=8, help="steps of each proposal")
    parser.add_argument("--validation", type=int, default=1000, help="images that proposals are scored on")
    options = parser.parse_args()
    profile = costmodel.load_profile("cpu")
    found = np.array([compare(number, options, profile) for number in range(options.seeds)])
    for name, values in zip(("seed", "adapted", "width 0.5"), found.T):
        print("{}: {:.2f} % ({:.2f} to {:.2f})".format(name, *interval(list(values))))
    print("adapted - width 0.5: {:.2f} ({:.2f} to {:.2f})".format(*interval(list(found[:, 1] - found[:, 2]))))


if __name__ == "__main__":
    main()
