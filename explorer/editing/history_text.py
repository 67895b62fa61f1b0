"""A history as a text that a browser stores, and back: every version by its link. A hostile text gives ArchError.

    {"versions": [[label, link or spec as JSON, measured top-1 or null], …],
     "position": n, "linked": whether its link is in the address}

Nothing of it is executed: each version is validated and built as any link or upload is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, NonNegativeInt, ValidationError

from archs import ArchError, Spec
from explorer.editing import links
from explorer.editing.history import LIMIT, History, Version

MAX_TEXT = 400_000  # characters; browsers keep some 5 million
MAX_LABEL = 200

BAD = ArchError("the text that the browser stored is no history of this program")


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True)

    versions: Annotated[list[tuple[str, str, float | None]], FailFast()]
    position: NonNegativeInt
    linked: bool


def text_of(spec: Spec) -> str:
    """Its link; its JSON where it is too long for one."""
    try:
        return links.encode(spec)
    except ArchError:
        return spec.to_json()


def pack(history: History, texts: Sequence[str]) -> str:
    """The history, whose versions have these texts. The oldest versions go where it would be too long."""
    specs, position = [one.spec for one in history.versions], history.position
    versions = [(one.label[:MAX_LABEL], text, one.measured_pct) for one, text in zip(history.versions, texts)]
    while position and (
        sum(len(label) + len(text) for label, text, _ in versions) > MAX_TEXT
        or links.blocks_of(specs) > links.MAX_BLOCKS
    ):
        versions, specs, position = versions[1:], specs[1:], position - 1
    linked = texts[history.position].startswith(links.VERSION)
    return json.dumps({"versions": versions, "position": position, "linked": linked})


def unpack(text: str) -> tuple[History, bool]:
    """The history, and whether the address had a link to its network. Raises ArchError."""
    if len(text) > 2 * MAX_TEXT:
        raise BAD
    try:
        stored = _Stored.model_validate_json(text)
    except ValidationError:
        raise BAD from None
    versions = [_version(*version) for version in stored.versions[:LIMIT]]
    links.check_built([version.spec for version in versions])
    if not stored.position < len(versions):
        raise BAD
    return History(tuple(versions), stored.position), stored.linked


def _version(label: str, text: str, measured_pct: float | None) -> Version:
    if measured_pct is not None and not 0 <= measured_pct <= 100:
        raise BAD
    spec = Spec.from_json(text) if text.startswith("{") else links.parse(text)
    return Version(label[:MAX_LABEL], spec, measured_pct)


def resumed(stored: History, linked: bool, opened: Spec, by_link: bool) -> History:
    """The stored history with the network that a session has opened as its last version, unless it is a reload."""
    if stored.spec == opened or (not linked and not by_link):
        return stored
    return stored.push(f"opened {'a link to ' if by_link else ''}{opened.name}", opened)
