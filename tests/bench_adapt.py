"""NetAdapt with real fine-tuning against the uniform width multiplier at equal latency, over seeds.

`python tests/bench_adapt.py` trains a small network on Fashion-MNIST (Debian's `dataset-fashion-mnist`), adapts it to
the predicted latency of half its width, and compares both on the test part; some 20 minutes of one core. `--record`
writes the table of `explorer/search/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import archs  # noqa: E402
import costmodel  # noqa: E402
from archs.tables.rows import Conv, GlobalPool, InvertedResidual, Linear  # noqa: E402
from explorer.editing.whole_network import scaled  # noqa: E402
from explorer.search.image_sets import ImagePart, ImageSet, load  # noqa: E402
from explorer.search.netadapt import Adapter, NetAdaptVersion, walk  # noqa: E402
from explorer.search.proposals import unrolled  # noqa: E402
from explorer.search.training import Recipe, Trained, accuracy, interval, train  # noqa: E402
from explorer.search.truncation import truncated  # noqa: E402

SEED = archs.Spec(
    name="small",
    resolution=28,
    input_channels=1,
    rows=(
        Conv(stage="stem", channels=32, stride=2),
        InvertedResidual(stage="stage1", channels=32, expansion=1.0),
        InvertedResidual(stage="stage2", channels=64, repeat=2, stride=2, expansion=6.0),
        InvertedResidual(stage="stage3", channels=128, repeat=2, stride=2, expansion=6.0),
        Conv(stage="head", channels=512, kernel=1),
        GlobalPool(stage="head", flat=True),
        Linear(stage="head", channels=10),
    ),
)
VERSION = NetAdaptVersion("widths", 0.04, 0.85, ("expansion", "bottleneck", "width"), "ratio")
"""Every width, but no depth: the width multiplier removes no block either. The last steps are under 1 %."""
README = Path(__file__).resolve().parents[1] / "explorer" / "search" / "README.md"
MARKS = ("<!-- adapt -->\n", "<!-- /adapt -->\n")


class Trial:
    """The networks of one random seed, all trained with the same recipe."""

    def __init__(self, number: int, options: argparse.Namespace, profile: costmodel.DeviceProfile):
        self.number, self.profile, self.options = number, profile, options
        images = load(options.images, side=28, seed=number)
        few = slice(0, options.validation)
        self.images: ImageSet = replace(
            images, validation=ImagePart(images.validation.images[few], images.validation.labels[few])
        )
        self.spec = images.fitted(SEED)

    def priced(self, spec: archs.Spec) -> float:
        """Predicted milliseconds."""
        return costmodel.predict(archs.build(spec), self.profile).latency_ms

    def width(self, factor: float) -> archs.Spec:
        """The seed under a uniform width multiplier, its classifier excepted."""
        return scaled(self.spec, factor, range(len(self.spec.rows) - 1))

    def width_at(self, least_ms: float) -> archs.Spec:
        """The narrowest width in steps of 0.005 that is at least as slow: rounding favours the multiplier."""
        for step in range(40, 200):
            if self.priced(self.width(step / 200)) >= least_ms:
                return self.width(step / 200)
        return self.spec

    def tuned(self, graph: archs.Graph, steps: int) -> archs.Graph:
        """The graph after training with the recipe that the seed had too."""
        return train(graph, self.images, Recipe(steps, self.options.batch), self.number + 100)

    def run(self) -> list[tuple[str, float, float]]:
        """Name, milliseconds and test accuracy of each network."""
        options, tuning = self.options, Recipe(self.options.tuning, self.options.batch, 0.02, warmup=0)
        target = self.priced(self.width(options.width))
        scorer = Trained(self.images, Recipe(options.steps, options.batch), tuning, self.number, "norm")
        adapter = Adapter(self.profile, target, scorer, VERSION, whole_interval=False)
        first, trained = adapter.first(self.spec)
        step, state = first, trained
        print(f"seed {self.number}: {first.latency_ms:.3f} ms, target {target:.3f} ms", flush=True)
        for after in walk(adapter, [first], trained):
            step, state = after
            print(
                f"  {step.number}: {step.change}, {step.latency_ms:.3f} ms, validation {step.score:.2f} %", flush=True
            )
        adapted = self.tuned(state, options.steps)
        narrow = self.width_at(step.latency_ms)
        more = step.number * options.tuning + options.steps
        cut = truncated(trained, unrolled(narrow), self.number, "norm")
        found = [
            ("seed", trained),
            ("adapted", adapted),
            ("adapted, from scratch", self.tuned(archs.build(step.spec), options.steps + more)),
            ("width, cut from the seed", self.tuned(cut, more)),
            ("width, from scratch", self.tuned(archs.build(narrow), options.steps + more)),
        ]
        rows = [(name, self.priced(graph.spec), accuracy(graph, self.images.test)) for name, graph in found]
        for name, ms, top1 in rows:
            print(f"  {name}: {ms:.3f} ms, test {top1:.2f} %", flush=True)
        return rows


PAIRS = (("adapted", "width, cut from the seed"), ("adapted, from scratch", "width, from scratch"))
"""Each pair has equal weights to begin with and equally many steps."""


def text(trials: Sequence[Sequence[tuple[str, float, float]]]) -> str:
    """The tables of the README: means with 95 % intervals over seeds, and the differences, paired by seed."""
    top1 = {name: [trial[place][2] for trial in trials] for place, (name, _, _) in enumerate(trials[0])}
    lines = ["| network | predicted ms | test accuracy, % |", "| --- | ---: | ---: |"]
    for place, (name, values) in enumerate(top1.items()):
        ms = np.mean([trial[place][1] for trial in trials])
        lines.append("| {} | {:.3f} | {:.2f} ({:.2f} to {:.2f}) |".format(name, ms, *interval(values)))
    lines += ["", "| difference, points | mean |", "| --- | ---: |"]
    for one, other in PAIRS:
        found = interval([a - b for a, b in zip(top1[one], top1[other])])
        lines.append("| {} − {} | {:+.2f} ({:+.2f} to {:+.2f}) |".format(one, other, *found))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="fashion-mnist")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300, help="of the seed's training and of the last fine-tuning")
    parser.add_argument("--tuning", type=int, default=10, help="steps of each proposal")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=float, default=0.5, help="the multiplier whose latency is the target")
    parser.add_argument("--validation", type=int, default=800, help="images that proposals are scored on")
    parser.add_argument("--record", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    profile = costmodel.load_profile("cpu")
    found = text([Trial(number, options, profile).run() for number in range(options.seeds)])
    print(found)
    if options.record:
        document = README.read_text(encoding="utf-8")
        before, rest = document.split(MARKS[0])
        README.write_text(before + MARKS[0] + found + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")


if __name__ == "__main__":
    main()
