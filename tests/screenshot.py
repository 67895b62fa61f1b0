"""Writes the README's pictures, real screenshots of each page: `python tests/screenshot.py [name …]`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import Page
from support.browser import PATIENCE, ROOT, choose, chromium, open_page, server, settle, turn, unfold

FOLDER = ROOT / ".github"
LIMIT = 250_000  # bytes: each is in every clone
COLOURS = 256
TALL = 3600  # pixels: a part of the page is taken without scrolling, as the menu would cover it


def explorer(page: Page) -> bytes:
    choose(page, "Network", "ShuffleNetV2")
    settle(page)
    choose(page, "Open a block", "stage2/block2")
    page.locator(".st-key-open_block").wait_for()
    settle(page)
    return shot(page)


def edited(page: Page) -> None:
    """MobileNetV2 with a stage of ShuffleNetV2 units: what the picture, the diff and the frontier show."""
    choose(page, "Open a block", "stage3/block1")
    unfold(page, "Replace stage3")
    choose(page, "Every block of stage3 by", "shuffle v2")
    page.get_by_role("button", name="Replace the stage").click()
    page.get_by_role("heading", name="MobileNetV2, width 1.0, edited").wait_for()
    settle(page)
    choose(page, "Open a block", "none")
    settle(page)


def editing(page: Page) -> bytes:
    edited(page)
    return shot(page)


def tab(page: Page, name: str) -> bytes:
    turn(page, name)
    return shot(page, ".st-key-tabs")


def diff(page: Page) -> bytes:
    edited(page)
    return tab(page, "Diff")


def advisor(page: Page) -> bytes:
    return tab(page, "Advisor")


def frontier(page: Page) -> bytes:
    edited(page)
    return tab(page, "Frontier")


def export(page: Page) -> bytes:
    return tab(page, "Export")


def lab(page: Page) -> bytes:
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("heading", name="5 Compare").wait_for()
    return shot(page)


def lesson(page: Page) -> bytes:
    page.get_by_role("button", name="Skip").click()
    page.get_by_text("Prediction skipped.").wait_for()
    return shot(page)


def shot(page: Page, part: str = "") -> bytes:
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_timeout(1000)  # the charts' last animation
    page.mouse.move(0, 0)
    if part:
        return page.locator(part).screenshot()
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")  # a click may have scrolled
    return page.screenshot()


# name: the address, the height of the window, what is done there, the theme
PAGES: dict[str, tuple[str, int, Callable[[Page], bytes], str]] = {
    "explorer": ("", 1660, explorer, "light"),
    "editing": ("", 1240, editing, "dark"),
    "diff": ("", TALL, diff, "light"),
    "advisor": ("", TALL, advisor, "light"),
    "frontier": ("", TALL, frontier, "light"),
    "export": ("", TALL, export, "light"),
    "import": ("/import", 340, shot, "light"),
    "calibrate": ("/calibrate", 1000, shot, "light"),
    "lab": ("/g1", 1240, lab, "light"),
    "held": ("/held", 960, shot, "light"),
    "lesson": ("/multipliers", 1100, lesson, "light"),
}


def write(name: str, png: bytes) -> None:
    """With fewer colours, which nobody sees and a clone is grateful for."""
    target = FOLDER / f"{name}.png"
    Image.open(io.BytesIO(png)).convert("RGB").quantize(
        COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    ).save(target, optimize=True)
    size = target.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{target} has {size:,} bytes; allowed: up to {LIMIT:,}")
    print(f"{target.relative_to(ROOT)}: {size:,} bytes")


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with server() as address, chromium() as browser:
        for name in names or PAGES:
            path, height, make, scheme = PAGES[name]
            if path:
                page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme=scheme)
                page.set_default_timeout(PATIENCE)
                page.goto(address + path)
                page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
                page.locator('[data-testid="stMain"] h1').wait_for()
            else:
                page = open_page(browser, address, height=height, scheme=scheme)
            write(name, make(page))
            page.context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
