"""A profile of ONNX Runtime against networks that it was not fitted on, each timed in a fresh process.

The networks are the tables of the validation suite. References of the profile are timed in turn, which tells how fast
the machine is at that minute. Start at `validate_onnx_runtime`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from archs.ir.graph import Graph
from costmodel.calibration.holdout import errors_by_family
from costmodel.calibration.suite import SuiteNetwork, suite
from costmodel.latency.profile import Errors
from costmodel.networks.synthetic import IMPORTED
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile
from costmodel.onnx_runtime.timing import OnnxRuntimeTiming, measure_onnx_runtime
from costmodel.onnx_runtime.writer import quick_onnx
from costmodel.timing.drift import EVERY, slowness_at
from costmodel.timing.session import Progress
from costmodel.written_files import write_together

ORDER = 3  # seed: a part of the suite has networks of all groups
SPEED_FREE = "all, speed divided out"


@dataclass(frozen=True)
class ValidatedNetwork:
    """One network: in a fresh process, and predicted."""

    network: str
    group: str
    """"catalogue", "edited" or "table"."""
    measured_ms: float
    """The undisturbed calls: the median of the fastest third."""
    median_ms: float
    """Of all calls."""
    predicted_ms: float
    speed: float = 1.0
    """Time of the references around it over that of the calibration."""


@dataclass(frozen=True)
class OnnxRuntimeReport:
    """Measured beside predicted, with errors by family."""

    profile: OnnxRuntimeProfile
    networks: tuple[ValidatedNetwork, ...]
    interrupted: bool = False

    @property
    def errors(self) -> dict[str, Errors]:
        """Of undisturbed calls, by family and under "all"."""
        return self._errors([(one.network, one.measured_ms, one.predicted_ms) for one in self.networks])

    @property
    def errors_without_speed(self) -> dict[str, Errors]:
        """As `errors`, with the machine's speed at that minute divided out."""
        return self._errors([(one.network, one.measured_ms / one.speed, one.predicted_ms) for one in self.networks])

    @property
    def groups(self) -> dict[str, Errors]:
        """Of undisturbed calls, by group and under "all"."""
        return self._errors([(one.group, one.measured_ms, one.predicted_ms) for one in self.networks])

    @property
    def errors_of_medians(self) -> Errors:
        """Of the median of all calls, the disturbed ones included."""
        return self._errors([(one.network, one.median_ms, one.predicted_ms) for one in self.networks])["all"]

    def _errors(self, pairs: Sequence[tuple[str, float, float]]) -> dict[str, Errors]:
        return errors_by_family(pairs, self.profile.half_interval)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "profile": self.profile.name,
            "regime": self.profile.regime.model_dump(),
            "environment": self.profile.environment,
            "networks": len(self.networks),
            "families": {family: errors.model_dump() for family, errors in self.errors.items()},
            "groups": {group: errors.model_dump() for group, errors in self.groups.items()},
            "medians": self.errors_of_medians.model_dump(),
            "speed_corrected": {family: found.model_dump() for family, found in self.errors_without_speed.items()},
            "per_network": [vars(one) for one in self.networks],
        }

    def save(self, profile_path: str | os.PathLike) -> None:
        """Write it beside the profile: `NAME.validation.json`."""
        text = json.dumps(self.as_dict(), indent=1) + "\n"
        write_together({Path(profile_path).with_suffix(".validation.json"): text})

    def __str__(self) -> str:
        lines = [f"{self.profile.name}: {self.profile.regime.label}, each network in a fresh process"]
        others = {"all, medians of all calls": self.errors_of_medians}
        if self.profile.fresh_references:
            others[SPEED_FREE] = self.errors_without_speed["all"]
        for family, found in {**self.errors, **others}.items():
            lines.append(
                f"{family:<34} {found.networks:>4} networks, mean error {found.mape} %, ±5 % {found.within_5} %, "
                f"±10 % {found.within_10} %, interval covers {found.coverage} %, Spearman {found.spearman}"
            )
        if self.profile.fresh_references:
            slow = [one.speed for one in self.networks]
            lines.append(f"time of the references over the calibration's: {min(slow):.3f} to {max(slow):.3f}")
        return "\n".join(lines)


def validation_networks(count: int | None = None) -> list[SuiteNetwork]:
    """The networks of the suite that are tables, in random order; `count` of them."""
    found = [one for one in suite() if one.group != IMPORTED]
    return Random(ORDER).sample(found, len(found))[:count]


def validate_onnx_runtime(
    profile: OnnxRuntimeProfile,
    networks: Sequence[SuiteNetwork],
    processes: int = 1,
    seconds: float = 0.6,
    limit: float = 3600.0,
    progress: Progress | None = None,
    measure: Callable[..., OnnxRuntimeTiming] = measure_onnx_runtime,
) -> OnnxRuntimeReport:
    """Time networks in fresh processes and predict them.

    An interrupt (KeyboardInterrupt) ends the run and keeps the networks that were timed.

    Args:
        profile: of this machine.
        networks: of `validation_networks`.
        processes: per network.
        seconds: of timing in each.
        limit: seconds after which no further network is timed.
        progress: called with the share done, 0 to 1, and a description.
        measure: the stopwatch.
    """
    started, interrupted = time.monotonic(), False
    rows: list[tuple[ValidatedNetwork, int]] = []
    speeds: list[float] = []
    references = sorted(profile.fresh_references, key=lambda one: one.network_us)

    def timed(graph: Graph, count: int) -> OnnxRuntimeTiming:
        return measure(quick_onnx(graph), 1, profile.regime.threads, count, seconds)

    try:
        for done, one in enumerate(networks):
            if progress:
                progress(done / len(networks), f"{done} of {len(networks)} networks")
            if time.monotonic() - started > limit:
                break
            if done % EVERY == 0 and references:
                reference = references[len(speeds) % len(references)]
                found = timed(profile.regime.graph(reference.to_spec()), 1)
                speeds.append(found.undisturbed_median_ms * 1e3 / reference.network_us)
            timing = timed(one.graph, processes)
            predicted = profile.predicted(one.graph).latency_ms
            measured = timing.undisturbed_median_ms
            row = ValidatedNetwork(one.spec.name, one.group, measured, timing.median_ms, predicted)
            rows.append((row, len(speeds) - 1))
    except KeyboardInterrupt:
        if not rows:
            raise
        interrupted = True
    found_rows = tuple([replace(row, speed=round(slowness_at(speeds, turn), 4)) for row, turn in rows])
    return OnnxRuntimeReport(profile, found_rows, interrupted)
