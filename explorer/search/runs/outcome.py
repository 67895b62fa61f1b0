"""What a search has found, in words and as tables: the best networks, the comparison with the baselines, all as CSV.

Scores are compared within one tier only. Nothing is searched here and nothing drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from typing import TYPE_CHECKING

from archs import Spec
from explorer.data import accuracy
from explorer.data.metrics import duration, ends, number, percent
from explorer.editing.changed_cells import changed_cells
from explorer.search.confirmation import corrected
from explorer.search.nas_bench_macro import table
from explorer.search.objectives import BAND, Objective, rank_correlation
from explorer.search.runs.baselines import Baseline
from explorer.search.search import Candidate, best, front, ranked
from explorer.search.space import Space

if TYPE_CHECKING:
    import pandas

SHOWN = 10
"""The best that are listed."""
FOREIGN = 0.5
"""The share of multiply-adds in changed blocks from which an estimate is treated as of another family."""
NEAR = 0.3
"""The part of the front that gives w: latencies within this logarithmic distance of the target."""


@dataclass(frozen=True)
class Comparison:
    """A baseline, and whether the search is better."""

    baseline: Baseline
    better: bool


@dataclass(frozen=True)
class Outcome:
    """A search's candidates beside its baselines, at any time of it."""

    space: Space
    objective: Objective
    target_ms: float
    w: float | None
    found: tuple[Candidate, ...]
    random: tuple[Candidate, ...] = ()
    baselines: tuple[Baseline, ...] = field(default=())

    @cached_property
    def best(self) -> tuple[Candidate, ...]:
        """The best SHOWN by reward; of networks with equal scores, which the score cannot tell apart, the fastest."""
        once: dict[float, Candidate] = {}
        for one in ranked(self.found, self.target_ms, self.w):
            once.setdefault(round(one.score, 9), one)
        return tuple(list(once.values())[:SHOWN])

    def meets(self, one: Candidate) -> bool:
        """Whether the upper end of its interval meets the target."""
        return one.high_ms <= self.target_ms

    def front(self) -> tuple[Candidate, ...]:
        """The candidates that no other beats in latency and score, by latency."""
        return front(self.found)

    @property
    def unit(self) -> str:
        """The axis and the column of the score."""
        return self.objective.unit

    def score_text(self, score: float) -> str:
        return f"{score:.1f} %" if self.objective.is_accuracy else f"{score:,.0f}"

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The best beside random search with as many evaluations and each scaled table, by reward."""
        if not self.best:
            return ()
        drawn = self.random[: len(self.found)]
        others = list(self.baselines)
        if drawn:
            other = best(drawn, self.target_ms, self.w)
            evaluations = f"{len(drawn)} evaluation{'s' if len(drawn) > 1 else ''}"
            others.insert(0, Baseline(f"random search ({evaluations})", other))
        mine = self.best[0].reward(self.target_ms, self.w)
        return tuple(
            Comparison(one, one.candidate is None or mine > one.candidate.reward(self.target_ms, self.w))
            for one in others
        )

    @property
    def verdict(self) -> tuple[bool, str]:
        """Whether the search beats every baseline, and a sentence: which it does not beat; "" without a baseline."""
        scored = [one for one in self.comparisons if one.baseline.candidate]
        unbeaten = [one for one in scored if not one.better]
        if not scored:
            return True, ""
        if not unbeaten:
            return True, f"It beats {_listed([one.baseline.title for one in scored])}{self._within(scored)}."
        others = [one.baseline for one in unbeaten]
        titles = [f"{one.title} with {self.score_text(one.candidate.score)}" for one in others if one.candidate]
        return False, f"The search does not beat {_listed(titles)}{self._within(unbeaten)}."

    def _within(self, among: list[Comparison]) -> str:
        """A clause where the score's error is larger than the smallest difference."""
        if self.objective.name != "estimated":
            return ""
        scores = [one.baseline.candidate.score for one in among if one.baseline.candidate]
        least = min(abs(self.best[0].score - score) for score in scores)
        error = accuracy.errors("family" if self.caution else "network").mean
        if least >= error:
            return ""
        return f"; the least difference, {least:.1f} points, is within the estimate's mean error of {error:.1f}"

    @cached_property
    def caution(self) -> str:
        """Why the estimate of the best is that of a network of no family; "" where it is of one, or no estimate."""
        found = accuracy.estimate(self.spec(self.best[0])) if self.objective.name == "estimated" and self.best else None
        if found is None or (found.family and not found.outside and found.changed < FOREIGN):
            return ""
        uncovered = f", and no published ablation covers its {', '.join(found.outside)}" if found.outside else ""
        return (
            f"{percent(found.changed)} of the multiply-adds of the best network are in blocks that no published "
            f"network has{uncovered}: its 90 % interval is {found.low_pct:.1f} to {found.high_pct:.1f} %."
        )

    @cached_property
    def comparison_table(self) -> pandas.DataFrame:
        """One row per baseline, as text: its score and latency, whether the search is better, or why there is none."""
        import pandas

        rows = []
        for one in self.comparisons:
            other = one.baseline.candidate
            rows.append(
                {
                    "baseline": one.baseline.title,
                    self.unit: self.score_text(other.score) if other else "–",
                    "latency": f"{duration(other.latency_ms)} ({ends(other.low_ms, other.high_ms)})" if other else "–",
                    "the search is": one.baseline.reason or ("better" if one.better else "not better"),
                }
            )
        return pandas.DataFrame(rows)

    @property
    def slope(self) -> float | None:
        """The front's d ln score / d ln latency around the target: w is indifferent there where it is the negative."""
        near = [one for one in self.front() if abs(log(one.latency_ms / self.target_ms)) <= NEAR and one.score > 0]
        if len(near) < 3:
            return None
        xs, ys = [log(one.latency_ms) for one in near], [log(one.score) for one in near]
        mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
        across = sum((x - mx) ** 2 for x in xs)
        return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / across if across else None

    def spec(self, one: Candidate) -> Spec:
        return self.space.spec(one.genome)

    @cached_property
    def table(self) -> pandas.DataFrame:
        """The best: rank, score with its interval where it is an estimate, latency with its interval, difference."""
        import pandas

        rows = []
        for rank, one in enumerate(self.best, 1):
            low, high = self._ends(one)
            rows.append(
                {
                    "network": rank,
                    self.unit: one.score,
                    "from": low,
                    "to": high,
                    "latency_ms": one.latency_ms,
                    "low_ms": one.low_ms,
                    "high_ms": one.high_ms,
                    "target": "meets it" if self.meets(one) else "misses it",
                    "mult_adds": one.mult_adds,
                    "params": one.params,
                    "difference": self.difference(one),
                }
            )
        return pandas.DataFrame(rows)

    def _ends(self, one: Candidate) -> tuple[float, float]:
        if self.objective.name != "estimated":
            return float("nan"), float("nan")
        found = accuracy.estimate(self.spec(one))
        return (found.low_pct, found.high_pct) if found else (float("nan"), float("nan"))

    def difference(self, one: Candidate) -> str:
        """The cells in which a network differs from the space's table, in words."""
        return "; ".join(changed_cells(self.space.base, self.spec(one))) or "none"

    def everything(self) -> pandas.DataFrame:
        """All that was evaluated, the baselines too: one row per network, with its choices."""
        import pandas

        rows = []
        for origin, found in (("search", self.found), ("random search", self.random)):
            for rank, one in enumerate(found, 1):
                rows.append(self._row(origin, rank, one) | self.space.words(one.genome))
        rows += [self._row(one.title, 1, one.candidate) for one in self.baselines if one.candidate]
        return pandas.DataFrame(rows)

    def _row(self, origin: str, number: int, one: Candidate) -> dict[str, object]:
        return {
            "origin": origin,
            "evaluation": number,
            "digest": one.digest,
            "score": one.score,
            "score_is": self.objective.name,
            "accuracy_tier": self.objective.tier,
            "latency_ms": one.latency_ms,
            "low_ms": one.low_ms,
            "high_ms": one.high_ms,
            "meets_target": self.meets(one),
            "mult_adds": one.mult_adds,
            "params": one.params,
        }


