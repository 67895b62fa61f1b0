"""How slow the machine is, by kind of operator, from one session to another.

A shared machine is some percent slower for minutes when its neighbours fill the cache that all share, and what moves
bytes is slowed more than what multiplies. Waiting for a quiet moment does not help against that: there is none. So
reference networks, timed with a profile, are timed again, and what they show, kind by kind, is divided out.

No clock here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

ALL = "all"
CALL = "call"  # of a whole network, which is not what its nodes add up to where clocks between them cost something
FEWEST = 12  # nodes that speak for a kind; a rarer kind takes the slowness of all
CLEAR_US = 10.0  # nodes below it repeat too badly to tell a few percent

Slowness = Mapping[str, float]
"""Kind of operator → how many times as long as in the other session; "all" is of those that have no entry."""

STEADY: Slowness = {ALL: 1.0}


def by_kind(kinds: Sequence[str], nodes_us: Sequence[float], network_us: float) -> dict[str, float]:
    """Kind → microseconds of all its nodes together; "all" for all, "call" for the network."""
    totals = {ALL: float(sum(nodes_us)), CALL: network_us}
    for kind, time_us in zip(kinds, nodes_us):
        totals[kind] = totals.get(kind, 0.0) + time_us
    return {kind: round(total, 2) for kind, total in totals.items()}


def between(now: Sequence[Mapping[str, float]], then: Sequence[Mapping[str, float]]) -> Slowness:
    """How slow the machine is now, by the same networks as `by_kind` had them in two sessions."""
    ratios: dict[str, list[float]] = {ALL: []}
    for here, there in zip(now, then):
        for kind in here.keys() & there.keys():
            if there[kind] > CLEAR_US:
                ratios.setdefault(kind, []).append(here[kind] / there[kind])
    slow = {kind: median(ratio) for kind, ratio in ratios.items() if len(ratio) >= FEWEST}
    return slow if ALL in slow else {ALL: median(ratios[ALL]) if ratios[ALL] else 1.0}
