"""The machine's slowness in one session relative to another, per kind of operator.

Estimated from reference networks that were timed in both sessions. No clock here. Start at `between`, or, for networks
in processes of their own, at `slowness_at`; `costmodel/timing/README.md` describes why a shared machine needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

ALL = "all"
CALL = "call"  # of a whole call, which differs from the sum of its nodes if clock readings are expensive
FEWEST = 12  # networks with a kind; a rarer kind takes the slowness of all kinds
EVERY = 5  # networks in fresh processes between two timings of a reference
CLEAR_US = 10.0  # shorter times do not repeat within a few percent

Slowness = Mapping[str, float]
"""Kind of operator → time relative to the other session; "all" applies to kinds without an entry."""

STEADY: Slowness = {ALL: 1.0}


def by_kind(kinds: Sequence[str], nodes_us: Sequence[float], network_us: float) -> dict[str, float]:
    """Kind → total microseconds of its nodes; "all": of all nodes, "call": of the network."""
    totals = {ALL: float(sum(nodes_us)), CALL: network_us}
    for kind, time_us in zip(kinds, nodes_us):
        totals[kind] = totals.get(kind, 0.0) + time_us
    return {kind: round(total, 2) for kind, total in totals.items()}


def between(now: Sequence[Mapping[str, float]], then: Sequence[Mapping[str, float]]) -> Slowness:
    """Slowness of this session; `now` and `then`: `by_kind` of the same networks in both sessions."""
    ratios: dict[str, list[float]] = {ALL: []}
    for here, there in zip(now, then):
        for kind in here.keys() & there.keys():
            if there[kind] > CLEAR_US:
                ratios.setdefault(kind, []).append(here[kind] / there[kind])
    slow = {kind: median(ratio) for kind, ratio in ratios.items() if len(ratio) >= FEWEST}
    return slow if ALL in slow else {ALL: median(ratios[ALL]) if ratios[ALL] else 1.0}


def slowness_at(references: Sequence[float], turn: int) -> float:
    """The machine's slowness at one of the timings of references, relative to the calibration; 1 without any.

    Args:
        references: times relative to the calibration, in the order of timing.
        turn: position of the last one before the network in question; its neighbours count too.

    >>> slowness_at([1.0, 1.2, 9.0, 1.1], 1), slowness_at([], -1)
    (1.2, 1.0)
    """
    around = references[max(0, turn - 1) : turn + 2]
    return median(around) if around else 1.0
