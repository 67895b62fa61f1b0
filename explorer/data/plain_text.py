"""Text from a file that somebody gave, made fit to be shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

_OTHER = re.compile(r"[^\w .,:;()@/+×=%’\-]+")


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell of a spreadsheet begins with to be a formula."""


def csv_text(table: pandas.DataFrame) -> str:
    """The table as CSV in which no text is a formula to a spreadsheet: a quote stands before it."""
    safe = table.map(_no_formula)
    return safe.rename(columns=_no_formula).to_csv(index=False)


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def plain(text: object, length: int = 60) -> str:
    """Text that is safe in HTML, in a table and in a spreadsheet: no markup, no control characters, no formula.

    >>> plain("=HYPERLINK(<b>x</b>)")
    'HYPERLINK( b x /b )'
    >>> plain("O'Brien")
    'O’Brien'
    """
    return " ".join(_OTHER.sub(" ", str(text).replace("'", "’")).split()).lstrip("=+-@ ")[:length].strip()
