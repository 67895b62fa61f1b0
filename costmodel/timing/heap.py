"""The allocator of this process: which one serves it, and glibc told to keep freed memory."""

from __future__ import annotations

import ctypes

from archs.caching import cached
from costmodel.timing.plain_child import GLIBC, allocator_library


def allocator_setting() -> str:
    """What a profile says of the process that it was timed in."""
    library = allocator_library()
    if library != GLIBC:
        return library
    return "freed memory kept" if keep_heap() else "as the system has it"


@cached(1, "once per process is enough")
def keep_heap() -> bool:
    """Tell glibc to keep freed memory in the process; False where the C library is another.

    For the rest of the process: what was trimmed before would have to be page-faulted in again.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    mmap_threshold, trim_threshold = -3, -1  # malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
    return bool(mallopt(mmap_threshold, 1 << 30) and mallopt(trim_threshold, (1 << 31) - 1))
