"""What Streamlit does around each page, made cheaper; a browser page on which nothing from outside may become active."""

import functools
import re

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import local_script_runner
from support.browser import PATIENCE
from support.hostile import ACTIVE

SENTINEL = re.compile(r"sentinel\.invalid")


@pytest.fixture(scope="session", autouse=True)
def _components_found_once():
    """A server looks through all installed packages for components when it starts, and `AppTest` before each page."""
    with pytest.MonkeyPatch.context() as patch:
        find = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", find)
        yield


@pytest.fixture(scope="session", autouse=True)
def _ends_are_not_polled():
    """`AppTest` asks every millisecond whether the script has ended: a tenth of the CPU time of a run."""
    poll = local_script_runner.require_widgets_deltas

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
        runner._script_thread.join(timeout)
        poll(runner, timeout)  # which raises where it has not

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture
def watched(browser):
    """A page in a context of its own, whose requests to the sentinel are recorded; at the end there may be none."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    requests: list[str] = []
    page.on(
        "request", lambda request: requests.append(request.url) if SENTINEL.search(request.url.split("?")[0]) else None
    )
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    assert not requests
    assert not dialogs
    assert page.locator(ACTIVE).count() == 0
    assert page.evaluate("window.executed === undefined")
    context.close()
