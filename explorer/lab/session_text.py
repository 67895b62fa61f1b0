"""The orders and runs of a session as text for the browser's storage, and back. Text is validated like any upload.

{"version": "lab-kept/2", "orders": {"1": [row, …]}, "runs": [[[[row, spec as JSON], …], settings, run], …]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import archs
from archs import ArchError, Spec, bounded_json
from costmodel import CostError
from explorer.data.plain_text import plain
from explorer.lab.errors import LabError
from explorer.lab.experiment import GUIDELINES, Settings, experiment
from explorer.lab.run import MIN_ROUNDS, ROUNDS, Run

VERSION = "lab-kept/2"
MAX_TEXT = 1_000_000  # characters; a run has under 12,000, mostly networks; browsers store about 5 million
MAX_VALUES = 300_000  # includes the commas of the specs
MAX_RUNS, MAX_ROWS, MAX_FACTS = 64, 16, 24

Key = tuple[tuple[Spec, ...], Settings]
BAD = LabError("the browser's stored text is no session of this lab")


def pack(orders: Mapping[int, list[str]], runs: Mapping[Key, Run]) -> str:
    """The orders and the runs, newest first; the oldest are dropped where the text would be too long."""
    packed: list[str] = []
    for (specs, settings), run in reversed(list(runs.items())):
        networks = [[row, spec.to_json()] for row, spec in zip(run.rows, specs)]
        data = run.as_dict()
        data["rounds"] = [_short(turn) for turn in run.rounds]
        data["least"] = _short(run.least)
        text = json.dumps([networks, asdict(settings), data])
        if len(text) + sum(map(len, packed)) > MAX_TEXT:
            break
        packed.append(text)
    head = json.dumps({"version": VERSION, "orders": {str(number): order for number, order in orders.items()}})
    return f'{head[:-1]}, "runs": [{", ".join(packed)}]}}'


def unpack(text: str) -> tuple[dict[int, list[str]], dict[Key, Run]]:
    """(orders, runs), oldest run first. Raises LabError for any text that `pack` does not write."""
    try:
        data = bounded_json.loads(text, MAX_VALUES) if len(text) <= 2 * MAX_TEXT else None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise BAD
        orders = {int(number): _order(int(number), order) for number, order in data["orders"].items()}
        return orders, dict(map(_run, reversed(data["runs"][:MAX_RUNS])))
    except (ArchError, CostError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BAD from None


def _order(guideline: int, order: list[str]) -> list[str]:
    if guideline not in GUIDELINES:
        raise BAD
    rows = [variant.row for variant in experiment(guideline).variants]
    if order and sorted(order) != sorted(rows):
        raise BAD
    return list(order)


def _run(item: list) -> tuple[Key, Run]:
    networks, settings, data = item
    specs = tuple(Spec.from_json(text) for _, text in networks)
    for spec in specs:
        archs.build(spec)
    run = Run.from_dict(data)
    rows = tuple(row for row, _ in networks)
    if run.rows != rows or not 1 < len(rows) <= MAX_ROWS or not MIN_ROUNDS <= len(run.rounds) <= ROUNDS:
        raise BAD
    if any(len(turn) != len(rows) or not all(map(_is_time, turn)) for turn in (run.least, *run.rounds)):
        raise BAD
    texts = [*rows, *(name for names in run.kernels for name in names)]
    if not all(isinstance(text, str) and len(text) < 200 for text in texts) or len(run.kernels) not in (0, len(rows)):
        raise BAD
    environment = {str(name)[:40]: _fact(value) for name, value in list(run.environment.items())[:MAX_FACTS]}
    checked = Run(rows, run.rounds, run.least, run.kernels, environment, float(run.seconds), run.stopped is True)
    return (specs, Settings(**settings)), checked


def _short(times: Sequence[float]) -> list[float]:
    return [float(f"{time:.6g}") for time in times]


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and 0 < value < 1e7


def _fact(value: object) -> object:
    """A number, plain text, or the cache sizes."""
    if isinstance(value, dict):
        return {plain(name, 10): int(size) for name, size in list(value.items())[:8]}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not _is_time(value):
            raise BAD
        return value
    return plain(value)
