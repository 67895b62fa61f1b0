"""An adaptation that continues from its log, reports progress, and ends where the target is met.

The algorithm is `explorer.search.netadapt`'s, the log `explorer.search.logs.adapt_log`'s. Start at `Adaptation`;
`AdaptSettings` is what the page chooses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from math import isnan, nan
from pathlib import Path
from typing import Any

from archs import ArchError, Spec
from explorer.search import training
from explorer.search.image_sets import SHAPES, load
from explorer.search.logs.adapt_log import AdaptLog
from explorer.search.netadapt import (
    VERSIONS,
    Adapted,
    AdaptedStep,
    Adapter,
    Scorer,
    TableScorer,
    conclusion,
    version,
    walk,
)
from explorer.search.objectives import OBJECTIVES, objective
from explorer.search.parts import digest_of
from explorer.search.proposals import unrolled
from explorer.search.sweep import fingerprint
from explorer.search.training import Recipe, Trained
from explorer.search.truncation import check_order

TRAINED = "trained"
TUNING_RATE = 0.02
"""Learning rate of a proposal's fine-tuning."""
TIERS = ("estimated", "mult_adds", "params", TRAINED)
"""Scores of the page: objectives of tables, and short training on small images."""
MAX_STEPS = 200
SIDE, FIRST_STEPS, TUNING_STEPS, BATCH = 32, 60, 4, 32
"""Of the page's training: images, batches of the first training and of each proposal."""


@dataclass(frozen=True)
class AdaptSettings:
    """What the page chooses; the network, the device and the target are its own."""

    method: str = "mobilenet_v3"
    """A name of VERSIONS."""
    tier: str = "estimated"
    whole_interval: bool = True
    """Whether the target holds for the interval's upper end."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in VERSIONS or self.tier not in TIERS:
            raise ArchError(f"found {self.method}, {self.tier}; allowed: {', '.join(VERSIONS)}; {', '.join(TIERS)}")

    def scorer(self) -> Scorer:
        """The scorer; real training is of the table fitted to small drawn images, the latency that of the table."""
        if self.tier != TRAINED:
            return TableScorer(OBJECTIVES[self.tier])
        found = trained(SHAPES, SIDE, Recipe(FIRST_STEPS, BATCH), TUNING_STEPS, self.seed, "norm")
        return replace(found, fits=True)

    def adapter(self, profile: Any, target_ms: float) -> Adapter:
        return Adapter(profile, target_ms, self.scorer(), version(self.method), self.whole_interval)


def scorer_of(name: str) -> tuple[TableScorer, str]:
    """The scorer of an objective, with a note on it."""
    found = objective(name)
    return TableScorer(found), found.note


def trained(images: str, side: int, first: Recipe, tuning_steps: int, seed: int, order: str) -> Trained:
    """The scorer that trains, with batches of fine-tuning as large as those of the first training."""
    check_order(order)
    tuning = Recipe(tuning_steps, first.batch, TUNING_RATE, warmup=0)
    return Trained(load(images, side, seed), first, tuning, seed, order)


def plan_of(spec: Spec, adapter: Adapter, name: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """What a log's steps follow from. `name`: the objective's; `how`: the settings of a training."""
    plan: dict[str, Any] = {
        "network": digest_of(spec),
        "profile": fingerprint(adapter.profile),
        "target_ms": adapter.target_ms,
        "whole_interval": adapter.whole_interval,
        "folded": adapter.folded,
        "objective": name,
        **asdict(adapter.version),
    }
    if isinstance(adapter.scorer, Trained):
        plan |= how
        plan["pixels"] = adapter.scorer.images.train.checksum
    return plan


@dataclass
class Adaptation:
    """An adaptation with its log; what is being done is told to `bar`, each step to `added`."""

    adapter: Adapter
    spec: Spec
    log: AdaptLog | None
    bar: Callable[[float, str], None]
    max_steps: int = MAX_STEPS
    added: Callable[[AdaptedStep], None] = lambda _: None

    def __post_init__(self) -> None:
        self.steps: list[AdaptedStep] = list(self.log.entries) if self.log else []
        if self.log and self.steps and self.steps[0].spec != unrolled(self.spec):
            raise ArchError(
                f"step 0 of {self.log.path} is not {self.spec.name} with every block in a row of its own; "
                "allowed: the log as it was written, or a new file"
            )
        self.doing, self.started, self.begun = "", time.monotonic(), 0.0
        if isinstance(self.adapter.scorer, Trained):
            self.adapter.scorer.progress = self.trained
            self.adapter.scorer.checkpoint = self.checkpoint("training")

    def checkpoint(self, name: str) -> Path | None:
        """The file of a training beside the log."""
        return self.log.beside(name) if self.log else None

    def run(self) -> tuple[Adapted, Any]:
        """The result, with the state of its last step."""
        state: Any = None
        self.doing = "the network to begin with"
        if self.steps:
            for step in self.steps:
                self.added(step)
            state = self._kept_state()
        else:
            first, state = self.adapter.first(self.spec)
            self._add(first, state)
        self.begun = self._share()
        ended = self.log is not None and self.log.ended
        if not ended and len(self.steps) <= self.max_steps:
            for step, after in walk(self.adapter, self.steps, state, self._trying):
                self._add(step, after)
                state = after
                if step.number >= self.max_steps:
                    break
        return conclusion(self.adapter, self.steps), state

    def _kept_state(self) -> Any:
        scorer = self.adapter.scorer
        if self.log is None or not isinstance(scorer, Trained):
            return None
        state = self.log.state(scorer.as_trained)
        if state is None:
            raise ArchError(f"{self.log.weights(self.steps[-1].number)} is missing; continue with it, or a new log")
        return state

    def _add(self, step: AdaptedStep, state: Any) -> None:
        if self.log:
            self.log.append_with(step, state)
        self.steps.append(step)
        self.added(step)

    def _trying(self, number: int, of: int, where: str) -> None:
        self.doing = f"step {len(self.steps)} · {self.steps[-1].latency_ms:.3g} ms · proposal {number} of {of}, {where}"
        self.tell()

    def trained(self, now: training.Progress) -> bool:
        """Of each step of a training."""
        self.tell(f" · training {now.step} of {now.steps}, loss {now.loss:.3f}, {now.seconds_left:.0f} s left")
        return True

    def tell(self, more: str = "") -> None:
        """Show what is being done, with the time that is left at this rate."""
        share = self._share()
        done = share - self.begun
        left = (time.monotonic() - self.started) * (1 - share) / done if done > 0 else nan
        self.bar(share, self.doing + more + ("" if isnan(left) else f" · some {left:.0f} s left in all"))

    def _share(self) -> float:
        if not self.steps:
            return 0.0
        seed, now = self.steps[0].latency_ms, self.steps[-1].latency_ms
        way = seed - self.adapter.target_ms
        return min(1.0, max(0.0, (seed - now) / way)) if way > 0 else 1.0
