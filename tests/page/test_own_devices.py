"""The visitor's own profiles in the browser: sent once, there again in a new session, and said where there is no room."""

from __future__ import annotations

import json
import os
import signal

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest
from support import forms
from support.browser import PATIENCE, serving, uploader

from costmodel.devices.load import SHIPPED as WHOLE_NETWORKS
from costmodel.latency.profile import SHIPPED
from explorer.data import profiles as devices
from explorer.page.state import own_devices

PAGE = """
from explorer.page import calibration
from explorer.page.state import own_devices
own_devices.keep()
calibration._choose()
"""
KEY = "device storage"
FILE = json.dumps(json.loads((SHIPPED / "cpu.json").read_text(encoding="utf-8")) | {"name": "laptop"}).encode()
LOST = "This browser does not store the profile"
PHONE = (WHOLE_NETWORKS / "pixel1.json").read_bytes()


def page() -> AppTest:
    return AppTest.from_string(PAGE, default_timeout=60).run()


def told(at: AppTest) -> dict[str, str | None]:
    """What the script of the storage is told."""
    (found,) = [node.proto for node in at._tree if getattr(node, "key", None) == KEY]
    return json.loads(found.json)


def report(at: AppTest, *event: object) -> AppTest:
    (found,) = [node.proto for node in at._tree if getattr(node, "key", None) == KEY]
    number = told(at)["acknowledged"] + 1
    return forms.report(at, found, "queue", {"events": [[number, *event]]})


def uploaded(at: AppTest, name: str, content: bytes) -> str:
    at.file_uploader(key="calibrate upload").set_value((name, content, "application/json")).run()
    assert not at.exception
    assert not at.error
    return forms.scenario_of(at).profile


def test_profiles_are_sent_once_and_are_there_in_a_new_session():
    at = page()
    phone, laptop = uploaded(at, "phone.json", PHONE), uploaded(at, "laptop.json", FILE)
    sent = told(at)
    assert sent["version"] == f"{phone} {laptop}"
    assert sent["note"] == laptop
    assert len(sent["text"]) < len(FILE) / 2
    report(at, sent["version"], True)
    assert told(at)["text"] is None
    forms.say(at, "profile", "cpu")
    assert told(at)["text"] is None
    assert told(at)["note"] == "cpu"
    again = page()  # of a new server, as far as it knows
    report(again, sent["text"], True, laptop)
    assert not again.error
    assert told(again)["version"] == sent["version"]
    assert forms.scenario_of(again).profile == laptop
    assert devices.load(laptop).name == "laptop"


def test_an_answer_of_the_browser_takes_nothing_of_what_was_done_meanwhile():
    """It may come seconds after the page: a file is refused by then, another one taken, a device chosen."""
    at = page()
    laptop = uploaded(at, "laptop.json", FILE)
    stored = told(at)["text"], True, laptop
    again = page()
    again.file_uploader(key="calibrate upload").set_value(("a.json", b"{", "application/json")).run()
    (refused,) = [error.value for error in again.error]
    report(again, *stored)
    assert [error.value for error in again.error] == [refused]
    assert forms.scenario_of(again).profile == laptop
    third = page()
    phone = uploaded(third, "phone.json", PHONE)
    report(third, *stored)
    assert told(third)["version"] == f"{laptop} {phone}"
    assert forms.scenario_of(third).profile == phone


def test_a_device_of_long_warnings_is_in_use_again():
    """Texts are cut where a profile is read: its key was another one after a reload."""
    read_profile = devices.upload(PHONE, "phone.json").model_copy(update={"warnings": ("not fitted: " * 30,)})
    at = AppTest.from_function(_own, args=(read_profile,), default_timeout=60).run()
    again = page()
    report(again, told(at)["text"], True, told(at)["note"])
    assert forms.scenario_of(again).profile == told(at)["note"] != ""


def _own(profile) -> None:
    from explorer.page.state import own_devices

    own_devices.add(profile)
    own_devices.keep()


@pytest.mark.parametrize("answer", [True, False], ids=["too large for us", "for the browser"])
def test_what_does_not_fit_is_said(answer, monkeypatch):
    if answer:
        monkeypatch.setattr(own_devices, "MAX_PACKED", 1000)
    at = AppTest.from_string(
        PAGE + "calibration._about(calibration.state.scenario().profile)", default_timeout=60
    ).run()
    key = uploaded(at, "phone.json", PHONE)
    assert (told(at)["text"] == "") == answer
    report(at, key, answer)
    assert told(at)["text"] is None
    assert LOST in [warning.value.partition(":")[0] for warning in at.warning]
    forms.say(at, "profile", "cpu")
    assert LOST not in [warning.value.partition(":")[0] for warning in at.warning]


@pytest.mark.browser
@pytest.mark.slow
def test_a_restarted_server_has_the_profiles_of_the_tab(browser):
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE)
    in_use = page.locator("select option:checked").filter(has_text="laptop")
    with serving() as (address, process):
        page.goto(f"{address}/calibrate")
        file = {"name": "laptop.json", "mimeType": "application/json", "buffer": FILE}
        uploader(page, "A profile of your own (JSON)").set_input_files(file)
        expect(in_use).to_be_attached(timeout=PATIENCE)
        page.wait_for_function("() => sessionStorage.getItem('cnn-cost profiles')?.length > 100000")
        os.kill(process, signal.SIGKILL)
        page.locator("[data-test-connection-state]:not([data-test-connection-state=CONNECTED])").wait_for()
    with serving(port=int(address.rpartition(":")[2])):
        page.locator("[data-test-connection-state=CONNECTED]").wait_for()
        page.get_by_text("laptop").first.wait_for(state="attached")
        page.reload()
        expect(in_use).to_be_attached(timeout=PATIENCE)
        assert page.get_by_test_id("stException").count() == 0
    page.context.close()
