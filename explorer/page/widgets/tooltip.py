"""Help texts as HTML, for the "?" buttons of `frontend/tooltip.js`."""

from __future__ import annotations

import re
from html import escape

MARKED = {r"\*\*(.+?)\*\*": "b", r"`(.+?)`": "code", r"(?<!\S)\*(\S.*?)\*": "i"}


def html(words: str) -> str:
    """Paragraphs, lists, `**bold**`, `*emphasis*` and code, as help texts are written; everything else is escaped.

    >>> html("**MAC**: h·w < `n`")
    '<p><b>MAC</b>: h·w &lt; <code>n</code></p>'
    """
    return "".join(_paragraph(part) for part in escape(words, quote=False).split("\n\n") if part.strip())


def _paragraph(part: str) -> str:
    for marked, tag in MARKED.items():
        part = re.sub(marked, rf"<{tag}>\1</{tag}>", part)
    lines = part.strip().split("\n")
    if all(line.startswith("* ") for line in lines):
        return f"<ul>{''.join(f'<li>{line[2:]}</li>' for line in lines)}</ul>"
    return f"<p>{'<br>'.join(lines)}</p>"
