"""Why a row takes longer or shorter than the first, in numbers: work, memory against the caches, starts, kernels.

What each is worth is formed with rates of this machine that were measured beside the run (`machine.facts`): the extra
memory at the speed of a ReLU, the extra operators at what starting one takes. What they leave over is the kernels' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.lab.experiment import Experiment
from explorer.lab.published import ratios
from explorer.lab.run import Run

if TYPE_CHECKING:
    import pandas

FLOAT = 4  # bytes
UNEQUAL = 0.005  # how far from equal FLOPs a row is before that is a reason


def why(experiment: Experiment, run: Run, table: pandas.DataFrame, number: int) -> str:
    """The reasons of one row, as sentences in the order in which they explain. `table`: its counts, its measurement."""
    row, first = table.iloc[number], table.iloc[0]
    parts = []
    if number:
        batch = experiment.settings.batch
        off = row["mult_adds"] / first["mult_adds"] - 1
        memory, starts = _memory_worth(row, first, batch, run), _starts_worth(row, first, run)
        parts += [*_work(row, off), _memory(row, first, batch, run, memory), *_starts(row, first, run, starts)]
        if memory is not None and starts is not None:
            parts += _rest(row, off, memory + starts)
        if _tied(experiment, row["row"]):
            parts.append("The paper's printed digits show no difference here; its claim does")
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
        f"Its channels {row['channels']} do {abs(off):.1%} {'more' if off > 0 else 'fewer'} mult-adds: per mult-add it "
        f"takes {each:.2f}× (the exact channels have no such difference)"
    ]


def _memory_worth(row: pandas.Series, first: pandas.Series, batch: int, run: Run) -> float | None:
    """Share of the first row's time that the extra memory access takes; None where the machine's speed is not known."""
    speed = run.environment.get("relu_gb_s")
    more = FLOAT * batch * int(row["mem_access"] - first["mem_access"])
    return more / (float(str(speed)) * 1e6) / first["time_ms"] if speed else None


def _memory(row: pandas.Series, first: pandas.Series, batch: int, run: Run, worth: float | None) -> str:
    """How much more it moves, out of which cache, and what that is worth of the first row's time."""
    here, there = (FLOAT * batch * int(r["largest_access"]) for r in (row, first))
    said = f"{row['mem_access'] / first['mem_access']:.2f}× the memory access"
    if here != there:
        said += f", {_size(here)} instead of {_size(there)} in its largest operator"
    levels = [_level(size, run) for size in (here, there)]
    if levels[0]:
        said += f" ({levels[0]})" if levels[0] == levels[1] else f" ({levels[0]}; the first row {levels[1]})"
    if worth is not None:
        said += f": worth {_share(worth)} at the {float(str(run.environment['relu_gb_s'])):.0f} GB/s of a ReLU here"
    return said


def _starts_worth(row: pandas.Series, first: pandas.Series, run: Run) -> float | None:
    start = run.environment.get("start_us")
    more = int(row["kernels"] - first["kernels"])
    return more * float(str(start)) / 1e3 / first["time_ms"] if start else None


def _starts(row: pandas.Series, first: pandas.Series, run: Run, worth: float | None) -> list[str]:
    if row["kernels"] == first["kernels"]:
        return []
    said = f"{row['kernels']:,} operators instead of {first['kernels']:,}"
    if worth is not None:
        said += f": worth {_share(worth)} at {float(str(run.environment['start_us'])):.0f} µs to start one"
    return [said]


def _rest(row: pandas.Series, off: float, worth: float) -> list[str]:
    """What work, memory and starts leave over of the measured change, where the run tells it from nothing."""
    left = row["measured"] - (1 + off) - worth
    if abs(left) <= (row["high"] - row["low"]) / 2:
        return ["That is what was measured, as far as this run tells apart"]
    if left * worth < 0:
        return [f"Of that {_share(-left)} is hidden behind the arithmetic"]
    return [f"The other {_share(left)} is how well its kernels use this processor"]


def _share(share: float) -> str:
    """A change of the first row's time: `+4.1 %`."""
    return f"{share:+.1%}" if abs(share) < 0.1 else f"{share:+.0%}"


def _level(size: int, run: Run) -> str:
    """The smallest cache that holds it, or that none does; nothing where the caches are not known."""
    caches = run.environment.get("caches")
    if not isinstance(caches, dict) or not caches:
        return ""
    ordered = sorted(caches.items(), key=lambda item: item[1])
    name, bytes_ = next((item for item in ordered if size <= item[1]), ordered[-1])
    return f"{'fits' if size <= bytes_ else 'more than'} the {_size(bytes_)} {name} cache"


def _size(size: int) -> str:
    """Bytes as a reader of cache sizes has them."""
    return f"{size / (1 << 20):.3g} MB" if size >= 1 << 20 else f"{size / (1 << 10):.0f} kB"


def _rate(row: pandas.Series, experiment: Experiment) -> float:
    """G multiply-adds per second."""
    return row["mult_adds"] * experiment.settings.batch / row["time_ms"] / 1e6


def _tied(experiment: Experiment, row: str) -> bool:
    paper = ratios(experiment.guideline, experiment.platform, experiment.scale).get(row)
    return paper is not None and paper.low <= 1 <= paper.high
