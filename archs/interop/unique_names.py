"""Names that are taken once: a name in use gets a number behind it. Linear in the names, however many are equal.

What a name is made of is not here: paths are in `archs.interop.aten.naming`, identifiers in
`archs.interop.pytorch.attribute_names`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class UniqueNames:
    """The names in use. `numbered` says how a name and a number from 2 on are written.

    >>> names = UniqueNames({"x"})
    >>> [names.take(name) for name in ("x", "y", "x", "x2")]
    ['x2', 'y', 'x3', 'x22']
    """

    def __init__(
        self, taken: Iterable[str] = (), numbered: Callable[[str, int], str] = lambda name, number: f"{name}{number}"
    ):
        self._taken = set(taken)
        self._numbered = numbered
        self._last: dict[str, int] = {}  # name → the number that it was given last; the free ones are above it

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def add(self, name: str) -> None:
        """Mark a name as in use."""
        self._taken.add(name)

    def take(self, name: str) -> str:
        """The name, or the name with the lowest free number; in use from now on."""
        candidate, number = name, self._last.get(name, 1)
        while candidate in self._taken:
            number += 1
            candidate = self._numbered(name, number)
        self._last[name] = number
        self._taken.add(candidate)
        return candidate
