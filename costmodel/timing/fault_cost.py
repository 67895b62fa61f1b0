"""The cost of a page fault on this machine: memory that a process gets from the system, writes and gives back.

The network-level cost is that of the fault and of zeroing, mapping and releasing the page. Start at `page_fault_us`.
"""

from __future__ import annotations

import mmap
import sys
import time

import numpy as np

from costmodel.timing.plain_child import GLIBC, allocator_library

SIZE = 32 << 20  # bytes of one try
TRIES = 9


def page_fault_us(tries: int = TRIES) -> float | None:
    """Microseconds per page fault, the smallest of `tries`; None on a system that counts no faults.

    None also with another allocator than glibc's, whose faults `costmodel.latency.page_faults` does not predict.

    The time to write fresh memory and to release it, less that of writing it again.
    """
    if not sys.platform.startswith("linux") or allocator_library() != GLIBC:
        return None
    import resource

    found = []
    for _ in range(tries):
        memory = mmap.mmap(-1, SIZE)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        view = np.frombuffer(memory, np.uint8)
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        view.fill(1)
        first, faults = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        view.fill(2)
        again = time.perf_counter()
        del view
        released = time.perf_counter()
        memory.close()
        closed = time.perf_counter()
        if faults:
            found.append(((first - start) - (again - first) + (closed - released)) / faults * 1e6)
    return round(min(found), 3) if found and min(found) > 0 else None
