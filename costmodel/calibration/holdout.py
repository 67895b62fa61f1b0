"""What timed networks say of a profile that was not fitted to them: its errors and its intervals.

No clock and no fitting here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from costmodel.latency.features import OURS
from costmodel.latency.predictor import Priced, price
from costmodel.latency.profile import DeviceProfile, Errors, percentile_half_width
from costmodel.networks.synthetic import IMPORTED, Foreign
from costmodel.timing.timing_records import Record

NORMAL = NormalDist()
SPAN = NORMAL.inv_cdf(0.95)  # standard deviations to either side that hold 90 % of a normal distribution
COUNTED = 0.95  # of residuals count by how large they are, what is beyond them as if it were the next of them
FURTHEST = NORMAL.inv_cdf((1 + COUNTED) / 2)
MEAN = 2 * (NORMAL.pdf(0) - NORMAL.pdf(FURTHEST)) + FURTHEST * (1 - COUNTED)  # absolute deviation that is so counted
BIG_US = 20.0  # nodes above it are judged one by one
SESSION = 0.012  # what one session leaves open of a network beside its doubt: in itself it cannot see it
SESSIONS = 0.013  # by so much more networks were off in three sessions minutes later (those that judge, six times)


def judge(profile: DeviceProfile, record: Record) -> Priced:
    """What the profile says about a timed network."""
    return price(profile.regime.graph(record.spec), profile)


def with_errors(profile: DeviceProfile, judged: Sequence[Record], known: DeviceProfile | None = None) -> DeviceProfile:
    """The profile with the errors that it makes on these records, and intervals from them.

    Others' networks have intervals and, under "imported", errors of their own. `known`: one whose forests it goes on
    from and found best held on to most: how far that one is off tells of this one's networks, too.
    """
    judgements = [judge(profile, record) for record in judged]
    logs: dict[bool, list[float]] = {True: [], False: []}
    doubts: dict[bool, list[float]] = {True: [], False: []}
    node_logs: dict[bool, list[float]] = {True: [], False: []}
    pairs, off = [], {}
    for record, priced in zip(judged, judgements):
        ours = not isinstance(record.spec, Foreign)
        logs[ours].append(float(np.log(record.network_us / priced.network_us)))
        doubts[ours].append(math.hypot(record.doubt, SESSION))
        pairs.append((record.spec.name if ours else IMPORTED, record.network_us, priced.network_us))
        for kind, measured, predicted in zip(priced.kinds, record.nodes_us, priced.nodes_us):
            if measured > BIG_US and ours == (kind in OURS):
                node_logs[ours].append(float(np.log(measured / predicted)))
                off.setdefault(kind, []).append(predicted / measured - 1)
    halves = {ours: math.hypot(_without(doubts[ours], some), SPAN * SESSIONS) for ours, some in logs.items() if some}
    if known:
        halves = {ours: _together(half, len(logs[ours]), *_told(known, ours)) for ours, half in halves.items()}
    node_halves = {ours: percentile_half_width(some) for ours, some in node_logs.items() if some}
    half, foreign_half = halves[True], halves.get(False)
    held_out = errors_by_family([pair for pair in pairs if pair[0] != IMPORTED], half)
    if foreign := [pair for pair in pairs if pair[0] == IMPORTED]:
        held_out[IMPORTED] = errors_by_family(foreign, foreign_half or half)[IMPORTED]
    return profile.model_copy(
        update={
            "half_interval": half,
            "node_interval": node_halves.get(True, 1.0),
            "foreign_half_interval": foreign_half,
            "foreign_node_interval": node_halves.get(False),
            "predictors": {
                kind: p.model_copy(update={"rmspe": rms(off[kind]) if kind in off else -1.0})
                for kind, p in profile.predictors.items()
            },
            "held_out": held_out,
        }
    )


def _without(doubts: Sequence[float], logs: Sequence[float]) -> float:
    """The half width that holds 90 % of residuals, less what is due to doubts about what was measured.

    By their mean, which a few dozen tell better than their 90 % quantile; and how far the last of twenty is off says
    nothing of what 90 % are within: one network of sixty had made an interval wider by a quarter. At most three
    quarters of their variance are taken away: doubts are estimates, too.
    """
    deviation = float(np.mean(_counted(logs))) / MEAN
    share = float(np.mean(np.square(_counted(doubts)))) / max(deviation**2, 1e-12)
    return SPAN * deviation * math.sqrt(1 - min(share, 0.75))


def _counted(values: Sequence[float]) -> np.ndarray:
    """How large they are, the largest counting as the next of them."""
    sizes = np.abs(values)
    return np.minimum(sizes, np.quantile(sizes, COUNTED))


def _told(known: DeviceProfile, ours: bool) -> tuple[float, int]:
    """A profile's half width for networks that are ours, or others', and how many of them told it."""
    half, family = (known.half_interval, "all") if ours else (known.foreign_half_interval, IMPORTED)
    return (half, known.held_out[family].networks) if half and family in known.held_out else (0.0, 0)


def _together(half: float, networks: int, known: float, known_networks: int) -> float:
    """The half width that two sets of networks tell together, the known one counting as much as the other at most.

    Forty networks tell a standard deviation within 11 %, and less their own doubts within 17: in five calibrations of
    one machine intervals were 2.4 to 3.8 % wide, and what would have held 90 % of the suite 2.5 to 3.0 in four of them.
    """
    weight = min(networks, known_networks)
    return math.sqrt((networks * half**2 + weight * known**2) / (networks + weight))


def rms(relative: Sequence[float]) -> float:
    """Root mean square in percent."""
    return round(100 * float(np.sqrt(np.mean(np.square(relative)))), 2)


def errors_by_family(pairs: Sequence[tuple[str, float, float]], half_interval: float) -> dict[str, Errors]:
    """Errors over (family, measured, predicted), for each family and for "all"."""
    families = {name: [p for p in pairs if p[0] == name] for name in sorted({p[0] for p in pairs})}
    return {
        name: errors([p[1] for p in some], [p[2] for p in some], half_interval)
        for name, some in ({"all": list(pairs)} | families).items()
    }


def errors(measured: Sequence[float], predicted: Sequence[float], half_interval: float = 0.0) -> Errors:
    """Predicted against measured, relative to what was measured, in percent; Spearman's rank correlation, coverage."""
    from scipy.stats import spearmanr

    m, p = np.array(measured), np.array(predicted)
    off = p / m - 1
    ranked = float(spearmanr(m, p)[0]) if len(m) > 2 and len(set(measured)) > 1 and len(set(predicted)) > 1 else 1.0

    def percent(x: object) -> float:
        return round(100 * float(np.mean(x)), 2)

    return Errors(
        networks=len(m),
        mape=percent(abs(off)),
        rmspe=rms(off),
        bias=percent(off),
        within_5=percent(abs(off) <= 0.05),
        within_10=percent(abs(off) <= 0.10),
        spearman=round(ranked, 4),
        coverage=percent(abs(np.log(m / p)) <= half_interval),
    )
