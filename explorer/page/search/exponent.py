"""The exponent w of a soft target, offered from published networks: a button, and the figure that it is read from."""

from __future__ import annotations

import streamlit as st

from archs.caching import cached
from costmodel import CostError
from explorer.data import profiles as devices
from explorer.data.metrics import number
from explorer.editing.scenario import Scenario
from explorer.figures.search import published_front as figures
from explorer.page.search import persistence
from explorer.page.state import session as state
from explorer.page.widgets import chart, form, messages
from explorer.page.widgets.form import Change
from explorer.search.runs.published_front import BANDS, MARKS, PublishedFront, predicted, published


def show(scenario: Scenario) -> None:
    """The offered w and the figure on this device and on the Pixel 1, behind a fold."""
    if not scenario.profile:
        return
    try:
        front = _front(scenario.profile)
    except CostError:  # a device whose profile cannot be read has a message of its own
        return
    target = scenario.target_ms
    w = front.w(target) if target else None
    with st.expander("w from published networks", icon=":material/show_chart:"):
        messages.caption(_words(front, target, w))
        if w is not None:
            form.show(
                "search w form", [form.row("w row", [form.button("use w", f"Use w = {number(w, 'g')}", "check", _use)])]
            )
        chart.show(
            figures.slopes(front, MARKS, target), "search slope", "Slope of the published networks on this device"
        )
        chart.legend(figures.legend(front, target))
        pixel = published()
        messages.caption(_of_the_pixel(pixel))
        chart.show(figures.slopes(pixel, MARKS), "search slope pixel", "Slope of the published networks on the Pixel 1")


@cached(8, "pricing fifty networks takes tenths of a second, and every page run shows the slope")
def _front(profile: str) -> PublishedFront:
    return predicted(devices.load(profile))


def _words(front: PublishedFront, target: float | None, w: float | None) -> str:
    about = f"{len(front.rows)} published networks of MobileNetV2 and MnasNet, {front.where}."
    if target is None:
        return f"{about} A target gives the slope around it."
    if w is None:
        return f"{about} Too few of them are near {target:g} ms for a slope."
    return (
        f"{about} Around {target:g} ms, 1 % more latency brings {-w:.2f} % more accuracy: a soft target with this w "
        "is indifferent along these networks; one nearer to 0 prefers larger networks, a steeper one smaller ones."
    )


def _of_the_pixel(pixel: PublishedFront) -> str:
    """The slopes where MobileNetV3's two exponents come from."""
    said = []
    for w, (low, high) in BANDS.items():
        span = f"from {low:g} to {high:g} ms" if high < float("inf") else f"above {low:g} ms"
        said.append(f"{pixel.slope(low, high):.2f} {span} (MobileNetV3 searches with w = {number(w, 'g')} there)")
    return f"{pixel.where}: the slope is {' and '.join(said)}."


def _use(_: Change) -> None:
    with state.guard("w"):
        scenario = state.scenario()
        if scenario.profile and scenario.target_ms:
            found = _front(scenario.profile).w(scenario.target_ms)
            persistence.put(persistence.settings().with_(w=found))
