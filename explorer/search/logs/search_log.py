"""The log of a search: a line with its plan, then a line per evaluated network, of the search or of random search.

Nothing is searched here; start with `SearchLog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from archs import ArchError
from archs.errors import shorten
from explorer.search.logs.plan_log import PlanLog, check_types, with_nan, without_nan
from explorer.search.search import Candidate
from explorer.search.space import Space

SEARCH, RANDOM = "search", "random search"


class Evaluated(NamedTuple):
    """A network and who proposed it: SEARCH or RANDOM."""

    origin: str
    candidate: Candidate


class SearchLog(PlanLog[Evaluated]):
    """The evaluated networks of one plan in a file, in order. A network that is not of the space is a damaged line."""

    FORMAT = "explorer.search-log/1"
    OF = "a search"
    UNIT = "evaluations"

    def __init__(self, path: Path, plan: Mapping[str, Any], space: Space):
        self.space = space
        super().__init__(path, plan)

    def of(self, origin: str) -> list[Candidate]:
        """What one of the two has evaluated, in order."""
        return [entry.candidate for entry in self.entries if entry.origin == origin]

    def read(self, row: Any) -> Evaluated:
        found = with_nan(row)
        if found.keys() != {"origin", "candidate"} or found["origin"] not in (SEARCH, RANDOM):
            raise ArchError(f"found {shorten(row)}; allowed: an origin, {SEARCH} or {RANDOM}, and a candidate")
        check_types(Candidate, with_nan(found["candidate"]))
        genome = found["candidate"]["genome"]
        if not isinstance(genome, list) or any(type(value) is not int for value in genome):
            raise ArchError(f"genome is {shorten(genome)}; allowed: a list of whole numbers")
        self.space.check(genome)
        one = candidate_of(found["candidate"])
        if (digest := self.space.digest(one.genome)) != one.digest:
            raise ArchError(f"digest is {shorten(one.digest)}; allowed: {digest}, which is the genome's")
        return Evaluated(found["origin"], one)

    def row(self, entry: Evaluated) -> dict[str, Any]:
        return {"origin": entry.origin, "candidate": without_nan(asdict(entry.candidate))}


def candidate_of(row: dict[str, Any]) -> Candidate:
    """A candidate from its JSON."""
    return Candidate(**with_nan(row) | {"genome": tuple(row["genome"])})
