"""The predictions and runs of a session as text for the browser's storage, and back. Text is validated like any upload.

{"version": "lab-kept/4", "orders": {"1": [row, …]}, "answers": {lesson: option}, "ticket": …, "membership": [code,
student, name], "controls": {key: value}, "runs": [[[[row, spec as JSON], …], settings, run], …]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple, TypeAlias

from archs import ArchError, Spec, bounded_json
from costmodel import CostError
from explorer.data.plain_text import plain
from explorer.editing import links
from explorer.errors import LabError
from explorer.lab.experiment import GUIDELINES, Settings, experiment
from explorer.lab.run import MIN_ROUNDS, ROUNDS, Run

VERSION = "lab-kept/4"
MAX_TEXT = 1_000_000  # characters; a run has under 12,000, mostly networks; browsers store about 5 million
MAX_VALUES = 300_000  # includes the commas of the specs
MAX_RUNS, MAX_ROWS, MAX_FACTS, MAX_ANSWERS, MAX_CONTROLS = 64, 16, 24, 32, 64
MAX_ANSWER = 200  # characters

Key = tuple[tuple[Spec, ...], Settings]
Chosen: TypeAlias = str | int | list[str]
"""The value of a control: an option, a number, a switch, or several options."""


class Membership(NamedTuple):
    """A student's place in a class."""

    code: str
    student: str
    """An identifier of this browser."""
    name: str


BAD = LabError("the browser's stored text is no session of this lab")


@dataclass
class StoredSession:
    """A session of the lab, as the browser stores it."""

    orders: dict[int, list[str]] = field(default_factory=dict)
    """Guideline → rows from fastest to slowest as predicted; empty where skipped."""
    runs: dict[Key, Run] = field(default_factory=dict)
    """Oldest first."""
    answers: dict[str, str] = field(default_factory=dict)
    """Lesson → the option predicted; empty where skipped."""
    ticket: str = ""
    """The token of a place in the queue."""
    membership: Membership | None = None
    controls: dict[str, Chosen] = field(default_factory=dict)
    """Key of a control → its value; the last MAX_CONTROLS are stored."""

    def __bool__(self) -> bool:
        return any((self.orders, self.runs, self.answers, self.ticket, self.membership, self.controls))


def pack(session: StoredSession) -> str:
    """The session, its runs newest first; the oldest are dropped where the text would be too long."""
    packed: list[str] = []
    known: set[Spec] = set()
    blocks = 0
    for (specs, settings), run in reversed(list(session.runs.items())):
        networks = [[row, spec.to_json()] for row, spec in zip(run.rows, specs)]
        data = run.as_dict()
        data["rounds"] = [_short(turn) for turn in run.rounds]
        data["least"] = _short(run.least)
        text = json.dumps([networks, asdict(settings), data])
        blocks += links.blocks_of(set(specs) - known)
        if len(text) + sum(map(len, packed)) > MAX_TEXT or blocks > links.MAX_BLOCKS:
            break
        packed.append(text)
        known.update(specs)
    head = json.dumps(
        {
            "version": VERSION,
            "orders": {str(number): order for number, order in session.orders.items()},
            "answers": session.answers,
            "ticket": session.ticket,
            "membership": session.membership,
            "controls": dict(list(session.controls.items())[-MAX_CONTROLS:]),
        }
    )
    return f'{head[:-1]}, "runs": [{", ".join(packed)}]}}'


def unpack(text: str) -> StoredSession:
    """Raises LabError for any text that `pack` does not write."""
    try:
        data = bounded_json.loads(text, MAX_VALUES) if len(text) <= 2 * MAX_TEXT else None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise BAD
        runs = dict(map(_run, reversed(data["runs"][:MAX_RUNS])))
        links.check_built([spec for specs, _ in runs for spec in specs])
        return StoredSession(
            orders={int(number): _order(int(number), order) for number, order in data["orders"].items()},
            runs=runs,
            answers={_text(lesson): _text(answer) for lesson, answer in list(data["answers"].items())[:MAX_ANSWERS]},
            ticket=_text(data["ticket"]),
            membership=Membership(*map(_text, data["membership"])) if data["membership"] else None,
            controls={_text(key): _chosen(value) for key, value in list(data["controls"].items())[:MAX_CONTROLS]},
        )
    except (ArchError, CostError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BAD from None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_ANSWER:
        raise BAD
    return plain(value, MAX_ANSWER)


def _chosen(value: object) -> Chosen:
    if isinstance(value, list):
        return [_text(each) for each in value[:MAX_ROWS]]
    return value if isinstance(value, int) else _text(value)


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
