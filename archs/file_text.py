"""The text of a file that somebody gave, in the encodings that spreadsheets save it in."""

from __future__ import annotations

import codecs


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
