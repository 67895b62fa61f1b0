"""How slow the machine was, by kind of operator, at each moment of a session and from one session to another.

A shared machine is some percent slower for minutes when its neighbours fill the cache that all share, and what moves
bytes is slowed more than what multiplies. The fastest third of calls does not help against that: there was no quick
call. So the nodes of reference networks, which are visited all along, are compared between moments, kind by kind, and
what they show is divided out of every time taken in that moment. The same between a calibration and a later session.

No clock here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALL = "all"
FEWEST = 12  # nodes that speak for a kind; a rarer kind takes the slowness of all
CLEAR_US = 10.0  # nodes below it repeat too badly to tell a few percent
QUICK = 0.25  # the quantile of moments that counts as undisturbed

Slowness = Mapping[str, float]
"""Kind of operator → how many times as long as in quick moments; "all" for those without an entry."""


class Samples(NamedTuple):
    """The runs of one network, node by node, and in which moment of the session each was."""

    kinds: tuple[str, ...]
    moments: NDArray[np.int64]  # runs
    nodes_us: NDArray[np.float64]  # runs × nodes


def slowness(references: Sequence[Samples], moments: int) -> list[Slowness]:
    """One entry per moment; 1 everywhere where no reference was run in each of them."""
    seen = [(r.kinds, _quickest(r, moments)) for r in references if set(range(moments)) <= set(r.moments.tolist())]
    if not seen or moments < 2:
        return [{ALL: 1.0}] * moments
    kinds = np.concatenate([np.array(kinds) for kinds, _ in seen])
    times = np.concatenate([quickest for _, quickest in seen], axis=1)
    usual = np.median(times, axis=0)
    clear = usual > CLEAR_US
    kinds, ratios = kinds[clear], (times / usual)[:, clear]
    slow = {ALL: np.median(ratios, axis=1)}
    for kind in np.unique(kinds):
        if (kinds == kind).sum() >= FEWEST:
            slow[str(kind)] = np.median(ratios[:, kinds == kind], axis=1)
    slow = {kind: ratio / np.quantile(ratio, QUICK) for kind, ratio in slow.items()}
    return [{kind: float(ratio[moment]) for kind, ratio in slow.items()} for moment in range(moments)]


def evened(samples: Samples, slow: Sequence[Slowness]) -> NDArray[np.float64]:
    """The runs as they would have been in a quick moment: runs × nodes."""
    table = np.array([[at.get(kind, at[ALL]) for kind in samples.kinds] for at in slow])
    return samples.nodes_us / table[samples.moments]


def by_kind(kinds: Sequence[str], nodes_us: Sequence[float]) -> dict[str, float]:
    """Kind → microseconds of all its nodes together; "all" for all."""
    totals = {ALL: float(sum(nodes_us))}
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


def _quickest(samples: Samples, moments: int) -> NDArray[np.float64]:
    """The quickest run of each node in each moment: moments × nodes."""
    return np.array([samples.nodes_us[samples.moments == moment].min(axis=0) for moment in range(moments)])
