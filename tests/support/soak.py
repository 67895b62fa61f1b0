"""A class server over a day, in minutes: visitors who come, edit, upload, start jobs and close their tabs meanwhile.

`running` serves the page with shortened time-outs and temporary files of its own, `soak` sends the visitors.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from support.browser import ROOT, serving
from support.onnx_files import chained
from support.visitor import Visitor
from websockets.exceptions import WebSocketException

from costmodel.latency.profile import SHIPPED
from costmodel.timing import machine_lock

ABANDONED = 3.0  # seconds until a job without a visitor ends, instead of 30
BLOCK = "stage3/block1"
EDITS = (4, 12)  # of a visit
PATIENCE = 60.0  # seconds after the last visit in which processes may end
KEPT = (machine_lock.NAME, "torchinductor_")  # one lock for all, and the one folder of torch's own cache

SERVER = """
import runpy, sys
sys.path.insert(0, {root!r})
from explorer.jobs import job, standby
job.ABANDONED = standby.SECONDS = {abandoned}
runpy.run_path({app!r}, run_name="__main__")
"""


@dataclass
class Course:
    """What was seen while it went on."""

    visits: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    """Of the server's process, second by second."""
    most_processes: int = 0
    left: list[str] = field(default_factory=list)
    """Commands of the server's processes that still ran PATIENCE seconds after the last visit."""
    files: list[str] = field(default_factory=list)
    """Temporary files at the end."""

    @property
    def growth(self) -> float:
        """Memory in the last quarter over that in the second: the first loads what is loaded once."""
        quarter = max(1, len(self.memory_mb) // 4)
        return statistics.median(self.memory_mb[-quarter:]) / statistics.median(self.memory_mb[quarter : 2 * quarter])


async def edit(visitor: Visitor, rng: random.Random) -> float:
    """One edit of the open block, of the whole network, or a step back; seconds until the page is drawn anew."""
    if not visitor.has("cell channels"):
        return await visitor.say("block", BLOCK)
    kind = rng.random()
    if kind < 0.4:
        return await visitor.say("cell channels", str(rng.randrange(16, 400, 8)))
    if kind < 0.6:
        return await visitor.say("cell kernel", rng.choice("357"))
    if kind < 0.7:
        return await visitor.say("cell activation", rng.choice(("relu", "relu6", "swish")))
    if kind < 0.8:
        return await visitor.say("whole resolution", rng.choice(("160", "192", "224", "256")))
    return await visitor.say(rng.choice(("undo", "redo", "whole hard_swish")))


async def _edits(visitor: Visitor, rng: random.Random, pause: float) -> None:
    await visitor.say("block", BLOCK)
    for _ in range(rng.randint(*EDITS)):
        await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)
        await edit(visitor, rng)


async def _export(visitor: Visitor, rng: random.Random, pause: float) -> None:
    await _edits(visitor, rng, pause)
    await visitor.say("tab", "Export")
    if visitor.has("make onnx"):
        await visitor.change("make onnx", trigger_value=True)


async def _onnx(visitor: Visitor, rng: random.Random, pause: float) -> None:
    """A file of a few hundred operators; half of the visitors wait for its network."""
    await visitor.goto("import")
    await visitor.upload("import file", "chain.onnx", chained(rng.randint(100, 400)))
    if rng.random() < 0.5:
        for _ in range(10):
            await asyncio.sleep(pause)
            await visitor.refresh()


async def _profile(visitor: Visitor, rng: random.Random, pause: float) -> None:
    """A profile of two megabytes, a cut one now and then."""
    content = (SHIPPED / "cpu.json").read_bytes()
    await visitor.goto("calibrate")
    await visitor.upload("calibrate upload", "mine.json", content[: -500 if rng.random() < 0.3 else None])
    await asyncio.sleep(pause)
    await visitor.goto("explore")
    await _edits(visitor, rng, pause)


async def _calibration(visitor: Visitor, rng: random.Random, pause: float) -> None:
    """Started where no other one is going on; the tab is closed in the middle of it."""
    await visitor.goto("calibrate")
    if visitor.has("calibrate"):
        await visitor.change("calibrate", trigger_value=True)
    await asyncio.sleep(pause)


