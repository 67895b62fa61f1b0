"""Text from a file that somebody gave, made fit to be shown."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^\w .,:;()@/+×=\-]+")


def plain(text: object, length: int = 60) -> str:
    """Text that is safe in HTML, in a table and in a spreadsheet: no markup, no control characters, no formula.

    >>> plain("=HYPERLINK(<b>x</b>)")
    'HYPERLINK( b x /b )'
    """
    return " ".join(_OTHER.sub(" ", str(text)).split()).lstrip("=+-@ ")[:length].strip()
