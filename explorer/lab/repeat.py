"""Agreement of repeated runs of one experiment: whether the intervals of each row overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from explorer.errors import LabError
from explorer.lab.run import Interval, Run


class Repeated(NamedTuple):
    """The ratio of a row to the first row in every run, oldest first."""

    row: str
    intervals: tuple[Interval, ...]

    @property
    def overlap(self) -> bool:
        """Whether all intervals have a common point, which is so exactly if any two overlap."""
        return max(interval.low for interval in self.intervals) <= min(interval.high for interval in self.intervals)


def repeated(runs: Sequence[Run]) -> list[Repeated]:
    """One entry per row but the first, which is 1 in every run. Raises LabError for runs of different rows."""
    rows = runs[0].rows
    if any(run.rows != rows for run in runs):
        raise LabError("runs of different rows cannot be compared")
    ratios = [run.ratio for run in runs]
    return [Repeated(row, tuple(ratio[number] for ratio in ratios)) for number, row in enumerate(rows) if number]


def sentence(rows: Sequence[Repeated]) -> str:
    """`the intervals of 2 of 3 rows overlap; not those of g = 8: 1.74 … 1.80, then 1.85 … 1.91`."""
    apart = [row for row in rows if not row.overlap]
    text = f"the intervals of {len(rows) - len(apart)} of {len(rows)} rows overlap"
    if apart:
        text += "; not those of " + "; ".join(
            f"{row.row}: {', then '.join(f'{i.low:.3f} … {i.high:.3f}' for i in row.intervals)}" for row in apart
        )
    return text
