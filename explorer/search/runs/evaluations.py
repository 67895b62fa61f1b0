"""The evaluations of a search and of random search beside it, with one log for both and their progress.

What is evaluated next is `explorer.search.search`'s. Start at `Evaluations`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from costmodel import DeviceProfile
from explorer.search.logs.search_log import RANDOM, SEARCH, Evaluated, SearchLog
from explorer.search.objectives import Objective
from explorer.search.search import Candidate, candidates
from explorer.search.space import Space
from explorer.search.strategies import RandomSearch, Strategy


@dataclass
class Evaluations:
    """As many networks of a search, and of random search at the same hard target; those of `log` come first.

    `bar` is told the share done and what is being done.
    """

    space: Space
    profile: DeviceProfile
    target_ms: float
    objective: Objective
    strategy: type[Strategy]
    evaluations: int
    seed: int
    w: float | None
    log: SearchLog | None
    bar: Callable[[float, str], None]
    found: list[Candidate] = field(default_factory=list)
    """Of the search, as far as it has come."""
    drawn: list[Candidate] = field(default_factory=list)
    """Of random search; empty with a soft target."""

    def run(self) -> None:
        """Fill `found` and `drawn`. Raises ArchError as `candidates`."""
        self._started, self._fresh = time.monotonic(), 0
        self._evaluate(self.found, SEARCH, self.strategy, self.seed, self.w)
        if self.w is None:
            self._evaluate(self.drawn, RANDOM, RandomSearch, self.seed + 1, None)

    def _evaluate(
        self, into: list[Candidate], origin: str, strategy: type[Strategy], seed: int, w: float | None
    ) -> None:
        into += self.log.of(origin)[: self.evaluations] if self.log else []
        remaining = candidates(
            self.space, self.profile, self.target_ms, self.objective, strategy, seed, w, log=tuple(into)
        )
        for one in islice(remaining, self.evaluations - len(into)):
            if self.log:
                self.log.append(Evaluated(origin, one))
            into.append(one)
            self._fresh += 1
            self._tell(origin, one)

    def _tell(self, origin: str, one: Candidate) -> None:
        total = self.evaluations * (2 if self.w is None else 1)
        done = len(self.found) + len(self.drawn)
        seconds = (time.monotonic() - self._started) / self._fresh * (total - done)
        self.bar(
            done / total,
            f"{origin} · {done} of {total} networks · {one.latency_ms:.3g} ms, {one.score:,.4g} · "
            f"some {seconds:.0f} s left",
        )
