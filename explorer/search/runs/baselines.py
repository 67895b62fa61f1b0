"""What a search is compared with at the same target: the base table under one width multiplier, and at one resolution.

The third baseline, random search with as many evaluations, is a search itself (`search.candidates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from archs import ArchError, Spec, build
from costmodel import DeviceProfile
from explorer.search.objectives import Objective, price
from explorer.search.search import Candidate, evaluate, width_baseline
from explorer.search.space import Choice, Option, Space

STEP, SMALLEST, LARGEST = 16, 32, 448
"""Resolutions that are tried."""


@dataclass(frozen=True)
class Baseline:
    """The base table scaled as a whole so that it meets the target. `title`: "width × 0.55"."""

    title: str
    spec: Spec
    candidate: Candidate


def scaled(space: Space, profile: DeviceProfile, target_ms: float, objective: Objective) -> Iterator[Baseline]:
    """The largest width and the largest resolution of the base table that meet the target, where there are any.

    One that the objective cannot score is left out: published results are of the space's own networks.
    """
    found = width_baseline(space, profile, target_ms)
    named = [(f"width × {found[0]:g}", found[1])] if found else []
    spec = _resolution(space, profile, target_ms)
    named += [(f"resolution {spec.resolution}", spec)] if spec else []
    for title, table in named:
        single = alone(space, table)
        try:
            yield Baseline(title, table, evaluate(single, (0,), objective, profile))
        except ArchError:
            continue


def alone(space: Space, spec: Spec) -> Space:
    """The space of one table: what scores genomes then scores it."""
    row = spec.rows[0]
    same = Choice("table", (Option("as it is", ((0, "stage", row.stage),)),))
    return Space(f"{space.name}_baseline", space.title, space.source, spec, (same,))


def _resolution(space: Space, profile: DeviceProfile, target_ms: float) -> Spec | None:
    low, high = SMALLEST // STEP, LARGEST // STEP + 1
    while low < high:  # latency grows with the resolution
        middle = (low + high) // 2
        if _meets(space.base.edit(resolution=STEP * middle), profile, target_ms):
            low = middle + 1
        else:
            high = middle
    side = STEP * (low - 1)
    return space.base.edit(resolution=side) if side >= SMALLEST else None


def _meets(spec: Spec, profile: DeviceProfile, target_ms: float) -> bool:
    try:
        return cast("bool", price([build(spec)], profile)[0][2] <= target_ms)
    except ArchError:
        return False
