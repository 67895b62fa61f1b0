"""A search as its job leaves it, without a process: a few networks of NAS-Bench-Macro."""

from __future__ import annotations

from functools import cache
from itertools import islice

import archs
import costmodel
from explorer.jobs.search import SearchJob
from explorer.search.objectives import objective
from explorer.search.runs.settings import SearchSettings
from explorer.search.search import Candidate, candidates
from explorer.search.strategies import strategy

SETTINGS = SearchSettings(space="nas_bench_macro", tier="nas_bench_macro", evaluations=8)
TARGET_MS = 5.0


def ended(done: bool, profile: str = "cpu") -> SearchJob:
    """A search of 8 networks that has ended, or was stopped after 5."""
    found = list(networks("evolution")[: 8 if done else 5])
    return SearchJob(
        settings=SETTINGS,
        network=archs.spec("mobilenet_v2"),
        profile=profile,
        target_ms=TARGET_MS,
        found=found,
        random=list(networks("random")[: len(found)]),
        done=done,
    )


@cache
def networks(name: str) -> tuple[Candidate, ...]:
    """What a strategy evaluates."""
    space = SETTINGS.made_space(archs.spec("mobilenet_v2"))
    profile = costmodel.load_profile("cpu")
    scored = objective(SETTINGS.tier)
    return tuple(islice(candidates(space, profile, TARGET_MS, scored, strategy(name), SETTINGS.seed), 8))
