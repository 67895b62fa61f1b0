"""Designs side by side: one row per design with all its figures, their tiles as text, their blocks in one metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas

from archs import Spec
from archs.caching import cached
from costmodel import CostError
from explorer.data import accuracy, frontier
from explorer.data.metrics import METRICS, duration, human, interval, megabytes
from explorer.editing.designs import Design
from explorer.editing.history import History, Version
from explorer.editing.scenario import Scenario

NAN = float("nan")


def scenario_of(design: Design, like: Scenario) -> Scenario:
    """The design, looked at as the page looks at the open network."""
    history = History((Version(design.name, design.spec, design.measured_pct),))
    return replace(like, history=history, folded=design.folded, block=None, problem=None, notes=())


def table(designs: Sequence[Design], like: Scenario) -> pandas.DataFrame:
    """One row per design: `design`, `network`, `input`, `folded`, the counts, latency and accuracy with intervals.

    `accuracy_tier` is "measured by you", "published" or "estimated"; NaN where there is no figure or interval.
    `interval` is that of the latency in words, or why none is claimed.
    """
    return pandas.DataFrame([_row(design, scenario_of(design, like)) for design in designs])


def _row(design: Design, scenario: Scenario) -> dict[str, object]:
    counts = scenario.counts
    total = counts.total
    return {
        "design": design.name,
        "network": scenario.title,
        "input": str(scenario.graph.input),
        "folded": design.folded,
        **_latency(scenario),
        **_accuracy(design.spec, design.measured_pct),
        "mult_adds": total.mult_adds,
        "params": total.params,
        "mem_access": total.mem_access,
        "peak_activation": counts.peak_activation,
        "kernels": total.kernels,
        "fragments": scenario.fragmentation.mean,
    }


def _latency(scenario: Scenario) -> dict[str, object]:
    try:
        found = scenario.prediction
    except CostError:
        found = None
    ms = (found.latency_ms, found.low_ms, found.high_ms) if found else (NAN, NAN, NAN)
    figures = dict(zip(("latency_ms", "low_ms", "high_ms"), ms))
    return {"device": scenario.profile or "", **figures, "interval": interval(found) if found else ""}


@cached(128, "fifty designs are estimated with every run of the page that shows them")
def _accuracy(spec: Spec, measured_pct: float | None) -> dict[str, object]:
    """Not to be changed."""
    names = ("top1_pct", "top1_low_pct", "top1_high_pct")
    if measured_pct is not None:
        return {"accuracy_tier": "measured by you", **dict.fromkeys(names, measured_pct)}
    if printed := frontier.published_top1(spec):
        return {"accuracy_tier": "published", **dict.fromkeys(names, printed.top1_pct)}
    if found := accuracy.estimate(spec):
        return {"accuracy_tier": "estimated", **dict(zip(names, (found.top1_pct, found.low_pct, found.high_pct)))}
    return {"accuracy_tier": "", **dict.fromkeys(names, NAN)}


def tiles(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The figures of the tiles as text: a row per figure, a column per design."""
    columns: dict[str, list[str]] = {"": ["Network", "Input", *(METRICS[name].title for name in FIGURES), "Top-1"]}
    for row in rows.to_dict("records"):
        network = f"{row['network']}{', batch norm folded' if row['folded'] else ''}"
        columns[row["design"]] = [network, row["input"], *(show(row) for show in FIGURES.values()), _top1(row)]
    return pandas.DataFrame(columns)


def _ms(row: Mapping[str, Any]) -> str:
    if row["latency_ms"] != row["latency_ms"]:
        return "–"
    return f"{duration(row['latency_ms'])} ({row['interval']})"


def _top1(row: Mapping[str, Any]) -> str:
    if row["accuracy_tier"] == "estimated":
        return f"est. {row['top1_pct']:.1f} % (90 %: {row['top1_low_pct']:.1f} – {row['top1_high_pct']:.1f})"
    return f"{row['accuracy_tier']} {row['top1_pct']:.1f} %" if row["accuracy_tier"] else "no estimate"


FIGURES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "latency_ms": _ms,
    "mult_adds": lambda row: human(row["mult_adds"]),
    "params": lambda row: human(row["params"]),
    "mem_access": lambda row: human(row["mem_access"]),
    "peak_activation": lambda row: megabytes(4 * row["peak_activation"]),
    "kernels": lambda row: f"{row['kernels']:,}",
    "fragments": lambda row: f"{row['fragments']:.1f} per block",
}
"""Metric → its figure in a row of `table` as text; activations are of four bytes."""


def blocks(designs: Sequence[Design], like: Scenario, metric: str) -> pandas.DataFrame:
    """A row per block path of any design, in execution order, a column per design; NaN where a design lacks it."""
    found: dict[str, dict[str, float]] = {}
    for design in designs:
        made = scenario_of(design, like).blocks
        found[design.name] = dict(zip(made["block"], made[metric])) if metric in made else {}
    paths: list[str] = []
    for column in found.values():
        place = 0
        for path in column:
            if path in paths:
                place = paths.index(path)
            else:
                paths.insert(place, path)
            place += 1
    return pandas.DataFrame(
        {"block": paths, **{name: [column.get(path, NAN) for path in paths] for name, column in found.items()}}
    )
