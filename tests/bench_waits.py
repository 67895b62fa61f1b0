"""How long an import, an edit of it and a ranking for a budget take in a browser: `python tests/bench_waits.py [rounds]`.

Each clock runs from the press or the upload until the result is on the page. Bars: MobileNetV2's ONNX file 5 s, an edit
of an import 2 s, ranked candidates for a new target 5 s. Each round has a page of its own and a target of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Page
from support.benchmark_records import record
from support.browser import PATIENCE, chromium, open_page, server, settle, turn, uploader

import archs
from archs.interop.onnx.exporter import to_onnx

ROUNDS = 7
LOOKING_MS = 5000
"""How long a visitor looks for the file; the import's process loads PyTorch meanwhile."""
BARS_S = {"import": 5, "edit of an import": 2, "candidates": 5}


def imported(browser: Browser, address: str, file: Path, number: int) -> tuple[float, float]:
    """(seconds of the import, seconds of an edit of it)."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/import")
    _idle(page)
    page.wait_for_timeout(LOOKING_MS)
    start = time.perf_counter()
    uploader(page, "An ONNX file with its weights in it").set_input_files(file)
    page.get_by_role("heading", name=file.stem, exact=True).wait_for()
    _idle(page)
    took = time.perf_counter() - start
    page.get_by_role("tab", name="Edit").click()
    field = page.get_by_role("spinbutton", name="Channels", exact=True)
    field.fill(str(40 + 8 * number))
    start = time.perf_counter()
    field.press("Enter")
    page.get_by_text("· 1 edit").wait_for()
    _idle(page)
    edited = time.perf_counter() - start
    page.close()
    return took, edited


def ranked(browser: Browser, address: str, number: int) -> float:
    """Seconds from a target to its candidates."""
    page = open_page(browser, address)
    turn(page, "Budget")
    settle(page)
    target = page.get_by_role("spinbutton", name="Target, ms")
    target.fill(str(15 + number))
    start = time.perf_counter()
    target.press("Enter")
    page.locator(".st-key-budget .scatterlayer path.point").first.wait_for(state="attached")
    settle(page)
    took = time.perf_counter() - start
    page.close()
    return took


def _idle(page: Page) -> None:
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in BARS_S}
    with tempfile.TemporaryDirectory() as folder, server() as address, chromium() as browser:
        file = Path(folder) / "mobilenet_v2.onnx"
        file.write_bytes(to_onnx(archs.build(archs.spec("mobilenet_v2"))))
        for number in range(options.rounds):
            for name, took in zip(
                BARS_S, (*imported(browser, address, file, number), ranked(browser, address, number))
            ):
                times[name].append(took)
    figures = {}
    for name, bar in BARS_S.items():
        figures[name] = f"p50 {statistics.median(times[name]):.2f} s, worst {max(times[name]):.2f} s"
        print(f"{name:20} {figures[name]}   first {times[name][0]:.2f} s   bar {bar} s")
    if options.record:
        record("waits", figures)


if __name__ == "__main__":
    main()
