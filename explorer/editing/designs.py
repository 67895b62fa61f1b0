"""A collection of designs: named networks kept to be compared, as one text for a link and for the browser's storage.

    text := "1" base64url(zlib(JSON, with the dictionary of `links`))
    JSON := [[name, batch norm folded, measured top-1 or null, the network as in a link], …]

Nothing of it is executed: each network is validated and built as any link is. Hostile text gives ArchError.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

from pydantic import ConfigDict, FailFast, TypeAdapter, ValidationError

from archs import ArchError, Spec
from archs.errors import shorten
from explorer.editing import links

LIMIT = 50
MAX_NAME = 60
MAX_STORED, MAX_UNPACKED = 200_000, 1_000_000
"""Characters of the text that a browser stores, and of its JSON."""

Stored: TypeAlias = Annotated[list[tuple[str, bool, float | None, links.Difference | links.Columns]], FailFast()]
_STORED: TypeAdapter[Stored] = TypeAdapter(Stored, config=ConfigDict(strict=True))
BAD = ArchError("the text holds no collection of designs of this program; copy the link whole")


@dataclass(frozen=True)
class Design:
    """A named network, whether its batch norms are folded, and the accuracy that the user measured of it."""

    name: str
    spec: Spec
    folded: bool = False
    measured_pct: float | None = None


Collection: TypeAlias = tuple[Design, ...]


def keep(collection: Collection, design: Design) -> Collection:
    """With one more design. Raises ArchError for a name that is none or taken, and beyond LIMIT."""
    name = " ".join(design.name.split())
    if not name or len(name) > MAX_NAME:
        raise ArchError(f"found {shorten(design.name)}; allowed: a name of 1 to {MAX_NAME} characters", "name")
    if name in [one.name for one in collection]:
        raise ArchError(f"found {shorten(name)}, which another design has; allowed: a name of its own", "name")
    if len(collection) >= LIMIT:
        raise ArchError(f"found {len(collection)} designs; allowed: up to {LIMIT}; remove one first", "designs")
    if not _has_room(collection, design):
        raise ArchError(f"the designs would have over {links.MAX_BLOCKS:,} blocks in all; remove some first", "designs")
    return (*collection, replace(design, name=name))


def _has_room(collection: Collection, design: Design) -> bool:
    """Whether one more fits, by number and by the blocks that a reload builds."""
    blocks = links.blocks_of([*[one.spec for one in collection], design.spec])
    return len(collection) < LIMIT and blocks <= links.MAX_BLOCKS


def free_name(collection: Collection, wanted: str) -> str:
    """The wanted name, shortened and with a number where it is taken."""
    taken = {one.name for one in collection}
    short = " ".join(wanted.split())[: MAX_NAME - 5] or "design"
    numbered = (f"{short} ({number})" for number in range(2, LIMIT + 3))
    return next(name for name in (short, *numbered) if name not in taken)


def merged(collection: Collection, others: Iterable[Design]) -> Collection:
    """The designs of two collections, as many as there is room for; a taken name gets a number.

    Equal ones stand once, also where one has its name with such a number.
    """
    for one in others:
        equal = [other.name for other in collection if replace(other, name=one.name) == one]
        known = any(name == one.name or name.startswith(f"{one.name} (") for name in equal)
        if not known and _has_room(collection, one):
            collection = keep(collection, replace(one, name=free_name(collection, one.name)))
    return collection


def pack(collection: Collection) -> str:
    """The text of a collection; one of none is no empty text."""
    return links.pack([[one.name, one.folded, one.measured_pct, links.content_of(one.spec)] for one in collection])


def link(collection: Collection) -> str:
    """The text for a link. Raises ArchError where a link would be too long."""
    text = pack(collection)
    if len(text) > links.MAX_LINK:
        raise ArchError(
            f"the link would have {len(text):,} characters; allowed: up to {links.MAX_LINK:,}; remove designs first"
        )
    return text


def unpack(text: str) -> Collection:
    """The collection of a text. Raises ArchError."""
    try:
        stored = _STORED.validate_json(links.unpack(text, MAX_STORED, MAX_UNPACKED))
    except ValidationError:
        raise BAD from None
    collection: Collection = ()
    for name, folded, measured_pct, content in stored[:LIMIT]:
        if measured_pct is not None and not 0 <= measured_pct <= 100:
            raise BAD
        collection = keep(collection, Design(name, links.spec_of(content), folded, measured_pct))
    links.check_built([one.spec for one in collection])
    return collection
