"""The profiles that a session can choose from, and the job that it started last."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from costmodel import DeviceProfile
from explorer.data import profiles as devices
from explorer.data.device_list import GROUPS
from explorer.jobs.calibration import Calibration, ValidationJob
from explorer.page.state import session as state

MAX_UPLOADED = 3
HERE = "This machine"


def known() -> list[str]:
    """The keys that are offered everywhere: this machine's, the shipped ones per operator, the papers', the session's.

    And the one in use: the page Devices offers all others.
    """
    collect()
    mine = [key for key in uploaded() if key not in devices.here()]
    found = [*devices.here(), *devices.names(), *devices.of_papers(), *mine]
    used = state.scenario().profile
    return [*found, used] if used in devices.of_whole_networks() and used not in found else found


def heading(key: str) -> str:
    """The group of a profile in the list of devices."""
    if not key:
        return ""
    return HERE if key in devices.here() else GROUPS[devices.group(key)]


def title(key: str) -> str:
    """A profile as a choice: whose it is and its regime; the empty key is none."""
    return devices.title(key) if key else "no device"


def collect() -> None:
    """A calibration of this session that has ended: its profile is chosen, once, and kept like an uploaded one."""
    job = mine()
    if isinstance(job, Calibration) and job.profile and not job.running:
        st.session_state["job"] = None
        profile = devices.tidy(job.profile)
        adopt(devices.made_here(profile))
        add(profile)


def mine() -> Calibration | ValidationJob | None:
    """The job that this session started last."""
    return st.session_state.get("job")


def started(job: Calibration | ValidationJob) -> None:
    """Note the job that this session started last."""
    st.session_state["job"] = job


def use(key: str | None) -> None:
    """The page's milliseconds are this profile's from now on."""
    state.choose("profile", profile=key)


def adopt(key: str) -> None:
    """The same without a press of the visitor: what a control has refused meanwhile stays on the page."""
    state.put(replace(state.scenario(), profile=key))


def add(*added: DeviceProfile) -> list[str]:
    """Keeps profiles with the session; the last few only, as each takes megabytes. Returns their keys."""
    kept = uploaded()  # a run may be stopped at an access to the session state: it has kept none then, and later all
    keys = [devices.store(profile) for profile in added]
    for key in keys:
        kept.pop(key, None)
        kept[key] = devices.load(key)
    while len(kept) > MAX_UPLOADED:
        kept.pop(next(iter(kept)))
    return keys


def is_kept(key: str) -> bool:
    """Whether the session still has an uploaded profile: only the last few stay."""
    return key in uploaded()


def uploaded() -> dict[str, DeviceProfile]:
    """The session's own profiles by their key, the oldest first."""
    return st.session_state.setdefault("uploaded profiles", {})
