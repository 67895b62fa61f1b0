"""Why a row takes longer or shorter than the first, in numbers: work, memory against the caches, starts, kernels.

What each is worth is formed with rates of this machine that were measured beside the run (`machine.facts`): the extra
memory at the speed of a ReLU, the extra operators at what starting one takes. Both are upper bounds, since arithmetic
hides part of them.
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
    rate = _rate(row, experiment)
    if number == 0:
        parts = [f"{rate:.3g} G mult-adds/s"]
    else:
        parts = [
            *_work(row, first),
            _memory(row, first, experiment, run),
            *_starts(row, first, run),
            f"In all {rate:.3g} instead of {_rate(first, experiment):.3g} G mult-adds/s",
        ]
        if _tied(experiment, row["row"]):
            parts.append("The paper's printed digits show no difference here; its claim does")
    if run.kernels and run.kernels[number]:
        parts.append(f"Ran: {'; '.join(run.kernels[number])}")
    return ". ".join(parts)


def _work(row: pandas.Series, first: pandas.Series) -> list[str]:
    off = row["mult_adds"] / first["mult_adds"] - 1
    if abs(off) < UNEQUAL:
        return []
    each = row["measured"] / (1 + off)
    return [
        f"Its channels {row['channels']} do {abs(off):.1%} {'more' if off > 0 else 'fewer'} mult-adds: per mult-add it "
        f"takes {each:.2f}× (the exact channels have no such difference)"
    ]


def _memory(row: pandas.Series, first: pandas.Series, experiment: Experiment, run: Run) -> str:
    """How much more it moves, out of which cache, and what that is worth of the first row's time."""
    batch = experiment.settings.batch
    here, there = (FLOAT * batch * int(r["largest_access"]) for r in (row, first))
    said = f"{row['mem_access'] / first['mem_access']:.2f}× the memory access"
    if here != there:
        said += f", {_size(here)} instead of {_size(there)} in its largest operator"
    levels = [_level(size, run) for size in (here, there)]
    if levels[0]:
        said += f" ({levels[0]})" if levels[0] == levels[1] else f" ({levels[0]}, instead of {levels[1]})"
    speed = run.environment.get("relu_gb_s")
    if speed:
        more = FLOAT * batch * int(row["mem_access"] - first["mem_access"])
        worth = more / (float(str(speed)) * 1e6) / first["time_ms"]
        said += f": worth {_at_most(worth)} at the {float(str(speed)):.0f} GB/s of a ReLU here"
    return said


def _starts(row: pandas.Series, first: pandas.Series, run: Run) -> list[str]:
    more = int(row["kernels"] - first["kernels"])
    if not more:
        return []
    said = f"{row['kernels']:,} operators instead of {first['kernels']:,}"
    start = run.environment.get("start_us")
    if start:
        worth = more * float(str(start)) / 1e3 / first["time_ms"]
        said += f": worth {_at_most(worth)} at {float(str(start)):.0f} µs to start one"
    return [said]


def _at_most(share: float) -> str:
    """A bound on a change of the first row's time: `up to +4 %`."""
    return f"up to {share:+.1%}" if abs(share) < 0.1 else f"up to {share:+.0%}"


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
