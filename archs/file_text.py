"""The text of a file that somebody gave, in the encodings and with the separators that spreadsheets save it in."""

from __future__ import annotations

import codecs
import re


def decoded(content: bytes) -> str:
    """The text: UTF-16 behind its byte order mark, UTF-8, else Windows' Western encoding.

    Raises ValueError for content that is no text.

    >>> decoded("7,5 µs".encode("utf-16"))
    '7,5 µs'
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
    if "\0" in text:
        raise ValueError("it has zero bytes")
    return text


def separated(text: str, separators: str) -> tuple[str, str]:
    r"""The rows of a sheet and what separates their cells, one of `separators`.

    A first line `sep=;` states it, which spreadsheets write and read and do not count as a row. Otherwise it is what
    the first line that is not empty has most of, the earliest of equals.

    >>> separated("sep=;\na,b;c", ",;")
    ('a,b;c', ';')
    >>> separated("a,b", ",;")
    ('a,b', ',')
    """
    stated = re.match(rf'"?sep=([{re.escape(separators)}])"?(\r\n|\r|\n|$)', text, re.IGNORECASE)
    if stated:
        return text[stated.end() :], stated[1]
    head = next((line for line in text.splitlines() if line.strip()), "")
    return text, max(separators, key=head.count)
