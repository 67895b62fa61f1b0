"""Image sizes as people type and read them: a side of a square, or height and width."""

from __future__ import annotations

import re

from archs import ArchError
from archs.errors import shorten

_SIZE = re.compile(r"\s*(\d{1,6})\s*(?:[x×*,;]\s*(\d{1,6})\s*)?")


def resolution_of(text: str) -> int | tuple[int, int]:
    """The resolution of a text, whose range `Spec` validates. Raises ArchError.

    >>> resolution_of("224"), resolution_of("224×320"), resolution_of("224, 320")
    (224, (224, 320), (224, 320))
    """
    found = _SIZE.fullmatch(text)
    if not found:
        allowed = "the side of a square, 224, or height×width, 224×320"
        raise ArchError(f"found {shorten(text)}; allowed: {allowed}", "resolution")
    height, width = found.groups()
    return int(height) if width in (None, height) else (int(height), int(width))


def resolution_text(resolution: int | tuple[int, int]) -> str:
    """`224` or `224×320`, as `resolution_of` reads it."""
    return str(resolution) if isinstance(resolution, int) else "×".join(map(str, resolution))
