"""What a validation in plain processes found: errors by family and allocator, as a table, JSON and file.

No timing here: that is `costmodel.calibration.plain`. Start at `PlainValidation`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.calibration.holdout import errors, percent
from costmodel.errors import CostError
from costmodel.latency.prediction import ALLOCATORS
from costmodel.latency.profile import DeviceProfile
from costmodel.timing.drift import slowness_at
from costmodel.written_files import write_together

if TYPE_CHECKING:
    import pandas

FEW_FAULTS = 16
"""Page faults per call up to which a network counts as one that does not fault."""
PLAIN = "plain"
"""Key of these results in a validation file."""
ALL = "all"


@dataclass(frozen=True)
class PlainRow:
    """One network with one allocator setting; milliseconds of a batch and page faults per call."""

    group: str
    family: str
    network: str
    width: float | None
    resolution: int
    allocator: str
    measured_ms: float
    """Median of the processes' medians."""
    fastest_ms: float
    """Median over the processes of the median of each one's fastest third."""
    predicted_ms: float
    low_ms: float | None
    """None, as `high_ms` is, where the network is outside of the calibrated range."""
    high_ms: float | None
    page_faults: float
    predicted_page_faults: float
    turn: int
    """Position of the last reference timing before it in `PlainValidation.speeds`; −1 without references."""

    @property
    def faults_agree(self) -> bool:
        """Whether predicted faults are within 10 % of those counted; for a network without faults, that none are."""
        if self.page_faults <= FEW_FAULTS:
            return self.predicted_page_faults <= FEW_FAULTS
        return abs(self.predicted_page_faults / self.page_faults - 1) <= 0.1


@dataclass(frozen=True)
class PlainValidation:
    """Results of a validation in plain processes."""

    profile: DeviceProfile
    rows: tuple[PlainRow, ...]
    speeds: tuple[float, ...]
    """Time of a reference network, with freed memory kept, over that of the calibration; in the order of timing."""
    processes: int
    seconds: float
    date: str
    interrupted: bool = False

    def errors(self, allocator: str, label: str = "family", corrected: bool = False) -> dict[str, dict[str, float]]:
        """Errors in percent by "family" or "group", and under "all".

        `corrected`: with the machine's speed at that minute divided out, from the reference timings around it.
        """
        rows = [row for row in self.rows if row.allocator == allocator]
        labels = {ALL: rows}
        for row in sorted(rows, key=lambda one: getattr(one, label)):
            labels.setdefault(getattr(row, label), []).append(row)
        return {name: self._errors(found, corrected) for name, found in labels.items() if found}

    def _errors(self, rows: Sequence[PlainRow], corrected: bool) -> dict[str, float]:
        measured = [row.measured_ms / (slowness_at(self.speeds, row.turn) if corrected else 1.0) for row in rows]
        found = errors(measured, [row.predicted_ms for row in rows]).model_dump(exclude={"coverage"})
        found["faults_within_10"] = percent([row.faults_agree for row in rows])
        covered = [
            row.low_ms <= ms <= row.high_ms
            for row, ms in zip(rows, measured)
            if row.low_ms is not None and row.high_ms is not None
        ]
        return found | ({"coverage": percent(covered)} if covered else {})

    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per allocator and family, as measured and with the machine's speed divided out."""
        import pandas

        rows = [
            {"allocator": allocator, "networks of": name, **figures}
            for allocator in ALLOCATORS
            for name, figures in self.errors(allocator).items()
        ]
        rows += [
            {"allocator": allocator, "networks of": "all, speed divided out", **found[ALL]}
            for allocator in ALLOCATORS
            if (found := self.errors(allocator, corrected=True))
        ]
        return pandas.DataFrame(rows)

    def section(self) -> dict[str, object]:
        """The results as the validation file has them under "plain"."""
        return {
            "date": self.date,
            "processes": self.processes,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "page_fault_us": self.profile.page_fault_us,
            "speeds": [round(speed, 4) for speed in self.speeds],
            "allocators": {allocator: self.errors(allocator) for allocator in ALLOCATORS},
            "speed_corrected": {
                allocator: self.errors(allocator, corrected=True).get(ALL, {}) for allocator in ALLOCATORS
            },
            "per_network": [asdict(row) for row in self.rows],
        }

    def as_dict(self) -> dict[str, object]:
        """The report for JSON: the keys of a validation for glibc's default settings, and both under "plain"."""
        return {
            "profile": self.profile.name,
            "networks": len(self.rows) // len(ALLOCATORS),
            "families": self.errors("default"),
            "groups": self.errors("default", "group"),
            "per_network": [asdict(row) for row in self.rows],
            PLAIN: self.section(),
        }

    def __str__(self) -> str:
        ended = "Interrupted; the networks above were timed. " if self.interrupted else ""
        speeds = ", ".join(f"{speed:.3f}" for speed in self.speeds)
        return (
            f"{self.table().to_string(index=False)}\n\n{ended}"
            f"Fresh processes per network: {self.processes}, {self.seconds:g} s each. Time of the reference networks "
            f"relative to the calibration, freed memory kept: {speeds or 'none timed'}."
        )


def save_plain(report: PlainValidation, path: str | os.PathLike) -> None:
    """Write the results into `<profile>.validation.json`, beside those of the other validation if it has any.

    Raises CostError for a file that is no validation.
    """
    file = Path(path).with_suffix(".validation.json")
    found = read_validation(file) | {PLAIN: report.section()}
    write_together({file: json.dumps({"profile": report.profile.name} | found, indent=1) + "\n"})


def read_validation(file: Path) -> dict[str, object]:
    """The contents of a validation file; empty where there is none. Raises CostError for another file."""
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CostError(f"{file} is no validation: {error}; move it away, or name another file") from None
    if not isinstance(found, dict):
        raise CostError(f"{file} is no validation: found a {type(found).__name__}; move it away, or name another file")
    return found
