"""Writes the README's picture, a real screenshot of the page: `python tests/screenshot.py`."""

from __future__ import annotations

from browser import ROOT, choose, chromium, open_page, server, settle

TARGET = ROOT / ".github" / "explorer.png"
LIMIT = 300_000  # bytes: it is in every clone


def main() -> None:
    with server() as address, chromium() as browser:
        page = open_page(browser, address, width=1280, height=1660)
        choose(page, "Network", "ShuffleNetV2")
        settle(page)
        choose(page, "Open a block", "stage2/block2")
        page.locator(".st-key-open_block").wait_for()
        settle(page)
        page.wait_for_timeout(1000)  # the charts' last animation
        TARGET.parent.mkdir(exist_ok=True)
        page.screenshot(path=TARGET)
    size = TARGET.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{TARGET} has {size:,} bytes; allowed: up to {LIMIT:,}")
    print(f"{TARGET.relative_to(ROOT)}: {size:,} bytes")


if __name__ == "__main__":
    main()
