"""The profiles of the visitor's own devices, kept in the browser tab, so that a reload loses none.

Profiles of whole networks only: a calibration per operator takes megabytes.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, cast

from archs import ArchError, bounded_json
from costmodel import CostError, DeviceProfile
from costmodel.devices.profile import WholeNetworkProfile
from explorer.data import profiles as devices
from explorer.page.browser import events
from explorer.page.browser.memory import memory
from explorer.page.frontend import bundle
from explorer.page.state import profiles
from explorer.page.state import session as state
from explorer.page.widgets.components import Component

KEY = "device storage"
TEXTS = "own devices"
"""Memory: key of a profile → its JSON."""

MAX_VALUES = 300_000  # commas and brackets in all profiles together; each is read with bounds of its own

_component = Component("device_storage", js=bundle.script("storage"))


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
    data = {"storage": "cnn-cost devices", "text": packed, "acknowledged": events.acknowledged(KEY)}
    _component(key=KEY, data=data, on_queue_change=partial(events.handle, KEY, _found))


def _found(content: list[Any]) -> None:
    with state.guard("Your devices"):
        match content:
            case [str(text)] if not _texts():
                _resume(text)


def _resume(text: str) -> None:
    """The tab's profiles, read as an uploaded file is; what is not one of them is dropped."""
    try:
        found = bounded_json.loads(text, MAX_VALUES)
    except ValueError:
        return
    match found:
        case {"used": list(used), "profiles": list(texts)}:
            for number, one in enumerate(texts[: profiles.MAX_UPLOADED]):
                _restore(str(one), number in used)


def _restore(text: str, used: bool) -> None:
    try:
        profile = devices.upload(text.encode(), "your device")
    except (ArchError, CostError):  # of another version of this program
        return
    if isinstance(profile, WholeNetworkProfile):
        before = state.scenario().profile
        add(profile)
        if not used:
            profiles.use(before)


def _texts() -> dict[str, str]:
    return memory().setdefault(TEXTS, {})
