"""Rules under names: what an operator of another format becomes here. A name has one rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rule = Callable[[Any], Any]
"""A call of the other format → what it gives."""


class RuleRegistry(dict[str, Rule]):
    """Name → its rule."""

    def rule(self, *names: str) -> Callable[[Rule], Rule]:
        """Registers a function under these names."""

        def register(function: Rule) -> Rule:
            for name in names:
                assert name not in self, name
                self[name] = function
            return function

        return register
