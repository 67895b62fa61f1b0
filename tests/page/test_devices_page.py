"""The page Devices and the papers' figures: phones beside this machine, and one's own device from a list of timings."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest
from support.apptest import PAGES, displayed
from support.browser import PATIENCE, choose, figure, open_page, settle, uploader
from support.device_timings import timings

import archs
import costmodel
from explorer.data import device_list
from explorer.data import frontier as published
from explorer.data import profiles as devices
from explorer.editing.scenario import start
from explorer.figures import devices as drawing
from explorer.page.panels import published_latency

expect.set_options(timeout=PATIENCE)


def test_every_shipped_device_has_its_errors_and_sources():
    keys = [*devices.names(), *devices.of_whole_networks()]
    table = device_list.table(keys).set_index("key")
    assert len(table) == len(keys) > 150
    absent = {device_list.GROUPS["own"]}
    assert set(table["group"]) == set(device_list.GROUPS.values()) - absent
    assert table["left_out_pct"].between(0, 15).all()
    assert (table["networks"] > 0).all()
    assert (table["source"] != "").all()
    assert table.loc["pixel1", "runtime"] == "TFLite"


def test_milliseconds_are_of_one_image():
    spec = archs.spec("mobilenet_v2")
    (row,) = device_list.over_devices(spec, ["gtx_1080ti"]).itertuples()
    profile = costmodel.load_profile("gtx_1080ti")
    found = costmodel.predict(profile.regime.graph(spec), profile)
    assert profile.regime.batch == 8
    assert row.latency_ms == pytest.approx(found.latency_ms / 8)
    assert row.low_ms < row.latency_ms < row.high_ms
    assert row.images_per_s == pytest.approx(8000 / found.latency_ms)


def test_the_users_network_comes_first_among_the_catalogues():
    spec = archs.spec("mobilenet_v2").edit_row(3, kernel=5)
    table = device_list.over_networks("pixel1", spec)
    assert table["label"].iloc[0] == "mobilenet_v2 (open)"
    assert len(table) == len(archs.names()) + 1
    drawn = drawing.latencies(table, ["mobilenet_v2 (open)"])
    assert len(drawn.data[0]["x"]) == len(table)


def test_a_long_name_of_a_device_is_broken_into_lines():
    table = device_list.over_devices(archs.spec("mobilenet_v2"), list(device_list.PAPERS_FIGURES))
    assert max(map(len, table["label"])) > drawing.LABEL
    lines = [line for label in drawing.latencies(table).layout.yaxis.ticktext for line in label.split("<br>")]
    assert max(map(len, lines)) <= drawing.LABEL


def test_the_axis_has_three_labels_in_a_decade():
    """Those of 40 to 100 ms lay on each other on a phone."""
    table = device_list.over_devices(archs.spec("mobilenet_v2"), ["cpu"])
    ticks = drawing.latencies(table).layout.xaxis.tickvals
    assert [tick for tick in ticks if 10 <= tick <= 100] == [10, 20, 50, 100]


def test_a_network_outside_of_the_range_has_no_interval_in_the_figure():
    spec = archs.spec("mobilenet_v1", width=8.0, resolution=2048)
    table = device_list.over_devices(spec, ["cpu"])
    assert table["low_ms"].isna().all()
    assert "range" in table["note"].iloc[0]
    (shown,) = drawing.latencies(table).data[0]["customdata"]
    assert shown[1] == "outside the calibrated range"


@pytest.mark.parametrize("device", ["Pixel 1 single large core", "NVIDIA GTX 1080Ti", "Snapdragon 810"])
def test_the_devices_of_the_papers_figures_have_a_profile(device):
    rows = published.latencies()
    setting = rows.loc[rows["device"] == device, published_latency.SETTING].iloc[0]
    key = device_list.of_published(*setting)
    assert key is not None
    assert costmodel.load_profile(key).device == device


def test_a_device_without_a_profile_is_none():
    assert device_list.of_published("iPhone 12", "CoreML", "fp16", 1) is None


def test_the_page_lists_the_groups():
    at = AppTest.from_string(PAGES["devices"], default_timeout=120).run()
    assert not at.exception
    (listed,) = [one for one in at.dataframe if "left_out_pct" in one.value.columns]
    assert displayed(listed)["threads"].iloc[0] == "1"  # it was 1.000000
    assert listed.proto.placeholder == "–"  # for what is not measured, as the caption says; it was None
    eager = [key for key in devices.names() if devices.group(key) == "eager"]
    assert set(listed.value["name"]) >= {devices.title(key) for key in eager}


def test_the_sidebar_offers_the_papers_devices_in_a_group():
    scenario = start().choose("profile", profile="pixel1")
    assert devices.title("pixel1").startswith("Pixel 1 large core · TFLite")
    assert "not your device" in devices.owner("pixel1")
    assert scenario.prediction is not None
    assert scenario.prediction.latency_ms == pytest.approx(
        71.2, rel=0.1
    )  # the figure of the profile; papers print 73 to 75


@pytest.mark.browser
def test_a_network_moves_in_a_papers_figure_and_an_own_device_survives_a_reload(browser, address):
    page = open_page(browser, f"{address}/?panel=Frontier")
    choose(page, "Device", devices.title("pixel1"))
    expect(page.locator(".tiles")).to_contain_text("Pixel 1 single large core, TFLite")
    page.get_by_role("radio", name="published latency").click()
    star = page.locator(".st-key-frontier .js-plotly-plot")
    expect(star).to_be_visible()
    before = open_network_at(page)
    choose(page, "Width multiplier", "0.5")
    page.wait_for_function("before => (window.starAt?.() ?? before) !== before", arg=before)
    settle(page)
    assert open_network_at(page) < before

    page.get_by_role("link", name="Devices").click()
    uploader(page, "2. Your list of timings (CSV)").set_input_files(
        {"name": "board.csv", "mimeType": "text/csv", "buffer": timings().encode()}
    )
    expect(page.get_by_text("7 networks fitted")).to_be_visible()
    expect(page.get_by_text("ten times too large")).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    settle(page)
    expect(page.locator(".tiles")).to_contain_text("My device")
    own = figure(page, "Latency").inner_text()
    page.reload()
    settle(page)
    expect(page.locator(".tiles")).to_contain_text("My device")
    expect(figure(page, "Latency")).to_have_text(own)
    page.close()


def open_network_at(page) -> float:
    """The cost of the open network in the figure, also as a function of the page."""
    page.evaluate(
        """() => { window.starAt = () => document.querySelector(".st-key-frontier .js-plotly-plot")?.data
            ?.find(trace => String(trace.marker?.symbol).startsWith("star"))?.x[0] }"""
    )
    return page.evaluate("() => window.starAt()")
