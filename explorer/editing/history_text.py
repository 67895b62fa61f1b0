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
    """The history, whose versions have these texts; where it is too long, without the oldest, then the last undone."""
    versions, position = history.versions, history.position
    packed: dict[int, tuple[str, str, float | None]] = {}
    seen: set[str] = set()
    size = blocks = 0
    for number in (*range(position, len(versions)), *reversed(range(position))):
        version = versions[number]
        entry = (version.label[:MAX_LABEL], texts[number], version.measured_pct)
        size += len(entry[0]) + len(entry[1])
        blocks += links.blocks(version.spec) if texts[number] not in seen else 0
        if packed and (size > MAX_TEXT or blocks > links.MAX_BLOCKS):
            break
        packed[number] = entry
        seen.add(texts[number])
    numbers = sorted(packed)
    linked = texts[position].startswith(links.VERSION)
    stored = [packed[number] for number in numbers]
    return json.dumps({"versions": stored, "position": numbers.index(position), "linked": linked})


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


def resumed(stored: History, linked: bool, session: History, opened: int) -> History:
    """The stored history, then what a session has done: its versions after the one that it opened with.

    That one, of number `opened` (0: by the bare address, 1: by a link), is a version too, unless it is a reload.
    """
    first = session.versions[opened].spec
    if stored.spec != first and (linked or opened):
        stored = stored.push(f"opened {'a link to ' if opened else ''}{first.name}", first)
    return stored.continued(session.versions[opened + 1 :], session.position - opened)
