"""A search as its job leaves it, without a process: a few networks of NAS-Bench-Macro."""

from __future__ import annotations

from functools import cache
from itertools import islice

import archs
import costmodel
from explorer.jobs.adapt import AdaptJob
from explorer.jobs.search import SearchJob
from explorer.search.netadapt import AdaptedStep
from explorer.search.objectives import objective
from explorer.search.runs.adaptation import AdaptSettings
from explorer.search.runs.settings import SearchSettings
from explorer.search.search import Candidate, candidates
from explorer.search.strategies import strategy

SETTINGS = SearchSettings(space="nas_bench_macro", tier="nas_bench_macro", evaluations=8)
TARGET_MS = 5.0


def ended(done: bool, profile: str = "cpu", evaluations: int = 8) -> SearchJob:
    """A search of 8 networks that has ended, or was stopped after 5."""
    found = list(networks("evolution", evaluations)[: evaluations if done else 5])
    return SearchJob(
        settings=SETTINGS.with_(evaluations=evaluations),
        network=archs.spec("mobilenet_v2"),
        profile=profile,
        target_ms=TARGET_MS,
        found=found,
        random=list(networks("random", evaluations)[: len(found)]),
        done=done,
    )


@cache
def networks(name: str, evaluations: int = 8) -> tuple[Candidate, ...]:
    """What a strategy evaluates."""
    space = SETTINGS.made_space(archs.spec("mobilenet_v2"))
    profile = costmodel.load_profile("cpu")
    scored = objective(SETTINGS.tier)
    return tuple(islice(candidates(space, profile, TARGET_MS, scored, strategy(name), SETTINGS.seed), evaluations))


def adapted(done: bool) -> AdaptJob:
    """An adaptation of MobileNetV2 that has met its target, or was stopped before."""
    profile = costmodel.load_profile("cpu")
    settings = AdaptSettings(tier="mult_adds")
    steps = _steps()
    return AdaptJob(
        settings=settings,
        network=archs.spec("mobilenet_v2"),
        profile=profile.name,
        target_ms=steps[-1].high_ms,
        steps=list(steps) if done else list(steps[:-1]),
        done=done,
        met=done,
        reason="the target is met" if done else "",
    )


@cache
def _steps() -> tuple[AdaptedStep, ...]:
    """A replayed adaptation: MobileNetV2 with one width after the other taken down."""
    profile = costmodel.load_profile("cpu")
    adapter = AdaptSettings(tier="mult_adds").adapter(profile, 1.0)
    first, state = adapter.first(archs.spec("mobilenet_v2", resolution=96))
    made = [first]
    for _ in range(2):
        step, state = adapter.next(made, state, lambda *_: None)
        made.append(step)
    return tuple(made)
