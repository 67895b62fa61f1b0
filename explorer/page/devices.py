"""The page Devices: every profile with its errors, one network on several devices, several networks on one.

One's own device from a list of timings is in `own_device`; a calibration of this machine is the page Calibrate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas
import streamlit as st

from archs.caching import cached
from explorer.data import device_list
from explorer.data import profiles as devices
from explorer.editing.scenario import Scenario
from explorer.figures import devices as drawing
from explorer.page import own_device
from explorer.page.browser import effects
from explorer.page.panels.tables import csv
from explorer.page.state import profiles
from explorer.page.state import session as state
from explorer.page.state.session import guard
from explorer.page.widgets import chart, data_table, messages

ALL = "All"
MAX_COMPARED = 12
FORMATS = {"threads": "{:.0f}", "left_out_pct": "{:.1f} %", "family_pct": "{:.1f} %", "coverage_pct": "{:.0f} %"}
"""How the grid writes these columns; it wrote 1.000000 threads."""


def render() -> None:
    """Draws the page."""
    scenario = state.scenario()
    st.title("Devices", anchor=False)
    with guard("The device in use"):
        used = profiles.title(scenario.profile or "")
        messages.caption(f"The open network: {scenario.title}. The device in use: {used}.")
    with guard("The list of devices"):
        chosen = _choose()
    with guard("The open network on several devices"):
        _one_network(scenario, chosen)
    with guard("Several networks on one device"):
        _one_device(scenario)
    with guard("Your device"):
        own_device.show()


def _choose() -> list[str]:
    """The list, and the keys of the rows that are chosen in it; without a choice those of the papers' figures."""
    known = [*devices.here(), *devices.names(), *devices.of_whole_networks()]
    known += [key for key in profiles.known() if key not in known]
    listed = _listed(tuple(known))
    groups = [ALL, *(title for title in device_list.GROUPS.values() if title in set(listed["group"]))]
    group = st.segmented_control("Group", groups, default=groups[1], required=True, key="device group")
    shown = listed if group in (None, ALL) else listed[listed["group"] == group]
    hidden = ["key"] if group == ALL else ["key", "group"]
    event: Any = data_table.frame(
        shown.drop(columns=hidden).style.format(FORMATS),
        key=f"device list {group}",
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_heads(),
    )
    keys = [str(shown["key"].iloc[row]) for row in event.selection.rows if row < len(shown)][:MAX_COMPARED]
    left, right = st.columns([1, 3], vertical_alignment="center")
    with left:
        effects.button(
            "Use this device",
            "use device",
            partial(_use, keys[0] if keys else ""),
            disabled=len(keys) != 1,
            type="primary",
        )
    with right:
        st.caption(
            "Choose rows: one to use it on every page, up to twelve to compare. Errors are on networks that a fit did "
            "not see: each network left out in turn, and each family. A dash: not measured."
        )
    return keys


def _use(key: str) -> Callable[[], None]:
    profiles.use(key)
    return st.rerun


def _heads() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "networks": number("networks fitted"),
        "left_out_pct": number("left-out error", help="mean error on networks that were left out"),
        "family_pct": number("family left out", help="mean error on families that were left out"),
        "coverage_pct": number("in the 90 % interval", help="of the networks that were left out"),
    }


def _one_network(scenario: Scenario, chosen: list[str]) -> None:
    st.subheader("The open network on several devices", anchor=False)
    keys = chosen or [key for key in device_list.PAPERS_FIGURES if key in devices.of_whole_networks()]
    if scenario.profile and scenario.profile not in keys:
        keys = [scenario.profile, *keys]
    found = device_list.over_devices(scenario.spec, keys, scenario.folded)
    _compared(found, "device", "milliseconds_by_device", [profiles.title(scenario.profile or "")])
    st.caption(
        "Milliseconds per image; the time of a batch is divided by its images. The devices differ in year, runtime, "
        "threads and precision, so they tell where a network suits a device, not which device is faster."
    )


def _one_device(scenario: Scenario) -> None:
    st.subheader("Several networks on the device in use", anchor=False)
    if not scenario.profile:
        st.caption("No device is in use: choose one above.")
        return
    edited = scenario.spec if scenario.edited else None
    found = device_list.over_networks(scenario.profile, edited, scenario.folded)
    messages.caption(profiles.title(scenario.profile))
    _compared(found, "network", "milliseconds_by_network", [str(found["label"].iloc[0])] if edited else [])


def _compared(found: pandas.DataFrame, what: str, name: str, marked: list[str]) -> None:
    """The figure and the table of one comparison."""
    figure = drawing.latencies(found, marked)
    chart.show(figure, name, f"Predicted milliseconds with their 90 % intervals, one row per {what}")
    with st.expander("As a table"):
        shown = found.rename(columns={"label": what})
        number = st.column_config.NumberColumn
        data_table.frame(
            shown,
            key=f"{name} table",
            column_config={
                "latency_ms": number("ms per image", format="%.3g"),
                "low_ms": number("from", format="%.3g", help="lower end of the 90 % interval"),
                "high_ms": number("to", format="%.3g", help="upper end of the 90 % interval"),
                "images_per_s": number("images/s", format="%.3g"),
            },
        )
        csv(shown, name, what)
    for row in found[found["note"] != ""].itertuples():
        messages.caption(f"{row.label}: {row.note}.")


@cached(4, "reads two hundred profiles")
def _listed(keys: tuple[str, ...]) -> pandas.DataFrame:
    """The list; not to be changed."""
    return device_list.table(keys)
