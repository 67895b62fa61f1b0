"""The machine's slowness in one session relative to another, per kind of operator.

Estimated from reference networks that were timed in both sessions. No clock here. Start at `between`;
`costmodel/timing/README.md` describes why a shared machine needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

ALL = "all"
CALL = "call"  # of a whole call, which differs from the sum of its nodes if clock readings are expensive
FEWEST = 12  # networks with a kind; a rarer kind takes the slowness of all kinds
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
