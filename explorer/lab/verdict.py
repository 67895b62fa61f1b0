"""Comparison of the paper's columns, a prediction and a measurement, with a verdict per row.

All times are relative to the first row, which makes devices comparable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from explorer.lab.experiment import PLATFORMS, Experiment
from explorer.lab.explanation import explain_row
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
"""Expected direction of the other rows: +1 slower than the first, -1 faster (G4 removes work)."""


class Predicted(NamedTuple):
    """Predicted milliseconds of a row, and their bounds: "memory 71 %, compute 29 %"."""

    time_ms: float
    bound: str


def direction(low: float, high: float) -> int:
    """+1 for an interval of time ratios above 1, -1 below 1, 0 if it contains 1."""
    return 1 if low > 1 else -1 if high < 1 else 0


def expected(guideline: int, paper: Ratio | None) -> int:
    """Direction of the paper's figures; that of its claim where rounding hides it; else 0."""
    found = direction(paper.low, paper.high) if paper else 0
    return found or CLAIM.get(guideline, 0)


def verdict(guideline: int, paper: Ratio | None, measured: Interval) -> str:
    """Verdict of a measured ratio on the paper's direction; slower or faster if there is none."""
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
    experiment: Experiment,
    run: Run | None = None,
    predicted: Mapping[str, Predicted] | None = None,
    on_devices: Mapping[str, Mapping[str, float]] | None = None,
) -> pandas.DataFrame:
    """One row per variant: its counts, `paper_GPU`, `paper_ARM`, `predicted` and `measured` with `low` and `high`.

    `device_GPU` and `device_ARM` are predictions for the paper's devices: `on_devices`, platform → row → ms. Times are
    relative to the first row except `time_ms` and `predicted_ms`; unknown values are NaN. `verdict` refers to the
    platform of the experiment. `why` explains the measurement by counts, machine rates, kernels and profile.
    """
    table = experiment.table.copy()
    papers = {platform: ratios(experiment.guideline, platform, experiment.scale) for platform in PLATFORMS}
    rows = list(table["row"])
    for platform in PLATFORMS:
        table[f"paper_{platform}"] = [
            papers[platform][row].middle if papers[platform] else float("nan") for row in rows
        ]
        on_device = on_devices[platform] if on_devices else dict.fromkeys(rows, float("nan"))
        table[f"device_{platform}"] = [on_device[row] / on_device[rows[0]] for row in rows]
    predicted_ms = [predicted[row].time_ms if predicted else float("nan") for row in rows]
    table["predicted"], table["predicted_ms"] = [time_ms / predicted_ms[0] for time_ms in predicted_ms], predicted_ms
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
        reasons = [explain_row(experiment, run, table, number) for number in range(len(rows))]
        if predicted:
            reasons = [f"{reason}. Predicted bounds: {predicted[row].bound}" for row, reason in zip(rows, reasons)]
    table["verdict"], table["why"] = verdicts, reasons
    return table


def pairs_right(order: Sequence[str], spans: Mapping[str, tuple[float, float]]) -> tuple[int, int]:
    """(pairs of rows in the order of the times, pairs with an order at all).

    A span contains the time of a row; overlapping spans have no order.

    >>> pairs_right(["a", "b", "c"], {"a": (1.0, 1.0), "b": (2.5, 3.5), "c": (2.0, 2.4)})
    (2, 3)
    >>> pairs_right(["a", "b", "c"], {"a": (1.0, 1.0), "b": (2.3, 3.5), "c": (2.0, 2.4)})
    (2, 2)
    """
    pairs = [(spans[a], spans[b]) for a, b in combinations(order, 2)]
    right, wrong = sum(a[1] < b[0] for a, b in pairs), sum(b[1] < a[0] for a, b in pairs)
    return right, right + wrong


def agreement(table: pandas.DataFrame) -> tuple[int, int]:
    """(number of rows that agree with the paper's direction, number of rows compared)."""
    verdicts = list(table["verdict"])
    return verdicts.count(AGREES), len(verdicts) - 1


def disagreeing_rows(table: pandas.DataFrame) -> dict[str, list[str]]:
    """Verdict → its rows, without those that agree: `{"too close to call": ["c1:c2 = 1:2"]}`."""
    rows: dict[str, list[str]] = {}
    for row, word in zip(table["row"], table["verdict"]):
        if word in (DIFFERS, CLOSE, NOISY):
            rows.setdefault(word, []).append(row)
    return rows


def agreement_sentence(agree: int, compared: int, rest: Mapping[str, Sequence[str]]) -> str:
    """The agreement as a sentence that names the rows that do not agree.

    >>> agreement_sentence(2, 3, {"too close to call": ["c1:c2 = 1:2"]})
    'agrees in 2 of 3 comparisons; too close to call: c1:c2 = 1:2'
    """
    parts = [f"agrees in {agree} of {compared} comparisons"]
    parts += [f"{word}: {', '.join(rows)}" for word, rows in rest.items()]
    return "; ".join(parts)


def describe_row(experiment: Experiment, table: pandas.DataFrame, number: int) -> str:
    """One row as text: the measured ratio, the paper's ratio, and the explanation."""
    row = table.iloc[number]
    text = f"{row['measured']:.2f}× the first row's time here ({row['low']:.2f} … {row['high']:.2f})"
    paper = row[f"paper_{experiment.platform}"]
    if paper == paper:
        text += f", {paper:.2f}× in the paper's {experiment.platform} column"
    return f"{text}. {row['why']}"
