"""Columns of figures as text for a terminal, and as rows for JSON: pandas takes longer to load than an import runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def aligned(columns: Mapping[str, Sequence[Any]]) -> str:
    """The columns under their names, right-aligned, numbers with separators of thousands.

    >>> print(aligned({"block": ["stem", "head"], "params": [928, 1281000], "intensity": [6.25, 0.5]}))
    block    params intensity
     stem       928      6.25
     head 1,281,000      0.50
    """
    texts = [[name, *map(_text, values)] for name, values in columns.items()]
    widths = [max(map(len, column)) for column in texts]
    return "\n".join(" ".join(map(str.rjust, line, widths)) for line in zip(*texts))


def records(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """A dict per row.

    >>> records({"block": ["stem", "head"], "params": [928, 1281000]})
    [{'block': 'stem', 'params': 928}, {'block': 'head', 'params': 1281000}]
    """
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A number with separators of thousands, two digits behind the point of a float."""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
