"""The effect of kernels, squeeze-and-excite and activations on accuracy, from the ablations that papers print.

`ablations.csv` has pairs of networks that differ in one column in all blocks. Multiply-adds are compared in the plain
form, with 3×3 kernels and without SE, since a 7×7 kernel adds multiply-adds and much less accuracy than width does.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import NamedTuple

from archs import Spec
from archs.caching import cached
from archs.tables.rows import Bottleneck, Fragments, InvertedResidual, Row, Separable, ShuffleV1, ShuffleV2
from costmodel import count

PATH = Path(__file__).with_name("ablations.csv")
BLOCKS = (Separable, InvertedResidual, ShuffleV1, ShuffleV2, Bottleneck, Fragments)
PLAIN_KERNEL, LARGEST_KERNEL = 3, 5  # the kernels of the ablations; a larger one counts as the largest
ACTIVATIONS = ("activation", "dw_activation", "out_activation")
SWISHES = ("swish", "hard_swish")


class Levels(NamedTuple):
    """The shares of a network's blocks with kernels of 5 (4 is half of it), with SE, and with a swish."""

    kernel: float
    se: float
    activation: float


def levels(spec: Spec) -> Levels:
    """The levels of a spec, each from 0 to 1; 0 for a network without blocks."""
    blocks = [row for row in spec.rows if isinstance(row, BLOCKS)]
    number = sum(row.repeat for row in blocks) or 1
    return Levels(
        sum(row.repeat * _kernel(row) for row in blocks) / number,
        sum(row.repeat for row in blocks if getattr(row, "se", 0.0) > 0) / number,
        sum(row.repeat for row in blocks if any(getattr(row, c, None) in SWISHES for c in ACTIVATIONS)) / number,
    )


def _kernel(row: Row) -> float:
    kernel = min(max(getattr(row, "kernel", PLAIN_KERNEL), PLAIN_KERNEL), LARGEST_KERNEL)
    return (kernel - PLAIN_KERNEL) / (LARGEST_KERNEL - PLAIN_KERNEL)


@cached(None, "read from a file")
def effects() -> Levels:
    """The change of the logarithm of the top-1 error where all blocks take the column: the mean of the ablations."""
    with PATH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for column in Levels._fields:
        pairs = [(float(r["before_top1_pct"]), float(r["after_top1_pct"])) for r in rows if r["column"] == column]
        found[column] = sum(log((100 - after) / (100 - before)) for before, after in pairs) / len(pairs)
    return Levels(**found)


def log_error_change(spec: Levels, reference: Levels) -> float:
    """The change of the logarithm of the top-1 error from a reference's levels to a network's."""
    return sum(effect * (one - other) for effect, one, other in zip(effects(), spec, reference))


@cached(128, "an estimate needs the plain form of a network and of its original")
def plain_share(spec: Spec) -> float:
    """The multiply-adds of the plain form over those of the spec. Raises ArchError where the spec does not build."""
    rows = tuple(row.model_copy(update=_plain(row)) if isinstance(row, BLOCKS) else row for row in spec.rows)
    if rows == spec.rows:
        return 1.0
    return count(spec.edit(rows=rows)).total.mult_adds / count(spec).total.mult_adds


def _plain(row: Row) -> dict[str, object]:
    columns = type(row).model_fields
    changed: dict[str, object] = {"se": 0.0} if "se" in columns else {}
    return changed | ({"kernel": PLAIN_KERNEL} if getattr(row, "kernel", 1) > 1 else {})


def is_covered(column: str, values: Iterable[object]) -> bool:
    """Whether the ablations cover a column at these values: SE, activations, and kernels of 3 to 5."""
    if column == "kernel":
        return all(isinstance(k, int) and PLAIN_KERNEL <= k <= LARGEST_KERNEL for k in values)
    return column in ("se", "se_of", "gate", *ACTIVATIONS)
