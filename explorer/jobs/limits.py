"""Bounds on a job: its memory and time estimated before it starts, and the address space of its process.

Start at `check_validation` (server) and `limit_memory` (worker).
"""

from __future__ import annotations

import os
from pathlib import Path

from archs import build
from archs.caching import cached
from archs.catalogue.registry import FAMILIES
from costmodel import CostError, DeviceProfile, count, load_profile
from costmodel.latency.predictor import predict
from costmodel.latency.profile import DEFAULT

FLOAT = 4  # bytes
COPIES = 3  # of the largest activations: inputs in two layouts, and what the kernels need
MAX_MEMORY = 2_000_000_000  # bytes of activations
MAX_ADDRESS_SPACE = 6_000_000_000  # bytes beyond what the process has mapped once PyTorch is loaded
MAX_SECONDS = 3600.0


def validation_memory(batch: int) -> int:
    """Bytes of activations that the validation of a profile with this batch size needs at its largest network."""
    return COPIES * FLOAT * batch * _largest_activations()


def validation_seconds(profile: DeviceProfile, usual: float) -> float:
    """The duration of a validation, from the `usual` one and the profile's predictions relative to the default's."""
    return usual * max(1.0, _total_ms(profile) / _default_ms())


def check_validation(profile: DeviceProfile, usual: float) -> float:
    """The estimated duration in seconds. Raises CostError for a validation that needs too much memory or time."""
    threads, cores = profile.regime.threads, os.cpu_count() or 1
    if threads > cores:
        raise CostError(f"the profile has {threads} threads; this machine has {cores}, and would not be comparable")
    memory, batch = validation_memory(profile.regime.batch), profile.regime.batch
    if memory > MAX_MEMORY:
        raise CostError(
            f"a validation with batch {batch} needs about {memory / 1e9:.1f} GB; allowed: {MAX_MEMORY / 1e9:.0f} GB, "
            f"batch {MAX_MEMORY // validation_memory(1)}; validate it on a machine of your own"
        )
    seconds = validation_seconds(profile, usual)
    if seconds > MAX_SECONDS:
        raise CostError(
            f"the validation would take about {seconds / 3600:,.1f} hours; allowed: {MAX_SECONDS / 3600:.0f} hour; "
            "validate it on a machine of your own"
        )
    return seconds


@cached(1, "constants of the catalogue")
def _largest_activations() -> int:
    return max(count(build(family.spec())).peak_activation for family in FAMILIES.values())


def _total_ms(profile: DeviceProfile) -> float:
    return sum(predict(profile.regime.graph(family.spec()), profile).latency_ms for family in FAMILIES.values())


@cached(1, "a constant of the default profile")
def _default_ms() -> float:
    return _total_ms(load_profile(DEFAULT))


def limit_memory(device: str = "cpu", memory: int = MAX_ADDRESS_SPACE, uses_torch: bool = True) -> None:
    """Bound the address space of this process beyond what PyTorch maps. GPU drivers reserve too much to bound it."""
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
