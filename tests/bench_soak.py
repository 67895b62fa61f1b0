"""A class server over a day, in minutes: `python tests/bench_soak.py --visitors 40 --minutes 30`.

Visitors come, edit, upload, start jobs, and close their tabs in the middle of them; jobs without a visitor end after
`support.soak.ABANDONED` seconds instead of 30. Bars: memory flat after the first quarter (within 15 %), no process and no
temporary file left at the end, p95 of the health endpoint up to 0.5 s. Everything stays on the loopback interface.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.benchmark_records import record
from support.soak import Course, running, soak

PAUSE = 5.0  # seconds between two edits, on average, as in `bench_page.py`


def say(found: Course) -> None:
    """A line a minute, so that a run that is ended early has told something."""
    seconds = len(found.health_s)
    if seconds % 60 == 0:
        p95 = statistics.quantiles(found.health_s, n=20)[-1]
        print(
            f"{seconds:5} s  {found.visits.total():4} visits, {len(found.failures)} failures, health p95 {p95:.3f} s, "
            f"{found.memory_mb[-1]:.0f} MB",
            file=sys.stderr,
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (address, process):
        found = soak(address, process, options.visitors, 60 * options.minutes, PAUSE, say)
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.visits.most_common())
    first = f", the first: {found.failures[0][:200]}" if found.failures else ""
    quarter = max(1, len(found.memory_mb) // 4)
    late = statistics.median(found.memory_mb[-quarter:])
    figures = {
        "visits": f"{found.visits.total()} ({kinds}), {len(found.failures)} failures{first}",
        "health": f"p95 {statistics.quantiles(found.health_s, n=20)[-1]:.3f} s, worst {max(found.health_s):.3f} s",
        "memory": f"{late:.0f} MB in the last quarter, {found.growth - 1:+.1%} over the second; "
        f"most {max(found.memory_mb):.0f} MB",
        "processes": f"up to {found.most_processes} at once; left: {found.left or 'none'}",
        "temporary files": str(found.files or "none"),
    }
    for what, figure in figures.items():
        print(f"{what:16} {figure}")
    if options.record:
        record(f"{options.visitors} visitors for {options.minutes:g} minutes", figures)


if __name__ == "__main__":
    main()
