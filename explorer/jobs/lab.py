"""The run of a guideline as a job: rounds arrive one by one, and a stop keeps the complete ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from archs import Spec, build
from explorer.jobs import job
from explorer.jobs.limits import check_run
from explorer.lab.experiment import Settings
from explorer.lab.run import LONGEST, MIN_ROUNDS, PLANS, Run


@dataclass
class LabJob(job.Job):
    """A run in progress or finished."""

    title = "a run of the guideline lab"
    worker = ("-m", "explorer.jobs.lab_worker")

    rows: tuple[str, ...]
    settings: Settings
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    least: tuple[float, ...] = ()
    planned: int = 0
    environment: dict[str, object] = field(default_factory=dict)
    run: Run | None = None
    """The result; after a stop, that of the complete rounds if there are enough."""

    @property
    def progress(self) -> float:
        return len(self.rounds) / self.planned if self.planned else 0.0

    @property
    def status(self) -> str:
        if not self.planned:
            return "starting: loading PyTorch, trying the rows"
        return f"round {len(self.rounds)} of {self.planned}"

    def read(self, message: dict[str, Any]) -> None:
        if "round" in message:
            self.planned = message["planned"]
            self.rounds.append(tuple(message["round"]))
            self.least = tuple(message["least"])
        elif "run" in message:
            self.run = Run.from_dict(message["run"])
        self.environment |= message.get("environment", {})

    def end(self) -> None:
        if self.run:
            return
        if len(self.rounds) < MIN_ROUNDS:
            self.problem = f"{self.end_reason} after {len(self.rounds)} rounds; an interval needs {MIN_ROUNDS}"
            return
        seconds = time.monotonic() - self.started
        self.run = Run(self.rows, tuple(self.rounds), self.least, (), self.environment, seconds, stopped=True)


def check(networks: Sequence[tuple[str, str]], settings: Settings) -> None:
    """Raises CostError for (row, spec as JSON) pairs that need too much memory or time."""
    if settings.device == "cpu":
        graphs = [build(Spec.from_json(text)) for _, text in networks]
        runs, rounds = PLANS[-1]
        check_run(graphs, settings.batch, settings.threads, runs * rounds, LONGEST)


def start(networks: list[tuple[str, str]], settings: Settings, seconds: float) -> LabJob:
    """Start timing (row, spec as JSON) pairs. Raises Busy while another job runs."""
    made = LabJob(tuple(row for row, _ in networks), settings)
    made.start({"networks": networks, "settings": asdict(settings), "seconds": seconds})
    return made
