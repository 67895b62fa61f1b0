"""How fast the page is, and what it keeps: `python tests/bench_page.py [edits | class | memory]`, or all three.

edits   One user in a real browser, 50 edits of different kinds. The clock runs in the browser, from the key or the click
        that commits an edit to the last change in the page that it leads to, figures included. Bar: p95 of 300 ms.
class   Forty visitors, each of whom edits every five seconds for a minute. The clock of each runs from its message to
        the last of the answer (`tests/visitor.py`; forty browsers would measure themselves). Bar: p95 of 2 s, no error.
memory  A thousand reruns of one visitor through every kind of edit and every tab. Bar: flat.

Everything stays on the loopback interface. Each server is started for its benchmark and ended after it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.benchmark_records import record
from support.browser import choose, chromium, open_page, pick, server, serving
from support.soak import BLOCK, edit, memory_mb
from support.visitor import Visitor

EDITS, VISITORS, SECONDS, PAUSE, RERUNS = 50, 40, 60, 5.0, 1000
FIGURES: dict[str, str] = {}  # what `--record` keeps
PATIENCE = 20_000  # ms; a control that has not come by then is not there
TABS = ("Table", "Blocks", "Layers", "Diff", "Advisor", "Frontier", "Budget", "Designs", "Reconcile", "Export")

# When the page last changed, and until when nothing has. Streamlit's own sign that it is busy does not count
WATCH = """
() => {
  window.last = performance.now();
  const main = document.querySelector('[data-testid="stMain"]');
  new MutationObserver(() => { window.last = performance.now() })
    .observe(main, {subtree: true, childList: true, attributes: true, characterData: true});
  for (const name of ['keydown', 'mousedown'])
    document.addEventListener(name, e => {
      if (name === 'mousedown' || e.key === 'Enter') window.committed = performance.now();
    }, true);
  document.addEventListener('change', e => {  // a word chosen in a list of the browser's own, whose click no page sees
    if (e.target.tagName === 'SELECT') window.committed = performance.now();
  }, true);
}
"""
QUIET = """
() => new Promise((done, fail) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const look = () => {
    const idle = app.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-stale="true"]');
    const took = window.last - window.committed;
    if (took > 0 && idle && performance.now() - window.last > 400) done(took);
    else if (performance.now() - window.committed > 20000) fail(Error('nothing was repainted'));
    else setTimeout(look, 10);
  };
  look();
})
"""


def edits(number: int = EDITS) -> None:
    """Each kind in turn: a number, a word, a switch, a row, the whole network, undo and redo."""
    with server() as address, chromium() as browser:
        page = open_page(browser, address)
        page.evaluate(WATCH)
        page.set_default_timeout(PATIENCE)
        opened = page.locator(".st-key-open_block")
        activation = opened.get_by_role("combobox", name="activation", exact=True)

        def type_in(label: str, value: str) -> None:
            box = opened.get_by_role("spinbutton", name=label, exact=True)
            box.fill(value)
            box.press("Enter")

        def press(name: str) -> None:
            page.get_by_role("button", name=name, exact=True).click()

        kinds = {
            "channels": lambda n: type_in("c · channels", str(40 + 8 * n)),
            "kernel": lambda n: type_in("k · kernel", str(5 + 2 * (n % 3))),
            "activation": lambda n: pick(activation, ("swish", "relu", "hard swish")[n % 3]),
            "squeeze": lambda n: type_in("squeeze-and-excitation ratio", ("0.25", "0.5", "0.1")[n % 3]),
            "batch norm": lambda n: opened.get_by_text("norm", exact=True).click(),
            "row twice": lambda n: press("Duplicate"),
            "row later": lambda n: press("Later"),
            "undo": lambda n: press("Undo"),
            "redo": lambda n: press("Redo"),
            "reset": lambda n: press("Reset to paper"),
        }
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for turn in range(number // len(kinds) + 1):
            choose(page, "Open a block", BLOCK)  # the turn before has reset the network
            page.evaluate(QUIET)
            for kind, make in kinds.items():
                make(turn)
                took = page.evaluate(QUIET)
                if turn:  # the first of each kind also loads what that kind needs
                    taken[kind].append(took)
        assert page.get_by_test_id("stException").count() == 0
    for kind, times in {**taken, "all": [took for of_kind in taken.values() for took in of_kind]}.items():
        _say(f"edit → repainted: {kind}", times, "bar 300 ms" if kind == "all" else "")


def at_once(visitors: int = VISITORS, seconds: float = SECONDS, pause: float = PAUSE) -> None:
    """A class: all come within a few seconds, then everyone edits on their own, each waiting for their own page."""
    with serving() as (address, process):
        times, opening, failures = asyncio.run(_class(address, visitors, seconds, pause))
        _say(f"{visitors} visitors, opening", opening, "")
        _say(f"{visitors} visitors, one edit", times, f"bar 2000 ms; {len(failures)} errors {failures[:1] or ''}")
        print(f"memory after it: {memory_mb(process):.0f} MB")


async def _class(
    address: str, visitors: int, seconds: float, pause: float
) -> tuple[list[float], list[float], list[str]]:
    times: list[float] = []
    opening: list[float] = []
    failures: list[str] = []

    async def visit(number: int) -> None:
        rng = random.Random(number)
        await asyncio.sleep(rng.uniform(0, pause))
        start = time.perf_counter()
        visitor = await Visitor.open(address)
        opening.append(1e3 * (time.perf_counter() - start))
        await visitor.say("block", BLOCK)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)
            times.append(1e3 * await edit(visitor, rng))
        failures.extend(visitor.failures)
        await visitor.close()

    done = await asyncio.gather(*(visit(number) for number in range(visitors)), return_exceptions=True)
    return times, opening, failures + [repr(error) for error in done if error is not None]


def memory(reruns: int = RERUNS) -> None:
    with serving() as (address, process):
        print(f"{'reruns':>8} {'memory, MB':>11}")
        print(f"{'started':>8} {memory_mb(process):11.0f}")
        asyncio.run(_reruns(address, process, reruns))


async def _reruns(address: str, process: int, reruns: int) -> None:
    rng = random.Random(0)
    visitor = await Visitor.open(address)
    await visitor.say("block", BLOCK)
    for number in range(1, reruns + 1):
        if number % 10 == 0:
            await visitor.say("tab", TABS[number // 10 % len(TABS)])
        elif visitor.has("fvcore") and number % 10 == 5:
            await visitor.change("fvcore", trigger_value=True)
        else:
            await edit(visitor, rng)
        if number in (10, 100, 200, 300, 500, 750, 1000):
            FIGURES[f"memory after {number} reruns"] = f"{memory_mb(process):.0f} MB"
            print(f"{number:8} {memory_mb(process):11.0f}", flush=True)
    assert not visitor.failures, visitor.failures[0]
    await visitor.close()


def _say(what: str, times: Iterable[float], bar: str) -> None:
    known = sorted(times)
    p95 = statistics.quantiles(known, n=20, method="inclusive")[-1]
    FIGURES[what] = f"p50 {statistics.median(known):.0f} ms, p95 {p95:.0f} ms"
    print(f"{what:32} {len(known):5} of them   p50 {statistics.median(known):6.0f} ms   p95 {p95:6.0f} ms   "
          f"worst {known[-1]:6.0f} ms   {bar}", flush=True)  # fmt: skip


def main() -> None:
    kinds = {"edits": edits, "class": at_once, "memory": memory}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*kinds, []], default=[])
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    for name in options.names or kinds:
        kinds[name]()
    if options.record:
        record("page", FIGURES)


if __name__ == "__main__":
    main()
