"""What a search has found, in words and as tables: the best networks, the comparison with the baselines, all as CSV.

Scores are compared within one tier only. Nothing is searched here and nothing drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import isnan, log
from typing import TYPE_CHECKING

from archs import Spec
from explorer.data import accuracy
from explorer.editing.changed_cells import changed_cells
from explorer.search.nas_bench_macro import table
from explorer.search.objectives import Objective, rank_correlation
from explorer.search.runs.baselines import Baseline
from explorer.search.search import Candidate, Found
from explorer.search.space import Space

if TYPE_CHECKING:
    import pandas

SHOWN = 10
"""The best that are listed."""
SCALED = ("width", "resolution")
"""What the baselines scale the table by."""
NEAR = 0.3
"""The part of the front that gives w: latencies within this logarithmic distance of the target."""


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
        """The best SHOWN by reward, each network once."""
        once = {one.digest: one for one in self.found}
        ranked = sorted(once.values(), key=lambda c: (-c.reward(self.target_ms, self.w), c.high_ms))
        return tuple(ranked[:SHOWN])

    def meets(self, one: Candidate) -> bool:
        """Whether the upper end of its interval meets the target."""
        return one.high_ms <= self.target_ms

    def front(self) -> tuple[Candidate, ...]:
        """The candidates that no other beats in latency and score, by latency."""
        return Found(self.found, self.best[0]).front() if self.best else ()

    @property
    def unit(self) -> str:
        """`estimated top-1, %` or `mult_adds (proxy)`: the axis and the column of the score."""
        if self.objective.is_accuracy:
            return f"{self.objective.tier} top-1, %"
        return f"{self.objective.name.replace('_', '-')} ({self.objective.tier})"

    def said(self, score: float) -> str:
        return f"{score:.1f} %" if self.objective.is_accuracy else f"{score:,.0f}"

    @cached_property
    def comparisons(self) -> tuple[tuple[bool, str], ...]:
        """(whether the search is better, a sentence) for each baseline; rewards at equal evaluations."""
        if not self.best:
            return ()
        mine = self.best[0]
        said = []
        drawn = self.random[: len(self.found)]
        if drawn:
            other = max(drawn, key=lambda c: c.reward(self.target_ms, self.w))
            evaluations = f"{len(drawn)} evaluation{'s' if len(drawn) > 1 else ''}"
            said.append(self._against(f"random search with {evaluations}", mine, other))
        said += [self._against(one.title, mine, one.candidate) for one in self.baselines]
        titles = " ".join(one.title for one in self.baselines)
        if len(self.found) > 1:  # the baselines are known from then on
            lacking = [what for what in SCALED if what not in titles]
            said += [(True, f"{what}: none that has a score meets the target") for what in lacking]
        return tuple(said)

    def _against(self, title: str, mine: Candidate, other: Candidate) -> tuple[bool, str]:
        better = mine.reward(self.target_ms, self.w) > other.reward(self.target_ms, self.w)
        verdict = "the search beats it" if better else "the search does not beat it"
        ms = f"{other.latency_ms:.3g} ms"
        return better, f"{title}: {self.said(other.score)} at {ms} ({_ends(other)}); {verdict}"

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
            for number, one in enumerate(found, 1):
                rows.append(self._row(origin, number, one) | self.space.words(one.genome))
        rows += [self._row(one.title, 1, one.candidate) for one in self.baselines]
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


def _ends(one: Candidate) -> str:
    if isnan(one.low_ms):
        return "outside the calibrated range"
    return f"{one.low_ms:.3g} to {one.high_ms:.3g}"


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
        band, base = rank_correlation(scores), rank_correlation(known.mult_adds)
        loses = " It loses to multiply-adds." if band < base and objective.name != "mult_adds" else ""
        return (
            f"A proxy, no accuracy: its rank correlation with 6,561 trained networks is {band:+.2f} among networks of "
            f"equal multiply-adds within 5 %, {rank_correlation(scores, None):+.2f} over all.{loses}"
        )
    return objective.note


def summary(outcome: Outcome) -> str:
    """One sentence on the best network and its target."""
    if not outcome.best:
        return "Nothing was evaluated yet."
    one = outcome.best[0]
    verb = "meets" if outcome.meets(one) else "does not meet"
    return (
        f"Best of {len(outcome.found)}: {outcome.said(one.score)} ({outcome.objective.tier}) at "
        f"{one.latency_ms:.3g} ms, 90 % {_ends(one)}; it {verb} {outcome.target_ms:g} ms with its whole interval."
    )
