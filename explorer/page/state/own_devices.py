"""The profiles of the visitor's own devices, kept in the browser tab, so that a reload loses none.

Profiles of whole networks only: a calibration per operator takes megabytes.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, cast

from archs import ArchError, bounded_json
from costmodel import CostError, DeviceProfile
from costmodel.devices.profile import WholeNetworkProfile
from explorer.data import profiles as devices
from explorer.page.browser.memory import memory
from explorer.page.state import profiles
from explorer.page.state import session as state
from explorer.page.widgets.stored import BrowserText

TEXTS = "own devices"
"""Memory: key of a profile → its JSON."""

MAX_VALUES = 300_000  # commas and brackets in all profiles together; each is read with bounds of its own

_stored = BrowserText("device storage", "cnn-cost devices")


def add(profile: WholeNetworkProfile) -> str:
    """Keep a profile with the session and in the tab, and use it."""
    key = profiles.add(cast(DeviceProfile, profile))
    _texts()[key] = profile.model_dump_json()
    profiles.use(key)
    return key


def keep() -> None:
    """Read from the tab or write to it; the last thing on each page."""
    texts = {key: text for key, text in _texts().items() if profiles.is_kept(key)}
    used = [number for number, key in enumerate(texts) if key == state.scenario().profile]
    packed = json.dumps({"used": used, "profiles": list(texts.values())}) if texts else ""
    _stored.keep(packed, _found)


def _found(content: list[Any]) -> None:
    with state.guard("Your devices"):
        match content:
            case [str(text), True] if not _texts():
                _resume(text)


def _resume(text: str) -> None:
    for profile, used in unpack(text):
        before = state.scenario().profile
        add(profile)
        if not used:
            profiles.use(before)


def unpack(text: str) -> list[tuple[WholeNetworkProfile, bool]]:
    """The profiles that a tab has stored, read as an uploaded file is, and whether each was in use.

    What is none, or of another version of this program, is left out.
    """
    try:
        found = bounded_json.loads(text, MAX_VALUES)
    except ValueError:
        return []
    restored: list[tuple[WholeNetworkProfile, bool]] = []
    match found:
        case {"used": list(used), "profiles": list(texts)}:
            for number, one in enumerate(texts[: profiles.MAX_UPLOADED]):
                with suppress(ArchError, CostError):
                    profile = devices.upload(str(one).encode(errors="replace"), "your device")
                    if isinstance(profile, WholeNetworkProfile):
                        restored.append((profile, number in used))
    return restored


def _texts() -> dict[str, str]:
    return memory().setdefault(TEXTS, {})
