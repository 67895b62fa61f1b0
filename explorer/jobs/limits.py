"""Bounds on a job: its memory and time, estimated before it starts.

Each `check_…` raises CostError with one sentence, before a process is started. Start there. What bounds the process
itself is in `address_space`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from archs import Graph, build
from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from costmodel import CostError, DeviceProfile, count, load_profile
from costmodel.latency.predictor import predict
from costmodel.latency.profile import DEFAULT, Regime

FLOAT = 4  # bytes
COPIES = 3  # of the largest activations: inputs in two layouts, and what the kernels need
WEIGHT_COPIES = 2  # of a timed network, while its module is made and loaded
MAX_MEMORY = 2_000_000_000  # bytes of activations and weights
MAX_FILE = 256_000_000  # bytes of a file that the page makes and keeps with the session
# Upper bounds. On two cores of an AMD EPYC, torch's exporter takes some 10 s for MobileNetV2 (153 operators), and 100
# evaluations of MnasNet's space with the draws that miss the target and the random baseline 25 s.
EXPORT_SECONDS = 15.0, 0.03  # the start, and per operator
SEARCH_SECONDS = 0.0025  # per operator and evaluation
ADAPT_SECONDS = 0.001  # per operator and proposal; MnasNet-A1 with 23 proposals takes 3 s per step
TUNED_SECONDS = 0.006  # where each proposal is fine-tuned
ADAPT_STEPS = 20  # that an adaptation takes at least before its time is over; it may be continued
FASTER = 2.0  # a machine may be so much faster than that of the default profile, whose times are compared
MAX_SECONDS = 3600.0


def validation_memory(batch: int) -> int:
    """Bytes of activations that the validation of a profile with this batch size needs at its largest network."""
    return COPIES * FLOAT * batch * _largest_activations()


def validation_seconds(profile: DeviceProfile, usual: float) -> float:
    """The duration of a validation, from the `usual` one and the profile's predictions relative to the default's."""
    return usual * max(1.0, _total_ms(profile) / _default_ms())


def check_validation(profile: DeviceProfile, usual: float) -> float:
    """The estimated duration in seconds. Raises CostError for a validation that needs too much memory or time."""
    check_regime(profile.regime, "a validation")
    seconds = validation_seconds(profile, usual)
    _check_time("the validation", seconds, MAX_SECONDS, "validate it on a machine of your own")
    return seconds


def check_regime(regime: Regime, what: str) -> None:
    """Raises CostError for a calibration or a validation with too many threads, or that needs too much memory."""
    threads, cores = regime.threads, os.cpu_count() or 1
    if threads > cores:
        raise CostError(f"{what} with {threads} threads; this machine has {cores}, and would not be comparable")
    allowed = f", batch {MAX_MEMORY // validation_memory(1)}; use a machine of your own"
    _check_memory(f"{what} with batch {regime.batch}", validation_memory(regime.batch), allowed)


def check_run(graphs: Sequence[Graph], batch: int, threads: int, calls: int, longest: float) -> None:
    """Raises CostError for networks that cannot be timed against each other: held together, called `calls` times each.

    The time is the default profile's, for CPUs; `longest` in seconds.
    """
    found = [count(graph) for graph in graphs]
    weights = WEIGHT_COPIES * sum(counts.total.params for counts in found)
    images = COPIES * batch * max(counts.peak_activation for counts in found)
    smaller = "; take a smaller batch, fewer channels or a smaller resolution"
    _check_memory("the run", FLOAT * (weights + images), smaller)
    profile = load_profile(DEFAULT)
    seconds = calls * batch * sum(predict(graph, profile).latency_ms for graph in graphs) / 1e3
    seconds /= min(threads, os.cpu_count() or 1)
    _check_time("the run", seconds, FASTER * longest, smaller[2:])


def check_export(graph: Graph, limit: float) -> None:
    """Raises CostError for an ONNX file that is too large for the page, or takes longer than `limit` seconds."""
    total = count(graph).total
    own = "`python -m explorer export` writes it on a machine of your own"
    if (size := FLOAT * total.params) > MAX_FILE:
        raise CostError(f"the file would have {size / 1e6:,.0f} MB; allowed: {MAX_FILE / 1e6:.0f} MB; {own}")
    start, each = EXPORT_SECONDS
    _check_time("the export", start + each * len(graph.nodes), limit, own)


def check_search(graph: Graph, evaluations: int, limit: float) -> None:
    """Raises CostError for a search that takes longer than `limit` seconds; `graph` is of the space's base table."""
    seconds = SEARCH_SECONDS * len(graph.nodes) * evaluations
    _check_time("the search", seconds, limit, "take fewer evaluations or a table with fewer blocks")


def check_adaptation(graph: Graph, proposals: int, tuned: bool, limit: float) -> None:
    """Raises CostError where the first steps of an adaptation take longer than `limit` seconds.

    `proposals`: per step; `tuned`: whether each is fine-tuned.
    """
    each = TUNED_SECONDS if tuned else ADAPT_SECONDS
    seconds = each * len(graph.nodes) * proposals * ADAPT_STEPS
    _check_time(f"{ADAPT_STEPS} steps of the adaptation", seconds, limit, "take a table with fewer blocks")


def _check_memory(what: str, needed: float, allowed: str) -> None:
    if needed > MAX_MEMORY:
        raise CostError(f"{what} needs about {needed / 1e9:,.1f} GB; allowed: {MAX_MEMORY / 1e9:.0f} GB{allowed}")


def _check_time(what: str, seconds: float, limit: float, instead: str) -> None:
    if seconds > limit:
        took, allowed = (_duration(value) for value in (seconds, limit))
        raise CostError(f"{what} would take about {took}; allowed: {allowed}; {instead}")


def _duration(seconds: float) -> str:
    """Seconds in words.

    >>> _duration(3600), _duration(90), _duration(40)
    ('1.0 hours', '2 minutes', '40 s')
    """
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


@cached(1, "constants of the catalogue")
def _largest_activations() -> int:
    return max(count(build(family.spec())).peak_activation for family in FAMILIES.values())


def _total_ms(profile: DeviceProfile) -> float:
    return sum(predict(profile.regime.graph(family.spec()), profile).latency_ms for family in FAMILIES.values())


@cached(1, "a constant of the default profile")
def _default_ms() -> float:
    return _total_ms(load_profile(DEFAULT))
