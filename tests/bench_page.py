"""From an edit to the repainted page, in a real browser with one user: `python tests/bench_page.py [edits]`.

The clock runs in the browser, from the key that commits the edit to the first frame in which the tile shows another
number, nothing is marked stale and the script has ended. The bar is 300 ms at the 95th percentile.
"""

from __future__ import annotations

import statistics
import sys

from browser import choose, chromium, open_page, server, settle

BAR_MS = 300
WAIT = """
before => new Promise(done => {
  const tile = () => document.querySelectorAll('[data-testid="stMetricValue"]')[1].innerText;
  const app = document.querySelector('[data-testid="stApp"]');
  const look = () => {
    const idle = app.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-stale="true"]');
    if (tile() !== before.tile && idle) done(performance.now() - window.committed);
    else requestAnimationFrame(look);
  };
  look();
})
"""


def main() -> None:
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with server() as address, chromium() as browser:
        page = open_page(browser, address)
        choose(page, "Open a block", "stage3/block1")
        settle(page)
        page.evaluate(
            "document.addEventListener('keydown', e => { if (e.key === 'Enter') window.committed = performance.now() },"
            " true)"
        )
        box = page.locator(".st-key-open_block").get_by_role("spinbutton", name="c · channels")
        times: dict[str, list[float]] = {"new edit": [], "seen before": []}
        for name, taken in times.items():
            for number in range(edits):
                before = page.get_by_test_id("stMetricValue").nth(1).inner_text()
                box.fill(str(40 + 8 * number))
                box.press("Enter")
                taken.append(page.evaluate(WAIT, {"tile": before}))
                settle(page)
            if name == "new edit":
                box.fill("32")
                box.press("Enter")
                settle(page)
    print(f"{'edit → repainted':16} {'edits':>6} {'median ms':>10} {'p95 ms':>8} {'worst ms':>9}   bar {BAR_MS} ms")
    for name, taken in times.items():
        p95 = statistics.quantiles(taken, n=20)[-1]
        print(f"{name:16} {len(taken):6} {statistics.median(taken):10.0f} {p95:8.0f} {max(taken):9.0f}")


if __name__ == "__main__":
    main()
