"""The log of a search: a line with its plan, then a line per evaluated network, of the search or of random search.

Nothing is searched here; start with `SearchLog`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from explorer.search.logs.plan_log import PlanLog, check_types, with_nan, without_nan
from explorer.search.search import Candidate

SEARCH, RANDOM = "search", "random search"


class Evaluated(NamedTuple):
    """A network and who proposed it: SEARCH or RANDOM."""

    origin: str
    candidate: Candidate


class SearchLog(PlanLog[Evaluated]):
    """The evaluated networks of one plan in a file, in order."""

    FORMAT = "explorer.search-log/1"
    OF = "a search"
    UNIT = "evaluations"

    def of(self, origin: str) -> list[Candidate]:
        """What one of the two has evaluated, in order."""
        return [entry.candidate for entry in self.entries if entry.origin == origin]

    def read(self, row: Any) -> Evaluated:
        if row["origin"] not in (SEARCH, RANDOM):
            raise ValueError(f"origin {row['origin']}")
        check_types(Candidate, with_nan(row["candidate"]))
        if any(type(value) is not int for value in row["candidate"]["genome"]):
            raise ValueError("genome is no list of whole numbers")
        return Evaluated(row["origin"], candidate_of(row["candidate"]))

    def row(self, entry: Evaluated) -> dict[str, Any]:
        return {"origin": entry.origin, "candidate": without_nan(asdict(entry.candidate))}


def candidate_of(row: dict[str, Any]) -> Candidate:
    """A candidate from its JSON."""
    return Candidate(**with_nan(row) | {"genome": tuple(row["genome"])})
