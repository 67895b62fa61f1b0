"""The page in a real browser: a server on a free loopback port, Chromium without a window. For tests and pictures."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Locator, Page, WebSocketRoute, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240_000  # ms; on a shared, busy core the first drawing of plotly has taken 60,000
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def server() -> Iterator[str]:
    """Streamlit on a free port; gives its address."""
    with serving() as (address, _):
        yield address


@contextmanager
def serving(script: str | Path = "app.py", port: int = 0) -> Iterator[tuple[str, int]]:
    """Streamlit on this port, or on a free one; gives its address and its process id."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)  # pytest shows what it logs with a failure
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        assert process.poll() is None, "streamlit ended"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("streamlit did not answer")


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium found; install one (Debian: apt install chromium)"
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """An installed Chromium. One that is missing is a failure: the page would be untested."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def limited(browser: Browser, seconds: float) -> Iterator[Browser]:
    """Another browser of this kind, which is killed after so long: Playwright has waits without a limit of their own.

    Whatever then waits for it fails. The end fails with the limit in its message.
    """
    own = browser.browser_type.launch(executable_path=_chromium(), args=ARGUMENTS)
    processes = own.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    (process,) = [each["id"] for each in processes if each["type"] == "browser"]
    timer = threading.Timer(seconds, os.kill, (process, signal.SIGKILL))
    timer.start()
    try:
        yield own
    except (Error, AssertionError) as error:
        if own.is_connected():
            raise
        raise AssertionError(f"not done after {seconds:g} s, so its browser was ended") from error
    finally:
        timer.cancel()
        own.close()


def open_page(browser: Browser, address: str, width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    settle(page)
    return page


def settle(page: Page) -> None:
    """Waits until the script has run and the last chart is drawn."""
    page.locator(".st-key-where_kind .mark").first.wait_for(state="attached")
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-stale="true"]').first.wait_for(state="detached")


def lossy(page: Page, lost: Callable[[bytes], bool]) -> list[bytes]:
    """The page anew, on a line that loses the messages to the server that are told; fills the list with them."""
    found: list[bytes] = []

    def between(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        line.on_message(lambda message: found.append(message) if lost(message) else server.send(message))

    page.route_web_socket("**/_stcore/stream", between)
    page.reload()
    settle(page)
    return found


def choose(page: Page, label: str, option: str) -> None:
    """Picks an option of a list."""
    pick(page.get_by_role("combobox", name=label), option)


def pick(box: Locator, option: str) -> None:
    """Picks an option of a list of the browser's own, or of Streamlit's in view: that closes when the page scrolls."""
    if box.evaluate("box => box.tagName") == "SELECT":
        box.select_option(label=option)
        return
    box.scroll_into_view_if_needed()
    box.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box.click()
    box.page.get_by_role("option", name=option, exact=True).click()


def unfold(page: Page, label: str) -> None:
    """Opens what is folded in a form."""
    page.locator("summary").filter(has_text=label).click()


def chosen(page: Page, label: str) -> Locator:
    """What a list of the browser's own shows."""
    return page.get_by_role("combobox", name=label).locator("option:checked")


def figure(page: Page, label: str) -> Locator:
    """The figure on a tile."""
    return page.locator(".tiles dl").filter(has=page.get_by_text(label)).locator(".value")


def uploader(page: Page, label: str) -> Locator:
    """The input of a file by its label: the page that a link leaves has inputs of its own until the next one is drawn."""
    return page.get_by_role("region", name=label).locator('input[type="file"]')


def tile(page: Page, label: str) -> str:
    return figure(page, label).inner_text()


def number(page: Page, label: str) -> Locator:
    return page.locator(".st-key-open_block").get_by_role("spinbutton", name=label)


def type_number(page: Page, label: str, value: str) -> None:
    box = number(page, label)
    box.fill(value)
    box.press("Enter")


def open_block(page: Page, block: str) -> None:
    choose(page, "Open a block", block)
    expect(page.locator(".st-key-open_block").get_by_role("heading", name=block)).to_be_visible()
    settle(page)


def turn(page: Page, panel: str) -> None:
    """Opens a panel and waits until all of it is there: a download that is pressed before is lost with the next run."""
    page.get_by_role("tab", name=panel).click()
    page.locator(f".st-key-panel-{panel}").wait_for()
    settle(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def click_block(page: Page, number: int) -> None:
    """A real click with the mouse, in the middle of a block of the picture."""
    bar = page.locator(".st-key-picture .mark > :first-child").nth(number)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
