"""Properties of this machine that explain a run: cache sizes, memory bandwidth, operator launch time.

Measured with every run, because the speed of a shared machine changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from costmodel.timing.stopwatch import Stopwatch

CALLS = 60
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux only
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def facts(watch: Stopwatch, shape: Sequence[int]) -> dict[str, object]:
    """`caches` (level → bytes), `relu_gb_s` on images of `shape`, `start_us` of a convolution of one number."""
    import torch

    relu_us = _fastest_us(watch, torch.nn.ReLU(), shape)
    return {
        "caches": caches(),
        "relu_gb_s": 2 * 4 * prod(shape) / relu_us / 1e3,  # one read and one write per float
        "start_us": _fastest_us(watch, torch.nn.Conv2d(1, 1, 1), (1, 1, 1, 1)),
    }


def caches(where: Path = CACHES) -> dict[str, int]:
    """`{"L1": 32768, "L2": 524288, "L3": …}`, data caches of the first core; empty if unknown."""
    found = {}
    for index in sorted(where.glob("index*")):
        try:
            level, kind, size = (
                (index / name).read_text(encoding="ascii").strip() for name in ("level", "type", "size")
            )
            if kind != "Instruction":
                found[f"L{level}"] = int(size[:-1]) * UNITS[size[-1]]
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return found


def _fastest_us(watch: Stopwatch, module: nn.Module, shape: Sequence[int]) -> float:
    from costmodel.timing.stopwatch import fastest

    call = watch.caller(module, shape)
    watch.warm_up(call)
    return fastest([watch.span(call) for _ in range(CALLS)])
