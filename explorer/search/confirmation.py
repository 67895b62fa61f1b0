"""A search's network measured before it is returned; where it misses the target, the search again for less.

The prediction promises the network's time of the day of the calibration. On another day, or where the search has found
what the profile underrates, the network may be slower: measured over predicted corrects the limit of the next search.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import costmodel
from archs import ArchError, Graph
from costmodel import DeviceProfile
from explorer.search.search import Candidate, best

TRIES = 6
"""Searches until it is given up."""
BUILDS = 5
"""How often a network is built anew and timed: the same network's builds differ by where their memory lies."""
KEPT = 4
"""Builds that keep the target where a network does: one may be disturbed."""
RUNS = 10
"""Timed calls of a build; up to three times as many where they disagree."""


@dataclass(frozen=True)
class Trial:
    """A network that was measured."""

    limit_ms: float
    """The target of the search that found it."""
    candidate: Candidate
    builds_ms: tuple[float, ...]

    @property
    def measured_ms(self) -> float:
        """Within it are KEPT of the builds; it is what is compared with the target."""
        return sorted(self.builds_ms)[:KEPT][-1]

    def keeps(self, target_ms: float) -> bool:
        """Whether the network is the result."""
        return self.measured_ms <= target_ms


def confirmed(
    search: Callable[[float], Sequence[Candidate]],
    target_ms: float,
    measured: Callable[[Candidate], Sequence[float]],
    tries: int = TRIES,
) -> Iterator[Trial]:
    """Networks that are measured, until one keeps the target or none is left; the last one is the result.

    A network that takes r times its prediction sets the limit of the next search to target / r: an interval whose upper
    end meets it, times r, meets the target.

    Args:
        search: the candidates for a limit in milliseconds; raises ArchError where no network meets it.
        target_ms: what a network keeps with all builds but one.
        measured: milliseconds of a candidate, build by build.
        tries: networks at most.

    Raises ArchError where the first search does.
    """
    limit = target_ms
    for number in range(tries):
        try:
            found = best(search(limit), limit, None)
        except ArchError:
            if not number:
                raise
            return
        trial = Trial(limit, found, tuple(measured(found)))
        yield trial
        if trial.keeps(target_ms):
            return
        limit = corrected(target_ms, [(found, trial.measured_ms)])


def corrected(target_ms: float, measured: Sequence[tuple[Candidate, float]]) -> float:
    """The limit at which a network is expected to keep the target: target / (the median of measured over predicted)."""
    return target_ms / median(ms / one.latency_ms for one, ms in measured)


def check_here(profile: DeviceProfile) -> None:
    """Raises CostError unless the profile is one of eager PyTorch on this machine's processor."""
    import torch

    from costmodel.timing.stopwatch import processor

    here, there = processor(torch.device("cpu")), profile.environment.get("processor")
    if not isinstance(profile, DeviceProfile) or profile.regime.device != "cpu" or here != there:
        raise costmodel.CostError(
            f"profile {profile.name} is of {there}, and this machine has {here}; to measure here, make a profile of "
            "this machine: python -m explorer calibrate --output mine.json"
        )


def timed(graph: Graph, profile: DeviceProfile) -> tuple[float, ...]:
    """Milliseconds of a call in the profile's regime on this machine, build by build.

    Raises CostError where a build cannot be timed.
    """
    regime = profile.regime
    prepared = regime.prepared(graph)
    shape = (regime.batch, *prepared.input)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of noise, which the builds show
        return tuple(
            costmodel.measure(prepared, shape, regime.threads, regime.device, regime.layout, RUNS).median_ms
            for _ in range(BUILDS)
        )
