"""Validation in fresh plain processes: predictions against the times that a user's own stopwatch shows.

torch.utils.benchmark, with glibc's default settings and with freed memory kept. Networks are those of the suite, or
imported ones. No fitting here. Start at `validate_plain`; `costmodel.calibration.plain_report` has errors and files.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from math import isnan
from statistics import median
from typing import NamedTuple

import archs
from archs.ir.graph import Graph
from costmodel.calibration.plain_report import PlainRow, PlainValidation
from costmodel.calibration.suite import SuiteNetwork
from costmodel.errors import CostError
from costmodel.latency.prediction import ALLOCATORS
from costmodel.latency.predictor import predict
from costmodel.latency.profile import DeviceProfile, Reference
from costmodel.networks.synthetic import SyntheticNetwork
from costmodel.timing.drift import EVERY
from costmodel.timing.plain_child import GLIBC, allocator_library
from costmodel.timing.plain_process import PlainTiming, measure_plain
from costmodel.timing.session import Progress

ORIGINAL = "original"
"""The group of modules that are timed as their authors wrote them, not as exported text."""
REFERENCES = 3  # timed in turn, to tell the machine's speed at that minute

Measure = Callable[..., PlainTiming]
"""`measure_plain`, or a stub of it."""


class PlainNetwork(NamedTuple):
    """A network to time: its graph as exported text, or `target`, a function that returns the original module."""

    group: str
    family: str
    graph: Graph
    """As it is priced, folded where the profile is."""
    target: str | None = None
    width: float | None = None


def plain_networks(entries: Sequence[SuiteNetwork], profile: DeviceProfile) -> list[PlainNetwork]:
    """The networks of the suite, in the profile's regime."""
    return [
        PlainNetwork(
            entry.group,
            entry.spec.name,
            profile.regime.graph(entry.spec),
            width=None if isinstance(entry.spec, SyntheticNetwork) else entry.spec.width,
        )
        for entry in entries
    ]


def validate_plain(
    profile: DeviceProfile,
    networks: Sequence[PlainNetwork],
    processes: int = 1,
    seconds: float = 1.0,
    progress: Progress | None = None,
    measure: Measure = measure_plain,
) -> PlainValidation:
    """Time networks in fresh processes on this machine, with both allocator settings, beside their predictions.

    An interrupt (KeyboardInterrupt) ends the run and keeps the networks that were timed with both settings.

    Args:
        profile: of a CPU, with the cost of a page fault.
        networks: in the order in which they are timed.
        processes: fresh processes per network and setting; a network's time is the median of theirs.
        seconds: timing in each process.
        progress: called with the share done and the network's name.
        measure: how a network is timed.

    Raises CostError for a profile that plain processes cannot be compared with.
    """
    _check(profile, networks, processes, seconds)
    rows: list[PlainRow] = []
    speeds: list[float] = []
    references = _references(profile)
    regime, interrupted = profile.regime, False

    def timed(graph: Graph, target: str | None, allocator: str, count: int) -> PlainTiming:
        source = None if target else archs.to_source(graph)
        shape = (regime.batch, *graph.input)
        return measure(source, target, shape, regime.threads, allocator, count, seconds)

    try:
        for number, network in enumerate(networks):
            if number % EVERY == 0 and references:
                reference = references[number // EVERY % len(references)]
                found = timed(regime.graph(reference.to_spec()), None, "retain", 1)
                speeds.append(found.median_ms * 1e3 / reference.network_us)
            if progress:
                progress(number / len(networks), f"network {number + 1} of {len(networks)}: {network.graph.name}")
            both = [timed(network.graph, network.target, allocator, processes) for allocator in ALLOCATORS]
            rows += [_row(network, profile, timing, len(speeds) - 1) for timing in both]
    except KeyboardInterrupt:
        if not rows:
            raise
        interrupted = True
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return PlainValidation(profile, tuple(rows), tuple(speeds), processes, seconds, today, interrupted)


def _check(profile: DeviceProfile, networks: Sequence[PlainNetwork], processes: int, seconds: float) -> None:
    regime = profile.regime
    if regime.device != "cpu" or regime.layout != "nchw":
        raise CostError(f"profile {profile.name} is of {regime.label}; allowed: a profile of a CPU with layout nchw")
    if profile.page_fault_us is None:
        raise CostError(f"profile {profile.name} has no cost of a page fault; calibrate again on a CPU under Linux")
    library = allocator_library()
    if library != GLIBC:
        raise CostError(f"the allocator is {library}; allowed: glibc's, without another library in LD_PRELOAD")
    for name, value in (("networks", len(networks)), ("processes", processes), ("seconds", seconds)):
        if value <= 0:
            raise CostError(f"{name} is {value}; allowed: more than 0")


def _references(profile: DeviceProfile) -> list[Reference]:
    """The reference networks nearest to the median time; they are held out, and not in the suite."""
    if not profile.references:
        return []
    middle = median(reference.network_us for reference in profile.references)
    found = sorted(profile.references, key=lambda one: abs(one.network_us / middle - 1))
    return [one for one in found if not isinstance(one.to_spec(), SyntheticNetwork)][:REFERENCES]


def _row(network: PlainNetwork, profile: DeviceProfile, timing: PlainTiming, turn: int) -> PlainRow:
    found = predict(network.graph, profile, allocator="retain" if timing.allocator == "retain" else "default")
    has_interval = not isnan(found.low_ms)
    return PlainRow(
        network.group,
        network.family,
        network.graph.name,
        network.width,
        network.graph.input.height,
        timing.allocator,
        round(timing.median_ms, 4),
        round(median(timing.fastest_ms), 4),
        round(found.latency_ms, 4),
        round(found.low_ms, 4) if has_interval else None,
        round(found.high_ms, 4) if has_interval else None,
        timing.page_faults,
        found.page_faults,
        turn,
    )


def plain_original(target: str, graph: Graph, profile: DeviceProfile) -> PlainNetwork:
    """A module as its author wrote it. Raises CostError for a profile of folded networks, which prices another one."""
    if profile.regime.folded:
        raise CostError(f"profile {profile.name} is of folded networks; allowed for {target}: one that is not")
    return PlainNetwork(ORIGINAL, ORIGINAL, graph, target)
