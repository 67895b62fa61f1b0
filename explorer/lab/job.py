"""A run in a process of its own: the page stays responsive, a stop is a stop, and no page's work is in the timings.

One run at a time per server: two at once would time each other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from explorer.lab.errors import LabError
from explorer.lab.experiment import Settings
from explorer.lab.run import FEWEST, Run

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "explorer.lab.worker")
LIMIT = 120.0  # seconds: torch's import and a minute of rounds take under half of it
_one_at_a_time = threading.Lock()


@dataclass
class Job:
    """A run that was started. Ask it from any thread; it ends by itself, by `stop`, or with this process."""

    rows: tuple[str, ...]
    settings: Settings
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    planned: int = 0
    run: Run | None = None
    """The result, once there is one; after a stop that of the rounds that were done, if they are enough."""
    problem: str = ""
    _process: subprocess.Popen | None = None
    _thread: threading.Thread | None = None
    _stopped: bool = False

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def progress(self) -> float:
        return len(self.rounds) / self.planned if self.planned else 0.0

    def stop(self) -> None:
        """End the run; what was measured is kept."""
        self._stopped = True
        if self._process:
            self._process.terminate()

    def wait(self) -> None:
        if self._thread:
            self._thread.join()

    def _follow(self, request: str) -> None:
        environment: dict[str, object] = {}
        started = time.perf_counter()
        try:
            self._process = process = subprocess.Popen(
                WORKER, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            alarm = threading.Timer(LIMIT, process.kill)
            alarm.daemon = True
            alarm.start()
            with process:
                if self._stopped:
                    process.terminate()
                try:
                    process.stdin.write(request)
                    process.stdin.close()
                except BrokenPipeError:  # it was stopped before it could read
                    pass
                for line in process.stdout:
                    environment |= self._read(json.loads(line))
            alarm.cancel()
            if self.run is None and not self.problem:
                self._keep_what_was_done(environment, time.perf_counter() - started)
        except (OSError, ValueError) as error:
            self.problem = f"the run ended unexpectedly: {error}"
        finally:
            _one_at_a_time.release()

    def _read(self, message: dict) -> dict[str, object]:
        if "round" in message:
            self.planned = message["planned"]
            self.rounds.append(tuple(message["round"]))
        elif "problem" in message:
            self.problem = message["problem"]
        elif "run" in message:
            self.run = from_json(message["run"])
        return message.get("environment", {})

    def _keep_what_was_done(self, environment: dict[str, object], seconds: float) -> None:
        if len(self.rounds) < FEWEST:
            why = "stopped" if self._stopped else "the run ended by itself"
            self.problem = f"{why} after {len(self.rounds)} rounds; {FEWEST} are needed to tell anything"
        else:
            self.run = Run(self.rows, tuple(self.rounds), (), environment, seconds, stopped=True)


def start(networks: list[tuple[str, str]], settings: Settings, seconds: float) -> Job:
    """Start timing (row, spec as JSON) pairs. Raises LabError where another run is going on."""
    if not _one_at_a_time.acquire(blocking=False):
        raise LabError("another run is going on on this machine, and two would time each other: try again in a minute")
    job = Job(tuple(row for row, _ in networks), settings)
    request = json.dumps({"networks": networks, "settings": asdict(settings), "seconds": seconds})
    job._thread = threading.Thread(target=job._follow, args=(request,), daemon=True)
    job._thread.start()
    return job


def to_json(run: Run) -> dict[str, object]:
    return asdict(run)


def from_json(data: dict) -> Run:
    return Run(
        rows=tuple(data["rows"]),
        rounds=tuple(tuple(turn) for turn in data["rounds"]),
        kernels=tuple(tuple(names) for names in data["kernels"]),
        environment=data["environment"],
        seconds=data["seconds"],
        stopped=data["stopped"],
    )
