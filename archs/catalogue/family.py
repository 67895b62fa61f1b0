"""A family of published networks: its source and its knobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import signature
from itertools import product
from typing import Any

from archs.errors import ArchError, Problem, shorten
from archs.guessed_words import OF_KNOBS
from archs.ir.operator import EPS
from archs.tables.table import Spec
from archs.tables.validation import plain


@dataclass(frozen=True)
class Family:
    """A published network with its knobs.

    `knobs` maps each keyword of `make` to its published values; `open_knobs` also take values between them (a width
    multiplier, a resolution).
    """

    name: str
    title: str
    year: int
    source: str
    make: Callable[..., Spec]
    knobs: dict[str, tuple[object, ...]] = field(default_factory=dict)
    open_knobs: tuple[str, ...] = ()
    eps: float = EPS
    """Of the batch norms in the published weights."""

    def spec(self, **knobs: object) -> Spec:
        """The spec for these knobs. Raises ArchError for an unknown knob or value, with those allowed."""
        knobs = {knob: plain(value) for knob, value in knobs.items()}
        problems = []
        for knob, value in knobs.items():
            if knob not in self.knobs:
                call = f"; call {OF_KNOBS[knob]}" if knob in OF_KNOBS else ""
                text = f"{self.title} has no such knob; allowed: {', '.join(self.knobs)}{call}"
                problems.append(Problem(text, column=shorten(knob)))
            elif not self._allows(knob, value):
                offered = ", ".join(map(str, self.knobs[knob]))
                span = (
                    "a number in [0.05, 8], published: "
                    if knob == "width"
                    else "16 to 2048, or (height, width), published: "
                )
                allowed = f"{span if knob in self.open_knobs else ''}{offered}"
                problems.append(Problem(f"found {shorten(value)}; allowed: {allowed}", column=knob))
        if problems:
            raise ArchError(problems=problems)
        return self.make(**knobs)

    def _allows(self, knob: str, value: object) -> bool:
        if isinstance(value, bool):
            return False
        if knob not in self.open_knobs:  # 3.0 is no number of groups, 1 is a width
            words = [known for known in self.knobs[knob] if known == value]
            return bool(words) and not (isinstance(value, float) and isinstance(words[0], int))
        if knob == "resolution":
            sides = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value,)
            return all(type(side) is int and 16 <= side <= 2048 for side in sides)
        return isinstance(value, (int, float)) and 0.05 <= value <= 8

    def default(self, knob: str) -> object:
        return signature(self.make).parameters[knob].default


def combinations(knobs: Mapping[str, Iterable[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of some knobs.

    >>> list(combinations({"width": (0.5, 1.0), "groups": (3,)}))
    [{'width': 0.5, 'groups': 3}, {'width': 1.0, 'groups': 3}]
    """
    for values in product(*knobs.values()):
        yield dict(zip(knobs, values))
