"""The profiles that a visitor has uploaded, fitted or calibrated here, kept in the browser tab.

A reload and a restart of the server lose none. A calibration per operator takes megabytes: it is packed, and sent once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

from archs import ArchError
from archs.caching import cached
from costmodel import CostError, DeviceProfile
from costmodel.devices.profile import WholeNetworkProfile
from explorer.data import profiles as devices
from explorer.editing import links
from explorer.page.browser.memory import memory
from explorer.page.state import profiles
from explorer.page.state import session as state
from explorer.page.widgets.stored import BrowserText

MAX_PACKED = 2_000_000  # characters of all profiles together; a browser stores some 5 million, which other texts share
LEVEL = 6  # of zlib: a third of the time of the best, for 3 % more
LEFT_OUT = "profiles left out"
"""Memory: the keys of those that do not fit."""

_stored = BrowserText("device storage", "cnn-cost profiles")


def add(profile: DeviceProfile | WholeNetworkProfile) -> str:
    """Keep a profile with the session and in the tab, and use it."""
    (key,) = profiles.add(devices.tidy(cast(DeviceProfile, profile)))
    profiles.use(key)
    return key


def keep() -> None:
    """Read from the tab or write to it; the last thing on each page."""
    used = state.scenario().profile or ""
    _stored.keep_once(" ".join(profiles.uploaded()), _packed, used, _found)


def is_lost(key: str) -> bool:
    """Whether a reload would lose this profile of the session, because it is too large for the browser's storage."""
    return key in profiles.uploaded() and (_stored.refused or key in memory().get(LEFT_OUT, ()))


def _packed() -> str:
    """The newest profiles that fit, the oldest first."""
    texts: dict[str, str] = {}
    kept = list(profiles.uploaded())
    for key in reversed(kept):
        text = _text(key)
        if sum(map(len, texts.values())) + len(text) <= MAX_PACKED:
            texts[key] = text
    memory()[LEFT_OUT] = set(kept) - texts.keys()
    return " ".join(reversed(texts.values()))


@cached(8, "a profile is packed again with every run until the browser has answered, and megabytes take a second")
def _text(key: str) -> str:
    return links.pack(devices.load(key).model_dump(mode="json"), LEVEL)


def _found(content: list[Any]) -> None:
    with state.guard("Your devices"):
        match content:
            case [str(text), True, str(used)]:
                since = list(profiles.uploaded().values())  # the browser may answer after an upload, or a choice
                profiles.add(*unpack(text), *since)
                if profiles.is_kept(used) and state.scenario().profile == devices.preferred():
                    profiles.adopt(used)


def unpack(text: str) -> Iterator[DeviceProfile]:
    """The profiles that a tab has stored, each read as an uploaded file is.

    What is none, or of another version of this program, is left out.
    """
    for packed in text[: 2 * MAX_PACKED].split(" ", profiles.MAX_UPLOADED)[: profiles.MAX_UPLOADED]:
        with suppress(ArchError, CostError):
            content = links.unpack(packed, MAX_PACKED, devices.MAX_UPLOAD_MB * 2**20)
            yield devices.upload(content, "your device")
