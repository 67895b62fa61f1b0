"""The download of a device profile."""

from __future__ import annotations

from costmodel import DeviceProfile
from explorer.data.plain_text import plain
from explorer.page.widgets import download


def button(profile: DeviceProfile, key: str) -> None:
    """A button that saves the profile as JSON."""
    name = plain(profile.name).replace(" ", "_").replace("/", "_")
    download.button(
        "Profile as JSON", lambda: profile.model_dump_json() + "\n", f"{name}.json", "application/json", key
    )
