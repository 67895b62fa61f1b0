"""Times and page faults of a network in fresh plain processes, as a user measures them.

No stopwatch of ours: torch.utils.benchmark in a process that has only torch and the network. Start at `measure_plain`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from costmodel.errors import CostError
from costmodel.timing.plain_child import GLIBC

CHILD = Path(__file__).with_name("plain_child.py")
RETAIN = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
"""Environment with which glibc keeps freed memory in the process."""
RETAIN_TEXT = " ".join(f"{name}={value}" for name, value in RETAIN.items())
"""The same as it is typed before a command."""
LOADING = 4  # processes that load torch at the same time; none of them is timed before all are ready
TIME_LIMIT = 600.0  # seconds of one process, to load and to time


@dataclass(frozen=True)
class PlainTiming:
    """One network in fresh processes with one allocator setting."""

    allocator: str
    """"default" or "retain"."""
    processes_ms: tuple[float, ...]
    """The median call of each process."""
    fastest_ms: tuple[float, ...]
    """The median of each process's fastest third of calls."""
    page_faults: float
    """Per call, the median over all calls that were counted."""
    library: str = GLIBC
    """The allocator's library. `allocator` is a setting of glibc's, and has no effect on another."""

    @property
    def median_ms(self) -> float:
        """The median of the processes' medians."""
        return statistics.median(self.processes_ms)


def measure_plain(
    source: str | None,
    target: str | None,
    shape: Sequence[int],
    threads: int = 1,
    allocator: str = "default",
    processes: int = 1,
    seconds: float = 2.0,
) -> PlainTiming:
    """Time a network in fresh processes.

    Args:
        source: text of a Python file whose last module class is the network, as `archs.to_source` writes it; or None.
        target: "package.module:function" that returns the network, where there is no `source`.
        shape: of the input, with the batch.
        threads: of PyTorch.
        allocator: "default" for glibc's settings, "retain" to keep freed memory.
        processes: how many, one after the other.
        seconds: timing in each.

    Raises CostError where a process fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in RETAIN}
    environment |= {"OMP_NUM_THREADS": str(threads)} | (RETAIN if allocator == "retain" else {})
    with tempfile.TemporaryDirectory() as folder:
        wanted: dict[str, object] = {"shape": list(shape), "threads": threads, "seconds": seconds}
        if source is not None:
            file = Path(folder) / "network.py"
            file.write_text(source, encoding="utf-8")
            wanted["file"] = str(file)
        else:
            wanted["target"] = target
        found = [one for count in _batches(processes) for one in _run(wanted, environment, count, folder)]
    faults = [count for one in found for count in one["faults"]]
    return PlainTiming(
        allocator,
        tuple([one["median_ms"] for one in found]),
        tuple([_fastest(one["times_ms"]) for one in found]),
        statistics.median(faults),
        found[0]["library"],
    )


def _fastest(times_ms: Sequence[float]) -> float:
    return statistics.median(sorted(times_ms)[: -(-len(times_ms) // 3)])


def _batches(processes: int) -> list[int]:
    """Sizes of the groups of processes that load at the same time.

    >>> _batches(5), _batches(1)
    ([4, 1], [1])
    """
    full, rest = divmod(processes, LOADING)
    return [LOADING] * full + [rest] * (rest > 0)


def _run(wanted: dict[str, object], environment: dict[str, str], count: int, folder: str) -> list[dict]:
    """Results of `count` processes, which load torch and the network together and are timed one after the other."""
    command = [sys.executable, str(CHILD), json.dumps(wanted | {"wait": True})]
    with ExitStack() as stack:
        children = []
        for number in range(count):
            errors = stack.enter_context(open(Path(folder) / f"errors{number}", "w+", encoding="utf-8"))
            child = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            children.append((child, errors))
        for child, errors in children:
            _line(child, errors)
        return [json.loads(_line(child, errors, "go")) for child, errors in children]


def _line(child: subprocess.Popen, errors: TextIO, word: str | None = None) -> str:
    """The next line of a process, after `word` is written to it."""
    expired = threading.Event()

    def end() -> None:
        expired.set()
        child.kill()

    limit = threading.Timer(TIME_LIMIT, end)
    limit.start()
    assert child.stdout  # a pipe
    try:
        if word:
            print(word, file=child.stdin, flush=True)
        line = child.stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        limit.cancel()
    if expired.is_set():
        raise CostError(f"the network took over {TIME_LIMIT:.0f} s in a process of its own; nothing was timed")
    if not line:
        status = child.wait()
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [f"exit status {status}"])[-1]
        raise CostError(f"the network failed in a process of its own: {last[:300]}")
    return line