def _listed(titles: list[str]) -> str:
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def note(objective: Objective) -> str:
    """What the tier of a score is worth: the held-out error of an estimate, the rank correlation of a proxy."""
    if objective.tier == "estimated":
        one, family = accuracy.errors("network"), accuracy.errors("family")
        return (
            f"Estimated, not trained: on {one.networks} published networks left out in turn the mean error is "
            f"{one.mean:.2f} points, on whole families left out {family.mean:.2f}; a ranking within that is no result."
        )
    if objective.tier == "published":
        return f"Published: {objective.note}."
    if objective.tier == "proxy":
        known = table()
        scores = getattr(known, objective.name)
        overall = rank_correlation(scores, None)
        band, base = rank_correlation(scores), rank_correlation(known.mult_adds)
        loses = " It loses to multiply-adds." if band < base and objective.name != "mult_adds" else ""
        inside, everywhere = number(band, "+.2f"), number(overall, "+.2f")
        return (
            f"A proxy, no accuracy: its rank correlation with {len(known.accuracy):,} trained networks is {inside} "
            f"among networks of equal multiply-adds within {100 * BAND:g} %, {everywhere} over all.{loses}"
        )
    return objective.note


def summary(outcome: Outcome) -> str:
    """One sentence on the best network and its target."""
    if not outcome.best:
        return "Nothing was evaluated yet."
    one = outcome.best[0]
    verb = "meets" if outcome.meets(one) else "does not meet"
    return (
        f"Best of {len(outcome.found)}: {outcome.score_text(one.score)} ({outcome.objective.tier}) at "
        f"{duration(one.latency_ms)}, {ends(one.low_ms, one.high_ms)}; "
        f"it {verb} {outcome.target_ms:g} ms with its whole interval."
    )


def kept(outcome: Outcome, measured: Sequence[tuple[Candidate, float]]) -> str:
    """Sentences on measured networks, the best first: which keep the target, or what to search for instead."""
    target = f"{outcome.target_ms:g} ms"
    within = [rank for rank, (_, ms) in enumerate(measured, 1) if ms <= outcome.target_ms]
    each = ", ".join(f"network {rank}: {ms:.3g} ms" for rank, (_, ms) in enumerate(measured, 1))
    said = f"{len(within)} of {len(measured)} are within {target} when measured: {each}."
    if within:
        return f"{said} The best that keeps it is network {within[0]}."
    instead = corrected(outcome.target_ms, measured)
    times = f"{outcome.target_ms / instead:.2f}"
    return (
        f"{said} They take {times} times their prediction here: a search for {instead:.3g} ms finds networks that are "
        f"expected to keep {target}."
    )