async def _search(visitor: Visitor, rng: random.Random, pause: float) -> None:
    await visitor.goto("search")
    await visitor.say("target", str(rng.randint(8, 30)))
    await visitor.say("start search")
    await asyncio.sleep(pause)
    await visitor.refresh()


KINDS: dict[Callable[[Visitor, random.Random, float], Awaitable[None]], int] = {
    _edits: 5, _export: 2, _onnx: 2, _profile: 1, _calibration: 1, _search: 1,
}  # fmt: skip
"""What a visitor does, and how often relative to the others."""


async def _seat(address: str, number: int, end: float, pause: float, course: Course) -> None:
    """One place in the class: visit after visit until the end, in other orders from seat to seat."""
    rng, kinds = random.Random(number), list(KINDS)
    kind = kinds[number % len(kinds)]
    await asyncio.sleep(rng.uniform(0, pause))
    while time.monotonic() < end:
        try:
            visitor = await Visitor.open(address)
            try:
                await kind(visitor, rng, pause)
            finally:
                await visitor.close()  # whatever was started goes on
            course.failures += visitor.failures
            course.visits[kind.__name__.strip("_")] += 1
        except (OSError, TimeoutError, RuntimeError, KeyError, WebSocketException) as error:
            course.failures.append(f"{kind.__name__}: {error!r}")
        kind = rng.choices(kinds, list(KINDS.values()))[0]


async def _watch(
    address: str, process: int, seats: asyncio.Future[Any], course: Course, every: Callable[[Course], None]
) -> None:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, get_context("spawn")) as aside:  # the visitors keep this process's interpreter busy
        while not seats.done():
            course.health_s.append(await loop.run_in_executor(aside, _health_s, address))
            course.memory_mb.append(memory_mb(process))
            course.most_processes = max(course.most_processes, len(children(process)))
            every(course)
            await asyncio.sleep(1)


def _health_s(address: str) -> float:
    """Seconds until the server's health endpoint answers."""
    start = time.perf_counter()
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=30):
        return time.perf_counter() - start


def memory_mb(process: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError(f"process {process} has ended")


def children(process: int) -> list[str]:
    """The commands of a process's own processes that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == process and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:120])
        except OSError:
            continue
    return found


def soak(
    address: str,
    process: int,
    visitors: int,
    seconds: float,
    pause: float,
    every: Callable[[Course], None] = lambda course: None,
) -> Course:
    """Visitors for so many seconds, each with about `pause` seconds between two edits; then all jobs have to end.

    `every` is called with what was seen so far, once a second.
    """

    async def going_on() -> None:
        end = time.monotonic() + seconds
        seats = asyncio.gather(*[_seat(address, number, end, pause, course) for number in range(visitors)])
        await _watch(address, process, seats, course, every)
        await seats

    course = Course()
    with ThreadPoolExecutor() as pool:  # the event loop of Playwright's tests is in this thread
        pool.submit(asyncio.run, going_on()).result()
    deadline = time.monotonic() + PATIENCE
    while (left := children(process)) and time.monotonic() < deadline:
        time.sleep(0.5)
    course.left = left
    course.files = sorted(name for name in os.listdir(tempfile.gettempdir()) if not name.startswith(KEPT))
    return course


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, int]]:
    """The page's server, whose temporary files lie in a folder of their own: its address and process."""
    script, spare = folder / "server.py", folder / "temporary"
    spare.mkdir()
    script.write_text(SERVER.format(root=str(ROOT), abandoned=ABANDONED, app=str(ROOT / "app.py")))
    before = {name: os.environ.get(name) for name in ("TMPDIR", "CNN_COST_DATA")}, tempfile.tempdir
    os.environ |= {"TMPDIR": str(spare), "CNN_COST_DATA": str(folder / "data")}
    tempfile.tempdir = str(spare)
    try:
        with serving(script) as served:
            yield served
    finally:
        for name, value in before[0].items():
            os.environ.pop(name, None)
            os.environ |= {name: value} if value is not None else {}
        tempfile.tempdir = before[1]
