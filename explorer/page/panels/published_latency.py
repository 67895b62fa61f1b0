"""The papers' accuracy-latency figures with the open network in them: one device of the papers at a time.

MobileNetV3's Figure 1 is the Pixel 1's, ShuffleNetV2's Figure 1 the GTX 1080 Ti's and the Snapdragon 810's as speeds.
"""

from __future__ import annotations

import pandas
import streamlit as st

from costmodel import CostError
from costmodel.devices.load import load
from explorer.data import accuracy, device_list, sources
from explorer.data import frontier as networks
from explorer.data import profiles as devices
from explorer.editing.scenario import Scenario
from explorer.figures import tradeoff
from explorer.figures.tradeoff import Point
from explorer.page.state import profiles
from explorer.page.widgets import chart, data_table, messages

FIGURES = {
    "Pixel 1 single large core": "as MobileNetV3, Figure 1",
    "NVIDIA GTX 1080Ti": "as ShuffleNetV2, Figure 1, GPU",
    "Snapdragon 810": "as ShuffleNetV2, Figure 1, ARM",
}
UNITS = {"latency_ms": "milliseconds", "images_per_s": "images per second"}
SETTING = ["device", "runtime", "precision", "batch"]


def show(points: pandas.DataFrame, scenario: Scenario) -> None:
    """Published points on one device, and the open network where the device's profile puts it."""
    latencies = networks.latencies()
    settings = latencies.groupby(SETTING, sort=False).size().sort_values(ascending=False, kind="stable")
    options = list(settings.index)
    used = [n for n, one in enumerate(options) if device_list.of_published(*one) == scenario.profile]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        setting = st.selectbox(
            "Device", options, index=used[0] if used else 0, key="published device", format_func=_title
        )
    with right:
        axis = st.segmented_control(
            "Axis", UNITS, default="latency_ms", required=True, key="published axis", format_func=UNITS.__getitem__
        )
    cost = axis or "latency_ms"
    there = latencies[(latencies[SETTING] == list(setting)).all(axis=1)]
    there = there.assign(images_per_s=1000 * there["batch"] / there["latency_ms"])
    both = points.drop(columns="latency_ms", errors="ignore").merge(
        there[["name", "mult_adds", "latency_ms", "images_per_s", "printed"]], on=["name", "mult_adds"]
    )
    if both.empty:
        st.info("No network of the filter has both a published accuracy and a latency on this device.")
        return
    key = device_list.of_published(*setting)
    network = _open_network(scenario, key, cost) if key else None
    line = networks.pareto(both, "latency_ms")
    title = f"{UNITS[cost]}, {_title(setting)}"
    figure = tradeoff.frontier(both, line, cost, network, title=title, families=networks.families())
    chart.show(figure, "frontier", f"Top-1 accuracy against published latency, {_title(setting)}")
    chart.legend(tradeoff.legend(figure))
    _conditions(network, key)
    shown = there[["variant", "printed", "source", "note"]]
    data_table.frame(shown.assign(source=shown["source"].map(sources.title)))


def _title(setting: tuple[str, str, str, int]) -> str:
    device, runtime, precision, batch = setting
    figure = f" ({FIGURES[device]})" if device in FIGURES else ""
    return f"{device}, {runtime}, {precision}{f', batch {batch}' if batch > 1 else ''}{figure}"


def _open_network(scenario: Scenario, key: str, cost: str) -> Point | None:
    """Its accuracy as in the other figures, its latency predicted by the profile of the device."""
    estimate = accuracy.estimate(scenario.spec, scenario.measured_pct)
    printed = None if estimate and estimate.measured else networks.published_top1(scenario.spec)
    try:
        found = devices.prediction(scenario.spec, key)
    except CostError:
        return None
    if printed:
        top1, basis = (printed.top1_pct,) * 3, "published accuracy"
    elif estimate:
        top1 = (estimate.top1_pct, estimate.low_pct, estimate.high_pct)
        basis = "accuracy measured by you" if estimate.measured else "estimated"
    else:
        return None
    at, low, high = found.latency_ms, found.low_ms, found.high_ms
    if cost == "images_per_s":
        at, low, high = (1000 * found.profile.regime.batch / ms for ms in (at, high, low))
    return Point(scenario.title, at, *top1, basis, (low, high))


def _conditions(network: Point | None, key: str | None) -> None:
    if key is None:
        st.caption("No profile is shipped of this device: its published networks are too few or fit badly.")
    elif network is None:
        st.caption("The open network has no accuracy or no predicted latency here, so it is not drawn.")
    else:
        profile = load(key)
        messages.caption(
            f"★ ☆ {network.name}: its latency is predicted from {profile.networks} timed networks, mean error of a "
            f"network left out {profile.errors.leave_one_out_pct:.1f} %; the bars are 90 % intervals. All other "
            f"latencies are as printed. The device for all milliseconds of the page: {profiles.title(key)}, in the "
            "sidebar."
        )
