"""Messages as literal text: Streamlit renders every text as Markdown, with links and images that the browser fetches.

Every text with a part from outside (a file, a link, a name, an error about them) passes `literal`.
"""

from __future__ import annotations

import re

import streamlit as st

_INLINE = re.compile(r"[\\`*_\[\]<>|~$&#]")
_LINE_START = re.compile(r"(?m)^[ \t]*(?=([-+=]|\d+[.)]))?")
_LINK = re.compile(r":(?=\S)|@(?=\w)|(?<=www)(?=\.)", re.IGNORECASE)  # URLs, icons, emoji, addresses
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
JOINER = "\u2060"
"""Word joiner: takes no space, and no pattern for links has it."""


def literal(text: object) -> str:
    r"""Markdown that shows `text` as it is, without links, images, icons and formatting. Lines stay lines.

    >>> print(literal("[a](b) *c*"))
    \[a\](b) \*c\*
    """
    escaped = _INLINE.sub(r"\\\g<0>", _CONTROL.sub(" ", str(text)))
    joined = _LINK.sub(lambda found: found[0] + JOINER, escaped)
    lines = _LINE_START.sub(lambda found: JOINER if found[1] else "", joined)
    return lines.strip("\n").replace("\n", "  \n")


def error(text: object, icon: str = ":material/error:") -> None:
    st.error(literal(text), icon=icon)


def warning(text: object, icon: str = ":material/warning:") -> None:
    st.warning(literal(text), icon=icon)


def info(text: object, icon: str = ":material/info:") -> None:
    st.info(literal(text), icon=icon)


def caption(text: object) -> None:
    st.caption(literal(text))
