"""Short training in PyTorch on real images: seeds, learning-rate schedule, progress, stop, checkpoints, resume.

Small and honest: MnasNet's authors report that small proxies do not carry over to ImageNet once latency counts. Images
are in `explorer.search.image_sets`; start with `train`, or `Trained` for a search.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archs import ArchError, Graph, Spec, build
from archs.interop.pytorch.execute import to_module
from explorer.search.image_sets import ImagePart, ImageSet
from explorer.search.proposals import Reduction
from explorer.search.truncation import initialised, truncated, with_state

if TYPE_CHECKING:
    from torch import Tensor, nn

EVALUATED = 500
"""Images per batch of an evaluation."""


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum; the rate rises over `warmup` steps and falls as a cosine to zero."""

    steps: int = 400
    batch: int = 64
    rate: float = 0.1
    warmup: int = 20
    momentum: float = 0.9
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rate"):
            if not getattr(self, name) > 0:
                raise ArchError(f"{name} is {getattr(self, name)}; allowed: above 0")

    def rate_at(self, step: int) -> float:
        """The learning rate of step `step`, from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        return self.rate * 0.5 * (1 + cos(pi * (step - self.warmup) / max(1, self.steps - self.warmup)))


@dataclass(frozen=True)
class Progress:
    """Where a training is: steps done, the loss of the last one, seconds that are left at this rate."""

    step: int
    steps: int
    loss: float
    seconds_left: float


class TrainingStopped(ArchError):
    """A training that its caller ended; its checkpoint is kept."""


def train(
    graph: Graph,
    images: ImageSet,
    recipe: Recipe,
    seed: int = 0,
    progress: Callable[[Progress], bool] = lambda _: True,
    checkpoint: Path | None = None,
    every: int = 50,
) -> Graph:
    """The graph with trained weights, from its own or from random ones. Equal arguments give equal weights.

    `progress` is called after each step and ends the training by returning False: raises TrainingStopped. With
    `checkpoint` the state is written every `every` steps, whole or not at all, and a training that is found there
    is continued: its weights are those of one without a break. Raises ArchError where the loss is not finite or the
    file is of another training, and OSError for a full disk; the checkpoint before stays.
    """
    import torch

    graph = graph if graph.weights is not None else initialised(graph, seed)
    module = to_module(graph)
    optimiser = torch.optim.SGD(
        module.parameters(), recipe.rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    plan = json.dumps([repr(recipe), seed, images.name, images.train.checksum, repr(graph.nodes)])
    done = _resumed(checkpoint, module, optimiser, plan) if checkpoint else 0
    module.train()
    started = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        for step in range(done, recipe.steps):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate_at(step)
            torch.manual_seed(_dropout_seed(seed, step))
            x, y = _batch(images.train, _chosen(len(images.train), recipe.batch, seed, step))
            loss = torch.nn.functional.cross_entropy(module(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            value = float(loss.detach())
            if not np.isfinite(value):
                raise ArchError(f"the loss of step {step + 1} is {value}; take a rate under {recipe.rate:g}")
            left = (time.monotonic() - started) / (step + 1 - done) * (recipe.steps - step - 1)
            going = progress(Progress(step + 1, recipe.steps, value, left))
            if checkpoint and (not going or (step + 1) % every == 0):
                _write(checkpoint, module, optimiser, plan, step + 1)
            if not going and step + 1 < recipe.steps:
                raise TrainingStopped(f"stopped after {step + 1} of {recipe.steps} steps")
    return with_state(graph, module)


def accuracy(graph: Graph, part: ImagePart) -> float:
    """Top-1 accuracy of a trained graph in percent."""
    import torch

    module = to_module(graph).eval()
    right = 0
    with torch.inference_mode():
        for first in range(0, len(part), EVALUATED):
            x, y = _batch(part, np.arange(first, min(len(part), first + EVALUATED)))
            right += int((module(x).argmax(1) == y).sum())
    return 100 * right / len(part)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of values, one per seed, with the ends of its 95 % interval (Student). Raises ArchError for one value."""
    from scipy.stats import t

    if len(values) < 2:
        raise ArchError(f"found {len(values)} value; allowed: at least 2 for an interval")
    mean = float(np.mean(values))
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / sqrt(len(values)))
    return mean, mean - half, mean + half


@dataclass
class Trained:
    """A scorer that trains: each proposal starts with the truncated weights before it and is fine-tuned.

    The score is the accuracy on the validation part, never on the test part.
    """

    images: ImageSet
    first: Recipe
    fine_tuning: Recipe
    seed: int = 0
    """The seed of batches and of missing weights."""
    order: str = "first"
    progress: Callable[[Progress], bool] = lambda _: True
    checkpoint: Path | None = None
    """Of the training of the network that the search starts from."""
    fits: bool = False
    """Whether tables are fitted to the images before they are trained, so that larger ones are priced."""

    tier = "trained"

    @property
    def name(self) -> str:
        return f"{self.images.name}, validation part"

    def as_trained(self, spec: Spec) -> Spec:
        """The table that is trained."""
        return self.images.fitted(spec) if self.fits else spec

    def begin(self, spec: Spec) -> tuple[float, Graph]:
        graph = train(build(self.as_trained(spec)), self.images, self.first, self.seed, self.progress, self.checkpoint)
        return accuracy(graph, self.images.validation), graph

    def score(self, made: Reduction, state: Graph) -> tuple[float, Graph]:
        cut = truncated(state, self.as_trained(made.spec), self.seed, self.order, made.removed_row)
        graph = train(cut, self.images, self.fine_tuning, self.seed + 1, self.progress)
        return accuracy(graph, self.images.validation), graph


def _chosen(images: int, batch: int, seed: int, step: int) -> np.ndarray:
    """The images of a step: each epoch is a permutation, so that a step's batch depends on its number alone."""
    batch = min(batch, images)
    per_epoch = images // batch
    order = np.random.default_rng((seed, step // per_epoch)).permutation(images)
    at = step % per_epoch * batch
    return order[at : at + batch]


def _dropout_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence((seed, step)).generate_state(1)[0])


def _batch(part: ImagePart, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    import torch

    x = torch.from_numpy(part.images[chosen]).float().div_(127.5).sub_(1)
    return x, torch.from_numpy(part.labels[chosen])


def _write(path: Path, module: nn.Module, optimiser: Any, plan: str, step: int) -> None:
    from safetensors.torch import save

    tensors = {f"net.{name}": tensor.detach().clone() for name, tensor in module.state_dict().items()}
    for number, parameter in enumerate(module.parameters()):
        if (momentum := optimiser.state[parameter].get("momentum_buffer")) is not None:
            tensors[f"momentum.{number}"] = momentum.clone()
    draft = path.with_name(f"{path.name}.draft")
    try:
        draft.write_bytes(save(tensors, metadata={"plan": plan, "step": str(step)}))
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _resumed(path: Path, module: nn.Module, optimiser: Any, plan: str) -> int:
    """The steps that a checkpoint has, whose state is put into the module; 0 where there is none."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("plan") != plan:
                raise ArchError(f"{path} is of another training; allowed: the same one, or another file")
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    except SafetensorError as error:
        raise ArchError(f"{path} is no checkpoint ({error}); remove it to begin again") from None
    module.load_state_dict({n.removeprefix("net."): t for n, t in tensors.items() if n.startswith("net.")})
    for number, parameter in enumerate(module.parameters()):
        if f"momentum.{number}" in tensors:
            optimiser.state[parameter]["momentum_buffer"] = tensors[f"momentum.{number}"]
    return int(metadata["step"])
