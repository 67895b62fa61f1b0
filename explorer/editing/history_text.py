"""A history as a text that a browser keeps, and back: every version by its link. A hostile text gives ArchError.

    {"versions": [[label, link or spec as JSON], …], "position": n, "linked": whether its link is in the address}

Nothing of it is executed: each version is validated and built as any link or upload is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from archs import ArchError, Spec, build
from explorer.editing import links
from explorer.editing.history import LIMIT, History, Version

MAX_TEXT = 400_000  # characters; browsers keep some 5 million
MAX_LABEL = 200

BAD = ArchError("what the browser kept is no history of this program")


def text_of(spec: Spec) -> str:
    """Its link; its JSON where it is too long for one."""
    try:
        return links.encode(spec)
    except ArchError:
        return spec.to_json()


def pack(history: History, texts: Sequence[str]) -> str:
    """The history, whose versions have these texts. The oldest versions go where it would be too long."""
    versions = [[version.label[:MAX_LABEL], text] for version, text in zip(history.versions, texts)]
    position = history.position
    while sum(len(label) + len(text) for label, text in versions) > MAX_TEXT and position:
        versions, position = versions[1:], position - 1
    linked = texts[history.position].startswith(links.VERSION)
    return json.dumps({"versions": versions, "position": position, "linked": linked})


def unpack(text: str) -> tuple[History, bool]:
    """The history, and whether the address had a link to its network. Raises ArchError."""
    try:
        data = json.loads(text) if len(text) <= 2 * MAX_TEXT else None
    except (ValueError, RecursionError):
        raise BAD from None
    if not isinstance(data, dict) or not isinstance(data.get("versions"), list):
        raise BAD
    versions = [_version(item) for item in data["versions"][:LIMIT]]
    position = data.get("position")
    if not versions or type(position) is not int or not 0 <= position < len(versions):
        raise BAD
    return History(tuple(versions), position), data.get("linked") is True


def _version(item: object) -> Version:
    if not isinstance(item, list) or len(item) != 2 or not all(isinstance(part, str) for part in item):
        raise BAD
    label, text = item
    if not text.startswith("{"):
        return Version(label[:MAX_LABEL], links.decode(text))
    spec = Spec.from_json(text)
    build(spec)
    return Version(label[:MAX_LABEL], spec)


def resumed(kept: History, linked: bool, opened: Spec, by_link: bool) -> History:
    """The kept history with what a session has opened: itself after a reload, else as one more version of it."""
    if kept.spec == opened or (not linked and not by_link):
        return kept
    return kept.push(f"opened {'a link to ' if by_link else ''}{opened.name}", opened)
