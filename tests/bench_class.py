"""Twenty browsers join a class and press "Measure here" within a second: `python tests/bench_class.py [visitors] [--record]`.

Every student has settings of their own, so that no run is shared. Prints when each result was there.
"""

from __future__ import annotations

import argparse
import time

from playwright.sync_api import expect
from support import lab_class
from support.benchmark_records import record
from support.browser import chromium, server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("visitors", nargs="?", type=int, default=20)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    visitors = options.visitors
    expect.set_options(timeout=600_000)
    with server() as address, chromium() as browser:
        teacher, code = lab_class.teacher(browser, address)
        students = [lab_class.student(browser, address, code, f"student {n}", 1, 16 + 4 * n) for n in range(visitors)]
        ago, within = lab_class.measure(students)
        pressed = time.monotonic() - ago
        print(f"all pressed within {within:.1f} s", flush=True)
        for number, page in enumerate(students):
            expect(page.get_by_role("button", name="Measure again")).to_be_visible()
            print(f"{number + 1} of {visitors} results after {time.monotonic() - pressed:.0f} s", flush=True)
        expected = f"{visitors} students, {visitors} predictions, {visitors} results"
        expect(teacher.get_by_text(expected)).to_be_visible()
        took = time.monotonic() - pressed
        print(f"the teacher's page: {expected}")
    if options.record:
        record("class, runs queued", {f"{visitors} results": f"{took:.0f} s"})


if __name__ == "__main__":
    main()
