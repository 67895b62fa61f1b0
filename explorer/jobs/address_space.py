"""The bound on the address space of a worker, and what an allocator says at it.

What a job needs is estimated before it starts in `limits`. Start at `limit_memory`.
"""

from __future__ import annotations

import os
from pathlib import Path

MAX_ADDRESS_SPACE = 6_000_000_000  # bytes beyond what the process has mapped once PyTorch is loaded


def limit_memory(device: str = "cpu", memory: int = MAX_ADDRESS_SPACE, uses_torch: bool = True) -> None:
    """Bound the address space of this process to `memory` bytes beyond what PyTorch maps.

    On Linux alone. GPU drivers reserve too much to bound it on another device.
    """
    try:
        import resource
    except ImportError:  # not on this platform
        return
    if uses_torch:
        import torch  # noqa: F401 maps its libraries
    if device != "cpu":
        return
    try:
        mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # Linux only
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = mapped + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception is of Python's or PyTorch's allocator."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "alloc" in str(error).lower())
