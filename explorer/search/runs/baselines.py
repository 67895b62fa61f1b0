"""The baselines of a search at the same target: a table under one width multiplier, and at one resolution.

The third baseline, random search with as many evaluations, is a search itself (`search.candidates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import archs
from archs import ArchError, Spec, build
from archs.catalogue.registry import FAMILIES
from costmodel import DeviceProfile
from explorer.editing import whole_network
from explorer.search.objectives import Objective, price
from explorer.search.parts import digest_of
from explorer.search.search import Candidate, candidate
from explorer.search.spaces import BASE_TITLES, space

STEP, SMALLEST, LARGEST = 16, 32, 448
"""Resolutions that are tried."""
OPEN_NETWORK = "the open network"


@dataclass(frozen=True)
class Baseline:
    """A table scaled as a whole to the target: "MobileNetV2 (width × 0.55)". `reason`: why there is no candidate."""

    title: str
    candidate: Candidate | None
    reason: str = ""


def scaled(
    seed: Spec, network: Spec, profile: DeviceProfile, target_ms: float, objective: Objective
) -> Iterator[Baseline]:
    """The largest width and the largest resolution that meet the target, of the space's seed and of the open network.

    The open network is left out where its images are not the seed's: it is then of another task.
    """
    tables = {title(seed): seed}
    if network.resolution == seed.resolution and network != seed:
        tables.setdefault(title(network), network)
    for name, table in tables.items():
        if objective.of_table is None:
            yield Baseline(f"{name} (any width or resolution)", None, f"no {objective.tier} accuracy")
            continue
        found = width_baseline(table, profile, target_ms)
        width = f"width × {found[0]:g}" if found else "any width"
        yield _baseline(f"{name} ({width})", found[1] if found else None, objective, profile)
        spec = _resolution(table, profile, target_ms)
        side = f"resolution {spec.resolution}" if spec else "any resolution"
        yield _baseline(f"{name} ({side})", spec, objective, profile)


def title(spec: Spec) -> str:
    """The title of a paper's table or of a space's base, "the open network" for an edited one; else the name."""
    if spec.name not in FAMILIES:
        bases = {words: space(name).base for name, words in BASE_TITLES.items()}
        edited = spec.name in [base.name for base in bases.values()]
        return next((words for words, base in bases.items() if base == spec), OPEN_NETWORK if edited else spec.name)
    paper = archs.spec(spec.name).edit(resolution=spec.resolution)
    return FAMILIES[spec.name].title if paper == spec else OPEN_NETWORK


def _baseline(name: str, spec: Spec | None, objective: Objective, profile: DeviceProfile) -> Baseline:
    if spec is None:
        return Baseline(name, None, "none meets the target")
    found = scored(spec, objective, profile)
    return Baseline(name, found, "" if found else "no score")


def scored(spec: Spec, objective: Objective, profile: DeviceProfile) -> Candidate | None:
    """A table with its score, latency and counts; None where it has no score."""
    try:
        score = objective.of_spec(spec)
    except ArchError:
        return None
    graph = build(spec)
    return candidate((), digest_of(spec), score, graph, *price([graph], profile))


def width_baseline(base: Spec, profile: DeviceProfile, target_ms: float) -> tuple[float, Spec] | None:
    """The largest uniform width multiplier of a table that meets the target, with its table; None if none does.

    Every width but the classifier's is multiplied; steps of 0.05 from 0.2 to 2.
    """
    rows = range(len(base.rows) - 1)
    for step in range(40, 3, -1):
        width = step / 20
        try:
            spec = whole_network.scaled(base, width, rows)
        except ArchError:
            continue
        if _meets(spec, profile, target_ms):
            return width, spec
    return None


def _resolution(table: Spec, profile: DeviceProfile, target_ms: float) -> Spec | None:
    low, high = SMALLEST // STEP, LARGEST // STEP + 1
    while low < high:  # latency grows with the resolution
        middle = (low + high) // 2
        if _meets(table.edit(resolution=STEP * middle), profile, target_ms):
            low = middle + 1
        else:
            high = middle
    side = STEP * (low - 1)
    return table.edit(resolution=side) if side >= SMALLEST else None


def _meets(spec: Spec, profile: DeviceProfile, target_ms: float) -> bool:
    try:
        return cast("bool", price([build(spec)], profile)[0][2] <= target_ms)
    except ArchError:
        return False
