"""The comparison: the paper's columns, a prediction and a measurement side by side, and what each row says.

All are times over the first row's, so that a phone of 2018, a GPU and this machine fit into one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from explorer.lab.experiment import PLATFORMS, Experiment
from explorer.lab.explanation import why
from explorer.lab.published import Ratio, ratios
from explorer.lab.run import Interval, Run

if TYPE_CHECKING:
    import pandas

AGREES, DIFFERS, CLOSE, NOISY, BASE, NOTHING = (
    "agrees",
    "differs here",
    "too close to call",
    "too noisy to tell",
    "first row",
    "not measured",
)
TOO_NOISY = 0.15  # half an interval, as a share
CLAIM = {1: 1, 2: 1, 3: 1, 4: -1}
"""What the guideline says of the other rows: +1 slower than the first, -1 faster (G4 takes work away)."""


class Predicted(NamedTuple):
    """What a profile says of a row: milliseconds, and what they wait for: "memory 71 %, compute 29 %"."""

    time_ms: float
    bound: str


def direction(low: float, high: float) -> int:
    """+1 where all of an interval of time ratios is over 1, -1 where all is under it, 0 where it holds 1."""
    return 1 if low > 1 else -1 if high < 1 else 0


def expected(guideline: int, paper: Ratio | None) -> int:
    """The direction to find: that of the paper's figures, of its claim where their last digit does not tell, or 0."""
    found = direction(paper.low, paper.high) if paper else 0
    return found or CLAIM.get(guideline, 0)


def verdict(guideline: int, paper: Ratio | None, measured: Interval) -> str:
    """What a measured ratio says of the paper's direction; without a direction to find, which is faster."""
    if measured.half_width > TOO_NOISY:
        return NOISY
    here = direction(measured.low, measured.high)
    if not here:
        return CLOSE
    wanted = expected(guideline, paper)
    if not wanted:
        return "slower" if here > 0 else "faster"
    return AGREES if here == wanted else DIFFERS


def compare(
    experiment: Experiment, run: Run | None = None, predicted: Mapping[str, Predicted] | None = None
) -> pandas.DataFrame:
    """One row per variant: its counts, `paper_GPU`, `paper_ARM`, `predicted` and `measured` with `low` and `high`.

    All but the counts, `time_ms` and `predicted_ms` are times over the first row's; what is not known is NaN. `verdict`
    goes by the platform whose channels the experiment has; `why` says what the counts, this machine's rates, the
    kernels and the profile have to do with it.
    """
    table = experiment.table.copy()
    papers = {platform: ratios(experiment.guideline, platform, experiment.scale) for platform in PLATFORMS}
    rows = list(table["row"])
    for platform in PLATFORMS:
        table[f"paper_{platform}"] = [
            papers[platform][row].middle if papers[platform] else float("nan") for row in rows
        ]
    said = [predicted[row].time_ms if predicted else float("nan") for row in rows]
    table["predicted"], table["predicted_ms"] = [time_ms / said[0] for time_ms in said], said
    unknown = Interval(float("nan"), float("nan"), float("nan"))
    times, measured = (run.time_ms, run.ratio) if run else ([unknown] * len(rows),) * 2
    table["time_ms"] = [time.middle for time in times]
    table["measured"] = [ratio.middle for ratio in measured]
    table["low"] = [ratio.low for ratio in measured]
    table["high"] = [ratio.high for ratio in measured]
    verdicts, reasons = [NOTHING] * len(rows), [""] * len(rows)
    if run:
        verdicts[0] = BASE
        paper = papers[experiment.platform]
        for number, row in enumerate(rows[1:], 1):
            verdicts[number] = verdict(experiment.guideline, paper.get(row), run.ratio[number])
        reasons = [why(experiment, run, table, number) for number in range(len(rows))]
        if predicted:
            reasons = [
                f"{said}. Its predicted time goes into: {predicted[row].bound}" for row, said in zip(rows, reasons)
            ]
    table["verdict"], table["why"] = verdicts, reasons
    return table


def pairs_right(order: Sequence[str], spans: Mapping[str, tuple[float, float]]) -> tuple[int, int]:
    """(pairs of rows that a prediction orders as the times do, pairs that the times tell apart at all).

    A span holds a row's time; where two of them meet there is no order to predict.

    >>> pairs_right(["a", "b", "c"], {"a": (1.0, 1.0), "b": (2.5, 3.5), "c": (2.0, 2.4)})
    (2, 3)
    >>> pairs_right(["a", "b", "c"], {"a": (1.0, 1.0), "b": (2.3, 3.5), "c": (2.0, 2.4)})
    (2, 2)
    """
    pairs = [(spans[a], spans[b]) for a, b in combinations(order, 2)]
    right, wrong = sum(a[1] < b[0] for a, b in pairs), sum(b[1] < a[0] for a, b in pairs)
    return right, right + wrong


def found(table: pandas.DataFrame) -> tuple[int, int]:
    """(rows that agree with the paper's direction, rows compared) of a comparison."""
    verdicts = list(table["verdict"])
    return verdicts.count(AGREES), len(verdicts) - 1


def others(table: pandas.DataFrame) -> dict[str, list[str]]:
    """Verdict → the rows that have it, of those that do not agree: `{"too close to call": ["c1:c2 = 1:2"]}`."""
    rows: dict[str, list[str]] = {}
    for row, word in zip(table["row"], table["verdict"]):
        if word in (DIFFERS, CLOSE, NOISY):
            rows.setdefault(word, []).append(row)
    return rows


def counted(agree: int, compared: int, rest: Mapping[str, Sequence[str]]) -> str:
    """The count as a sentence, with the rows that do not agree by name.

    >>> counted(2, 3, {"too close to call": ["c1:c2 = 1:2"]})
    'agrees in 2 of 3 comparisons; too close to call: c1:c2 = 1:2'
    """
    said = [f"agrees in {agree} of {compared} comparisons"]
    said += [f"{word}: {', '.join(rows)}" for word, rows in rest.items()]
    return "; ".join(said)


def told(experiment: Experiment, table: pandas.DataFrame, number: int) -> str:
    """One row in words: what was measured, what the paper has, and why."""
    row = table.iloc[number]
    said = f"{row['measured']:.2f}× the first row's time here ({row['low']:.2f} … {row['high']:.2f})"
    paper = row[f"paper_{experiment.platform}"]
    if paper == paper:
        said += f", {paper:.2f}× in the paper's {experiment.platform} column"
    return f"{said}. {row['why']}"
