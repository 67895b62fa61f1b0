"""Hostile strings in every field of links, of what the browser stores, of profiles, timings, ONNX files and classes, on
every page that shows them: nothing is fetched, linked or executed.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from support import hostile_documents as documents
from support.browser import PATIENCE, uploader
from support.hostile import ACTIVE, FORMULA, STRINGS

from explorer.data import profiles
from explorer.lab.classes import Classes
from explorer.page.state import own_devices
from explorer.page.state.share import PARAMETERS
from explorer.search.runs.settings import PARAMETERS as SEARCHED

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLANTED = STRINGS[0].partition("//")[2].partition("/")[0]
STORED = {
    "cnn-cost history": documents.history,
    "cnn-cost designs": documents.collection,
    "cnn-cost profiles": documents.devices,
    "cnn-cost profiles note": lambda: profiles.store(next(own_devices.unpack(documents.devices()))),
    "cnn-cost lab": documents.lab,
    "cnn-cost search": lambda: STRINGS[0],
}
"""Key of the browser's storage → what lies there."""


def idle(page: Page) -> None:
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")


def inert(page: Page, shown: bool = True, lab: bool = False) -> None:
    """The page has drawn what was planted, as text. Pages of the lab have formulas of their own."""
    idle(page)
    if shown:
        expect(page.get_by_text(PLANTED).first).to_be_attached(timeout=PATIENCE)
    assert page.locator(ACTIVE if lab else f"{ACTIVE}, {FORMULA}").count() == 0
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_text("an error in this program").count() == 0


def visit(page: Page, address: str, path: str = "", **parameters: str) -> None:
    page.goto(f"{address}/{path}?{urlencode(parameters)}")
    page.locator('[data-testid="stMain"] h1').first.wait_for()
    idle(page)


def upload(page: Page, label: str, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    uploader(page, label).set_input_files(file)


def test_links(watched, address):
    bad = [documents.link(documents.hostile_spec())]
    bad += [documents.link(documents.hostile_spec(name="a", rows=[{"kind": "conv", text: 1}])) for text in STRINGS[:2]]
    for text in (*bad, STRINGS[0]):
        visit(watched, address, net=text)
        inert(watched, shown=False)
    for text in (STRINGS[0], STRINGS[11]):
        visit(watched, address, **dict.fromkeys(PARAMETERS, text))
        inert(watched, shown=False)
        visit(watched, address, "search", **dict.fromkeys((*PARAMETERS, *SEARCHED), text))
        inert(watched, shown=False)
    visit(watched, address, "class", **{"class": STRINGS[0], "key": STRINGS[1]})
    inert(watched, shown=False)


def test_what_the_browser_stores(watched, address):
    """Histories, designs, devices, runs of the lab and a search's token, each as this program would store it."""
    for key, make in STORED.items():
        for storage in ("sessionStorage", "localStorage"):
            watched.add_init_script(f"{storage}.setItem({json.dumps(key)}, {json.dumps(make())})")
    visit(watched, address, panel="Designs")
    inert(watched)
    for panel in ("Diff", "Frontier", "Export"):
        watched.get_by_role("tab", name=panel, exact=True).click()
        inert(watched, shown=False)
    for path in ("search", "devices", "calibrate", "g1", "separable", "held", "class"):
        visit(watched, address, path)
        inert(watched, shown=path in ("devices", "calibrate", "g1"), lab=True)


def test_profiles_and_timings(watched, address):
    visit(watched, address, "calibrate")
    for name, content in (
        ("mine.json", documents.profile()),
        (f"{STRINGS[1]}.json".replace("/", " "), documents.onnx_runtime_profile()),
        ("phone.json", documents.whole_network_profile().encode()),
        (f"{STRINGS[0]}.json".replace("/", " "), documents.profile()[:-9]),
    ):
        upload(watched, "A profile of your own (JSON)", name, content)
        watched.wait_for_timeout(500)
        inert(watched)
    visit(watched, address, "devices")
    for label in ("Name of the device", "Runtime", "Precision"):
        watched.get_by_label(label, exact=True).fill(STRINGS[0][:20])
    upload(watched, "2. Your list of timings (CSV)", "timings.csv", documents.timings())
    watched.get_by_test_id("stAlert").or_(watched.locator(".note.error")).first.wait_for()
    inert(watched)


@pytest.mark.parametrize("unknown", [False, True], ids=["names", "kinds and domains"])
def test_onnx_files(watched, address, unknown):
    """Of the graph, its nodes, tensors and metadata; the file's name too."""
    visit(watched, address, "import")
    name = f"{STRINGS[8]}.onnx".replace("/", " ")
    upload(watched, "An ONNX file with its weights in it", name, documents.onnx_file(unknown))
    for name in ("Blocks", "Layers", "Edit", "Export"):
        watched.get_by_role("tab", name=name, exact=True).click()
        inert(watched, shown=False)


def test_a_class(watched, address):
    """The teacher's page, of what a hostile server or an earlier version has stored; a student's name."""
    classes = Classes()
    code, key = classes.create()
    documents.plant_class(classes.path, code)
    watched.goto(f"{address}/class?{urlencode({'class': code, 'key': key})}")
    expect(watched.get_by_text(f"{len(STRINGS)} students")).to_be_visible(timeout=PATIENCE)
    expect(watched.locator(".js-plotly-plot")).to_have_count(documents.TOPICS + 2, timeout=PATIENCE)  # G1, and results
    expect(watched.get_by_text(PLANTED).first).to_be_attached()
    assert watched.locator(ACTIVE).count() == 0
    assert watched.get_by_test_id("stException").count() == 0
    visit(watched, address, "g1", **{"class": code})
    watched.get_by_label("Your name, or that of your machine").fill(STRINGS[0])
    watched.get_by_role("button", name="Join", exact=True).click()
    expect(watched.get_by_text(f"Class {code}, as")).to_be_visible(timeout=PATIENCE)
    inert(watched, lab=True)
