"""A class server over a day, in minutes: `python tests/bench_soak.py --visitors 40 --minutes 30`.

Visitors come, edit, start exports, and close their tabs in the middle of them; jobs without a visitor end after
`ABANDONED` seconds instead of 30. Bars: memory flat after the first quarter (within 15 %), no process and no temporary
file left at the end, p95 of the health endpoint up to 0.5 s. Everything stays on the loopback interface.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from bench_page import BLOCK, _edit, _memory_mb
from support.benchmark_records import record
from support.browser import ROOT, serving
from support.visitor import Visitor

ABANDONED = 3.0  # seconds, instead of 30
STAY = (4, 12)  # edits of a visit
PAUSE = 2.0  # seconds between two edits, on average
EXPORTS = 0.3  # share of the visits that leave an ONNX export behind
SETTLE = 20.0  # seconds after the last visit until processes are counted

SERVER = """
import runpy, sys
sys.path.insert(0, {root!r})
from explorer.jobs import job
job.ABANDONED = {abandoned}
runpy.run_path({app!r}, run_name="__main__")
"""


async def _visit(address: str, rng: random.Random, failures: list[str]) -> bool:
    """Whether it left an export behind."""
    visitor = await Visitor.open(address)
    await visitor.say("block", BLOCK)
    for _ in range(rng.randint(*STAY)):
        await asyncio.sleep(rng.uniform(0.5, 1.5) * PAUSE)
        await _edit(visitor, rng)
    exports = False
    if rng.random() < EXPORTS:
        await visitor.say("tab", "Export")
        if exports := visitor.has("make onnx"):
            await visitor.change("make onnx", trigger_value=True)
    failures += visitor.failures
    await visitor.close()  # in the middle of the export
    return exports


async def _seat(address: str, number: int, end: float, visits: list[bool], failures: list[str]) -> None:
    """One place in the class: visit after visit until the end."""
    rng = random.Random(number)
    await asyncio.sleep(rng.uniform(0, PAUSE))
    while time.monotonic() < end:
        try:
            visits.append(await _visit(address, rng, failures))
        except (OSError, TimeoutError, StopIteration) as error:
            failures.append(repr(error))


async def _health(address: str, process: int, end: float, times: list[float], memory: list[float]) -> None:
    def ask() -> float:
        start = time.perf_counter()
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=30):
            return time.perf_counter() - start

    while time.monotonic() < end:
        times.append(await asyncio.to_thread(ask))
        memory.append(_memory_mb(process))
        await asyncio.sleep(1)


def _children(process: int) -> list[str]:
    """The commands of the server's own processes that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == process and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:120])
        except OSError:
            continue
    return found


async def _soak(address: str, process: int, visitors: int, seconds: float) -> dict[str, str]:
    end = time.monotonic() + seconds
    times: list[float] = []
    memory: list[float] = []
    visits: list[bool] = []
    failures: list[str] = []
    await asyncio.gather(
        _health(address, process, end, times, memory),
        *(_seat(address, number, end, visits, failures) for number in range(visitors)),
    )
    await asyncio.sleep(SETTLE)
    quarter = max(1, len(memory) // 4)
    early, late = statistics.median(memory[quarter : 2 * quarter] or memory), statistics.median(memory[-quarter:])
    return {
        "visits": f"{len(visits)}, {sum(visits)} left an export behind, {len(failures)} failures{': ' + failures[0][:80] if failures else ''}",
        "health": f"p95 {statistics.quantiles(times, n=20)[-1]:.3f} s, worst {max(times):.3f} s",
        "memory": f"{early:.0f} MB in the second quarter, {late:.0f} MB in the last ({late / early - 1:+.0%})",
        "processes left": str(_children(process) or "none"),
        "temporary files": str(sorted(os.listdir(tempfile.gettempdir()))[:5] or "none"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as outer:
        script, spare = Path(outer) / "server.py", Path(outer) / "tmp"
        spare.mkdir()
        script.write_text(SERVER.format(root=str(ROOT), abandoned=ABANDONED, app=str(ROOT / "app.py")))
        os.environ["TMPDIR"] = tempfile.tempdir = str(spare)
        with serving(script) as (address, process):
            figures = asyncio.run(_soak(address, process, options.visitors, 60 * options.minutes))
        tempfile.tempdir = None
    for what, figure in figures.items():
        print(f"{what:16} {figure}")
    if options.record:
        record(f"{options.visitors} visitors for {options.minutes:g} minutes", figures)


if __name__ == "__main__":
    main()
