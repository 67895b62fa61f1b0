"""A guideline's run as a job: rounds come in one by one, and a stop keeps those that are done."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from explorer.jobs import job
from explorer.lab.experiment import Settings
from explorer.lab.run import FEWEST, Run, from_json


@dataclass
class Job(job.Job):
    """A run that was started."""

    title = "a run of the guideline lab"
    worker = ("-m", "explorer.jobs.lab_worker")

    rows: tuple[str, ...]
    settings: Settings
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    least: tuple[float, ...] = ()
    planned: int = 0
    environment: dict[str, object] = field(default_factory=dict)
    run: Run | None = None
    """The result, once there is one; after a stop that of the rounds that were done, if they are enough."""

    @property
    def progress(self) -> float:
        return len(self.rounds) / self.planned if self.planned else 0.0

    @property
    def said(self) -> str:
        if not self.planned:
            return "starting: PyTorch is loaded, rows are tried"
        return f"round {len(self.rounds)} of {self.planned}"

    def read(self, message: dict[str, Any]) -> None:
        if "round" in message:
            self.planned = message["planned"]
            self.rounds.append(tuple(message["round"]))
            self.least = tuple(message["least"])
        elif "run" in message:
            self.run = from_json(message["run"])
        self.environment |= message.get("environment", {})

    def end(self) -> None:
        if self.run:
            return
        if len(self.rounds) < FEWEST:
            self.problem = f"{self.why} after {len(self.rounds)} rounds; {FEWEST} are needed to tell anything"
            return
        seconds = time.monotonic() - self.started
        self.run = Run(self.rows, tuple(self.rounds), self.least, (), self.environment, seconds, stopped=True)


def start(networks: list[tuple[str, str]], settings: Settings, seconds: float) -> Job:
    """Start timing (row, spec as JSON) pairs. Raises Busy where another job is going on."""
    made = Job(tuple(row for row, _ in networks), settings)
    made.start({"networks": networks, "settings": asdict(settings), "seconds": seconds})
    return made
