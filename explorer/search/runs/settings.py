"""The settings of a search as one frozen value: checked, as the parameters of a link, as a worker's request.

Nothing is searched here. Start at `SearchSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

from archs import ArchError, Spec
from archs.errors import shorten
from explorer.editing.cells import number_of
from explorer.search.objectives import OBJECTIVES
from explorer.search.space import Space
from explorer.search.spaces import SPACES, offered, open_table
from explorer.search.spaces import space as space_of
from explorer.search.strategies import STRATEGIES

OPEN = "open_table"
"""The space over the ticked cells of the open network."""
MAX_EVALUATIONS, MAX_SEED, STEEPEST = 2000, 2**31 - 1, -2.0
Cells = tuple[tuple[int, str], ...]
"""(row from 0, column) pairs."""
PARAMETERS = ("space", "strategy", "tier", "evaluations", "seed", "w", "cells")
"""Of a link, beside the network, the device and the target."""


@dataclass(frozen=True)
class SearchSettings:
    """What is searched and how. The target, the device and the open network are the page's own."""

    space: str = "mnasnet"
    strategy: str = "evolution"
    tier: str = "estimated"
    """A name of `OBJECTIVES`."""
    evaluations: int = 100
    seed: int = 0
    w: float | None = None
    """MnasNet's exponent; None for a hard target."""
    cells: Cells = ()
    """Ticked cells, for the space OPEN."""

    def with_(self, **changes: object) -> SearchSettings:
        """With other values. Raises ArchError for one that is none, with those allowed."""
        return replace(self, **{name: CHECKS[name](value) for name, value in changes.items()})  # type: ignore[arg-type]

    def parameters(self) -> dict[str, str]:
        """Those that differ from the defaults, as texts."""
        start = asdict(SearchSettings())
        found = {name: value for name, value in asdict(self).items() if value != start[name]}
        texts = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in found.items()}
        if self.cells:
            texts["cells"] = ".".join(f"{row + 1}-{column}" for row, column in self.cells)
        return texts

    def made_space(self, network: Spec) -> Space:
        """The space; that of the ticked cells is over `network`. Raises ArchError where it is empty."""
        if self.space != OPEN:
            return space_of(self.space)
        cells = [(row, column) for row, column in self.cells if row < len(network.rows)]
        cells = [(row, column) for row, column in cells if column in offered(network, row)]
        if not cells:
            raise ArchError("no cell of the table is ticked; allowed: at least one column of one row", "space")
        return open_table(network, cells)


def of_parameters(given: Mapping[str, str]) -> SearchSettings:
    """The settings of a link; what is no value there stays as it is by default."""
    found = SearchSettings()
    for name in PARAMETERS:
        if name in given:
            try:
                found = found.with_(**{name: _read(name, given[name])})
            except ArchError:
                continue
    return found


def _read(name: str, text: str) -> object:
    if name != "cells":
        return number_of(text) if name in ("evaluations", "seed", "w") else text
    pairs = [pair.partition("-") for pair in text.split(".")[:400]]
    return tuple((int(row) - 1, column) for row, _, column in pairs if row.isdecimal() and len(row) < 5 and int(row))


def _word(what: str, known: tuple[str, ...]) -> Any:
    def check(value: object) -> str:
        if value not in known:
            raise ArchError(f"no {what} {shorten(str(value))}; allowed: {', '.join(known)}", what)
        return str(value)

    return check


def _whole(what: str, low: int, high: int) -> Any:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ArchError(f"found {shorten(str(value))}; allowed: a whole number from {low} to {high:,}", what)
        return value

    return check


def _exponent(value: object) -> float | None:
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not isfinite(value) or not STEEPEST <= value <= 0:  # type: ignore[arg-type, operator]
        raise ArchError(
            f"found {shorten(str(value))}; allowed: {STEEPEST:g} to 0, as MnasNet's -0.07 and -0.15; or nothing", "w"
        )
    return float(value)  # type: ignore[arg-type]


CHECKS: dict[str, Any] = {
    "space": _word("space", (*SPACES, OPEN)),
    "strategy": _word("strategy", tuple(STRATEGIES)),
    "tier": _word("accuracy tier", tuple(OBJECTIVES)),
    "evaluations": _whole("evaluations", 1, MAX_EVALUATIONS),
    "seed": _whole("seed", 0, MAX_SEED),
    "w": _exponent,
    "cells": lambda value: tuple(value),
}
