"""The cells in which two tables differ, in words, and what an edit does to the estimated accuracy."""

from __future__ import annotations

from collections.abc import Iterable

from archs import Spec
from explorer.data import accuracy
from explorer.data.accuracy import Estimate
from explorer.data.frontier import published_top1
from explorer.editing import cells
from explorer.editing.repair import word

WIDER = 1.5
"""An interval that is so many times as wide as before is a reason against an edit."""


def changed_cells(before: Spec, after: Spec) -> tuple[str, ...]:
    """`rows 2–4, 6: kernel 3 → 5`, a column each, the rows counted from 1; several values as the least … the most.

    >>> import archs
    >>> changed_cells(archs.spec("mobilenet_v2"), archs.spec("mobilenet_v2").edit_row(3, kernel=5))
    ('row 4: kernel 3 → 5',)
    """
    if len(before.rows) != len(after.rows):
        return (f"{len(before.rows)} → {len(after.rows)} rows",)
    found: dict[str, list[tuple[int, object, object]]] = {}
    for number, (row, other) in enumerate(zip(before.rows, after.rows), 1):
        if type(row) is not type(other):
            found.setdefault("kind", []).append((number, row.kind, other.kind))
            continue
        for column, value in row:
            if value != getattr(other, column):
                found.setdefault(column, []).append((number, value, getattr(other, column)))
    return tuple(
        f"row{'s' if len(changes) > 1 else ''} {_ranges([number for number, *_ in changes])}: {cells.titled(column)} "
        f"{_span(column, (old for _, old, _ in changes))} → {_span(column, (new for *_, new in changes))}"
        for column, changes in found.items()
    )


def _ranges(numbers: list[int]) -> str:
    """`2–4, 6`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _span(column: str, values: Iterable[object]) -> str:
    different = list(dict.fromkeys(values))
    numbers = [value for value in different if isinstance(value, (int, float)) and not isinstance(value, bool)]
    words = [] if len(numbers) == len(different) else [_said(column, v) for v in different if v not in numbers]
    if len(numbers) > 2:
        return " or ".join([f"{min(numbers):g} … {max(numbers):g}", *words])
    return " or ".join(_said(column, value) for value in different)


def _said(column: str, value: object) -> str:
    if value is None:
        return cells.unstated(column)
    return f"{value:g}" if isinstance(value, float) else word(value)


def accuracy_change(before: Spec, after: Spec) -> tuple[str, str]:
    """The published or estimated accuracy of both, and the reason against the edit; empty where there is none."""
    one, other = accuracy.estimate(before), accuracy.estimate(after)
    if one is None or other is None:
        return f"no estimated accuracy: {accuracy.not_estimated(before) or accuracy.not_estimated(after)}", ""
    return f"top-1: {_accuracy(before, one)} → {_accuracy(after, other)}", _against(one, other)


def _accuracy(spec: Spec, found: Estimate) -> str:
    printed = published_top1(spec)
    return f"published {printed.top1_pct:.1f} %" if printed else f"estimated {_interval(found)}"


def _interval(found: Estimate) -> str:
    return f"{found.top1_pct:.1f} % ({found.low_pct:.1f}–{found.high_pct:.1f})"


def _against(before: Estimate, after: Estimate) -> str:
    times = (after.high_pct - after.low_pct) / max(1e-9, before.high_pct - before.low_pct)
    if times < WIDER:
        return ""
    reason = (
        f"no published ablation covers its {', '.join(after.outside)}"
        if after.outside
        else f"{100 * after.changed:.0f} % of its multiply-adds are in blocks of no published network"
    )
    return f"Why not: the accuracy's interval becomes {times:.1f} times as wide: {reason}. Train it first."
