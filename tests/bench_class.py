"""Twenty browsers join a class and press "Measure here" within a second: `python tests/bench_class.py [visitors]`.

Every student has settings of their own, so that no run is shared. Prints when each result was there.
"""

from __future__ import annotations

import sys
import time

from playwright.sync_api import expect
from support import lab_class
from support.browser import chromium, server


def main(visitors: int = 20) -> None:
    expect.set_options(timeout=600_000)
    with server() as address, chromium() as browser:
        teacher, code = lab_class.teacher(browser, address)
        students = [
            lab_class.student(browser, address, code, f"student {n}", 1 + n % 2, 16 + 8 * (n // 2))
            for n in range(visitors)
        ]
        pressed = time.monotonic()
        lab_class.measure(students)
        print(f"all pressed within {time.monotonic() - pressed:.1f} s")
        for number, page in enumerate(students):
            expect(page.get_by_role("button", name="Measure again")).to_be_visible()
            print(f"{number + 1} of {visitors} results after {time.monotonic() - pressed:.0f} s", flush=True)
        expected = f"{visitors} students, {visitors} predictions, {visitors} results"
        expect(teacher.get_by_text(expected)).to_be_visible()
        print(f"the teacher's page: {expected}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
