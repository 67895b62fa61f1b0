"""The paper's own figures: all 102 cells of ShuffleNetV2's Tables 1 to 4, read from `guideline_experiments.csv`.

Speeds are stored as printed: their last digit bounds the rounding error of a ratio.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from archs.caching import cached

PATH = Path(__file__).with_name("guideline_experiments.csv")


@dataclass(frozen=True)
class Printed:
    """One cell: batches or images per second, on a device."""

    row: str
    speed: str
    unit: str
    device: str
    source: str

    @property
    def unit_text(self) -> str:
        """`batches/s`."""
        return self.unit.replace("_per_", "/")

    @property
    def range(self) -> tuple[float, float]:
        """The speeds that round to what is printed."""
        figure = Decimal(self.speed)
        half = Decimal(1).scaleb(int(figure.as_tuple().exponent)) / 2
        return float(figure - half), float(figure + half)


class Ratio(NamedTuple):
    """A time ratio with its interval."""

    middle: float
    low: float
    high: float


@cached(None, "read from a file")
def _table() -> dict[tuple[int, str, int], tuple[Printed, ...]]:
    found: dict[tuple[int, str, int], list[Printed]] = {}
    with PATH.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            cell = Printed(line["row"], line["speed"], line["unit"], line["device"], line["source"])
            key = int(line["guideline"]), line["platform"], int(line["scale"])
            found.setdefault(key, []).append(cell)
    return {key: tuple(rows) for key, rows in found.items()}


def printed(guideline: int, platform: str, scale: int) -> tuple[Printed, ...]:
    """The cells of one column in the paper's order; none for a custom design.

    >>> [cell.speed for cell in printed(1, "ARM", 1)]
    ['76.2', '72.9', '69.1', '57.6']
    """
    return _table().get((guideline, platform, scale), ())


def ratios(guideline: int, platform: str, scale: int) -> dict[str, Ratio]:
    """Row → time relative to the first row, with the rounding interval."""
    rows = printed(guideline, platform, scale)
    found = {}
    for cell in rows:
        (base_low, base_high), (low, high) = rows[0].range, cell.range
        middle = float(rows[0].speed) / float(cell.speed)
        found[cell.row] = Ratio(1.0, 1.0, 1.0) if cell is rows[0] else Ratio(middle, base_low / high, base_high / low)
    return found
