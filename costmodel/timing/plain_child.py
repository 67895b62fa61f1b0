"""The program of a plain process: load one module, time it with torch.utils.benchmark, count its page faults.

Run as a file by `costmodel.timing.plain_process`; it imports torch and the network, and nothing of this package.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import platform
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

try:
    import resource
except ImportError:  # Windows counts no page faults of a process
    resource = None  # type: ignore[assignment]

WARM_UP = 10
READY = "ready"
GLIBC = "glibc"
PRELOADED = ("jemalloc", "tcmalloc", "mimalloc")
"""Allocators that replace glibc's where a process starts with their library in LD_PRELOAD."""


def main(answers: TextIO) -> None:
    """Read {"file" or "target", "shape", "threads", "seconds"} from the first argument; write the result as JSON.

    With "wait" among them, write READY when all is loaded, and time after a line on the standard input.
    """
    import torch
    from torch.utils.benchmark import Timer

    wanted = json.loads(sys.argv[1])
    module = _module(wanted, torch.nn.Module).eval()
    torch.set_num_threads(wanted["threads"])
    x = torch.randn(*wanted["shape"])
    if wanted.get("wait"):
        print(READY, file=answers, flush=True)
        sys.stdin.readline()
    names = {"module": module, "x": x}
    timer = Timer("module(x)", globals=names, num_threads=wanted["threads"])
    with torch.inference_mode():
        timer.timeit(WARM_UP)
        times = timer.blocked_autorange(min_run_time=wanted["seconds"])
        faults = []
        for _ in range(WARM_UP):
            before = _page_faults()
            module(x)
            faults.append(_page_faults() - before)
    found = {"library": allocator_library(), "median_ms": times.median * 1e3, "faults": faults}
    print(json.dumps(found | {"times_ms": [t * 1e3 for t in times.times]}), file=answers, flush=True)


def allocator_library() -> str:
    """The library that serves malloc in this process: "glibc", one that was preloaded, or "of" the system.

    >>> allocator_library() in (GLIBC, *PRELOADED) or allocator_library().startswith("that of")
    True
    """
    try:
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        loaded = ""
    for name in PRELOADED:
        if f"/lib{name}" in loaded:
            return name
    return GLIBC if platform.libc_ver()[0] == "glibc" else f"that of {platform.system()}"


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt if resource else 0


def _module(wanted, base):
    if "target" in wanted:
        sys.path.insert(0, "")
        name, _, attribute = wanted["target"].partition(":")
        found = importlib.import_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found if isinstance(found, base) else found()
    spec = importlib.util.spec_from_file_location("exported", wanted["file"])
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    classes = [value for value in vars(exported).values() if isinstance(value, type) and issubclass(value, base)]
    return [value for value in classes if value.__module__ == "exported"][-1]()


if __name__ == "__main__":
    stdout = sys.stdout
    with redirect_stdout(sys.stderr):  # what the network prints is no answer
        main(stdout)
