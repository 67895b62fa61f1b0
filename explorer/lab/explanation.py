"""Quantitative explanation of a row's ratio: multiply-adds, memory access and caches, operator launches, kernels.

Contributions use rates measured with the run (`machine.facts`): extra memory access at the bandwidth of a ReLU, extra
operators at the launch time. The remainder is attributed to kernel efficiency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.data.metrics import percent
from explorer.lab.experiment import Experiment
from explorer.lab.published import ratios
from explorer.lab.run import Run

if TYPE_CHECKING:
    import pandas

FLOAT = 4  # bytes
UNEQUAL = 0.005  # deviation from equal FLOPs from which it is mentioned


def explain_row(experiment: Experiment, run: Run, table: pandas.DataFrame, number: int) -> str:
    """The explanation of one row as text. `table`: the comparison with counts and measurement."""
    row, first = table.iloc[number], table.iloc[0]
    parts = []
    if number:
        batch = experiment.settings.batch
        off = row["mult_adds"] / first["mult_adds"] - 1
        memory, starts = _memory_share(row, first, batch, run), _launch_share(row, first, run)
        parts += [*_work(row, off), _memory(row, first, batch, run, memory), *_launches(row, first, run, starts)]
        if memory is not None and starts is not None:
            parts += _rest(row, off, memory + starts)
        if _tied(experiment, row["row"]):
            parts.append("The paper's printed digits show no difference; its claim does")
    here, there = (_rate(r, experiment) for r in (row, first))
    parts.append(f"In all {here:.3g} instead of {there:.3g} G mult-adds/s" if number else f"{here:.3g} G mult-adds/s")
    if run.kernels and run.kernels[number]:
        parts.append(f"Ran: {'; '.join(run.kernels[number])}")
    return ". ".join(parts)


def _work(row: pandas.Series, off: float) -> list[str]:
    if abs(off) < UNEQUAL:
        return []
    each = row["measured"] / (1 + off)
    return [
        f"Its channels {row['channels']} do {percent(abs(off), 1)} {'more' if off > 0 else 'fewer'} mult-adds: per "
        f"mult-add it takes {each:.2f}× (the exact channels have no such difference)"
    ]


def _memory_share(row: pandas.Series, first: pandas.Series, batch: int, run: Run) -> float | None:
    """Time of the extra memory access relative to the first row's time; None if the bandwidth is unknown."""
    speed = run.environment.get("relu_gb_s")
    more = FLOAT * batch * int(row["mem_access"] - first["mem_access"])
    return more / (float(str(speed)) * 1e6) / first["time_ms"] if speed else None


def _memory(row: pandas.Series, first: pandas.Series, batch: int, run: Run, share: float | None) -> str:
    """Memory access relative to the first row, the cache level, and its share of the first row's time."""
    here, there = (FLOAT * batch * int(r["largest_access"]) for r in (row, first))
    text = f"{row['mem_access'] / first['mem_access']:.2f}× the memory access"
    if here != there:
        text += f", {_size(here)} instead of {_size(there)} in its largest operator"
    levels = [_level(size, run) for size in (here, there)]
    if levels[0]:
        text += f" ({levels[0]})" if levels[0] == levels[1] else f" ({levels[0]}; the first row {levels[1]})"
    if share is not None:
        text += f": about {_percent(share)} at the {float(str(run.environment['relu_gb_s'])):.0f} GB/s of a ReLU"
    return text


def _launch_share(row: pandas.Series, first: pandas.Series, run: Run) -> float | None:
    start = run.environment.get("start_us")
    more = int(row["kernels"] - first["kernels"])
    return more * float(str(start)) / 1e3 / first["time_ms"] if start else None


def _launches(row: pandas.Series, first: pandas.Series, run: Run, share: float | None) -> list[str]:
    if row["kernels"] == first["kernels"]:
        return []
    text = f"{row['kernels']:,} operators instead of {first['kernels']:,}"
    if share is not None:
        text += f": about {_percent(share)} at {float(str(run.environment['start_us'])):.0f} µs per launch"
    return [text]


def _rest(row: pandas.Series, off: float, explained: float) -> list[str]:
    """The part of the measured change beyond multiply-adds, memory access and launches, with its significance."""
    left = row["measured"] - (1 + off) - explained
    if abs(left) <= (row["high"] - row["low"]) / 2:
        return ["Within the uncertainty of this run, that is the measured change"]
    if left * explained < 0:
        return [f"Of that {_percent(-left)} overlaps with arithmetic"]
    return [f"The remaining {_percent(left)} is kernel efficiency on this processor"]


def _percent(share: float) -> str:
    """A change relative to the first row's time: `+4.1 %`."""
    return percent(share, 1, "+") if abs(share) < 0.1 else percent(share, 0, "+")


def _level(size: int, run: Run) -> str:
    """The smallest cache that fits `size` bytes; empty if the caches are unknown."""
    caches = run.environment.get("caches")
    if not isinstance(caches, dict) or not caches:
        return ""
    ordered = sorted(caches.items(), key=lambda item: item[1])
    name, bytes_ = next((item for item in ordered if size <= item[1]), ordered[-1])
    return f"{'fits' if size <= bytes_ else 'more than'} the {_size(bytes_)} {name} cache"


def _size(size: int) -> str:
    """Bytes in binary units, as cache sizes are given."""
    return f"{size / (1 << 20):.3g} MB" if size >= 1 << 20 else f"{size / (1 << 10):.0f} kB"


def _rate(row: pandas.Series, experiment: Experiment) -> float:
    """G multiply-adds per second."""
    return row["mult_adds"] * experiment.settings.batch / row["time_ms"] / 1e6


def _tied(experiment: Experiment, row: str) -> bool:
    paper = ratios(experiment.guideline, experiment.platform, experiment.scale).get(row)
    return paper is not None and paper.low <= 1 <= paper.high
