"""An adaptation for the page in a child process, which continues from its log.

The process (`python -m explorer.jobs.adapt`) reads its request and behind it the device's profile, and writes one JSON
line per message: {"doing": "…", "share": s}*, {"step": …}*, at last {"done": true, "met": …, "reason": "…"} or
{"problem": "…"}. `AdaptJob.continued` is the same adaptation with the same log.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from archs import Spec, build
from archs.caching import register
from costmodel.latency.profile import read_profile
from explorer.jobs.job import Job
from explorer.jobs.limits import check_adaptation
from explorer.jobs.worker import request, rest, send, working
from explorer.search.logs.adapt_log import AdaptLog, row_of, step_of
from explorer.search.netadapt import AdaptedStep
from explorer.search.proposals import knobs, unrolled
from explorer.search.runs.adaptation import (
    BATCH,
    FIRST_STEPS,
    SIDE,
    TRAINED,
    TUNING_STEPS,
    Adaptation,
    AdaptSettings,
    plan_of,
)

LIMIT = 3600.0
"""Seconds; the steps by then stay, and the adaptation may be continued."""
MAX_JOBS = 16
"""Adaptations that are found again after a reload, each with a folder for its log."""
REPORT_INTERVAL = 0.3
"""Seconds between messages on what is being done."""
_jobs: dict[str, AdaptJob] = {}
register(f"{__name__}.jobs", MAX_JOBS, "adaptations that a reloaded page finds again", _jobs.clear)


class Folder:
    """A temporary folder that is removed with the last adaptation that has it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="adaptation-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(kw_only=True)
class AdaptJob(Job):
    """An adaptation in progress or ended, with its steps in order."""

    title: ClassVar[str] = "an adaptation"
    worker: ClassVar[tuple[str, ...]] = ("-m", "explorer.jobs.adapt")
    timing: ClassVar[bool] = False
    long: ClassVar[bool] = True
    limit: float = LIMIT
    settings: AdaptSettings
    network: Spec
    profile: str
    """The device's key."""
    target_ms: float
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Finds it again after a reload."""
    steps: list[AdaptedStep] = field(default_factory=list)
    done: bool = False
    met: bool = False
    reason: str = ""
    folder: Folder = field(default_factory=Folder)
    """Of the log and of the weights of its last step."""
    _doing: str = ""
    _share: float = 0.0

    @property
    def progress(self) -> float:
        return self._share

    @property
    def status(self) -> str:
        return self._doing or "starting: the profile is read"

    @property
    def remaining(self) -> float | None:
        return None  # `status` says it

    def begin(self, content: bytes) -> None:
        """Start with the profile's JSON.

        Raises Busy while the server is occupied, CostError for an adaptation of too few steps in LIMIT seconds.
        """
        table = unrolled(self.network)
        check_adaptation(build(table), len(knobs(table)), self.settings.tier == TRAINED, self.limit)
        asked = {
            "settings": asdict(self.settings),
            "network": self.network.to_json(),
            "target_ms": self.target_ms,
            "log": str(self.folder.path / "steps.jsonl"),
        }
        self.start(asked, content)
        for oldest in list(_jobs)[: max(0, len(_jobs) - MAX_JOBS + 1)]:
            _jobs.pop(oldest, None)  # another visitor's start may have dropped it
        _jobs[self.token] = self

    def continued(self) -> AdaptJob:
        """The same adaptation, which will continue from its log and report those steps again; not started yet."""
        return AdaptJob(
            settings=self.settings,
            network=self.network,
            profile=self.profile,
            target_ms=self.target_ms,
            token=self.token,
            folder=self.folder,
        )

    def read(self, message: dict[str, Any]) -> None:
        if "step" in message:
            self.steps.append(step_of(message["step"]))
        self._doing, self._share = message.get("doing", self._doing), message.get("share", self._share)
        if message.get("done"):
            self.done, self.met, self.reason = True, message["met"], message["reason"]

    def end(self) -> None:
        if not self.done and not self.stopped:
            self.problem = f"{self.end_reason} after {max(0, len(self.steps) - 1)} steps; they are kept"


def find(token: str) -> AdaptJob | None:
    """An adaptation of this server by its token."""
    return _jobs.get(token)


def main() -> None:
    asked = request()
    settings = AdaptSettings(**asked["settings"])
    with working(timing=False, uses_torch=settings.tier == TRAINED):
        profile = read_profile(rest(), "the device")
        adapter = settings.adapter(profile, asked["target_ms"])
        spec = Spec.from_json(asked["network"])
        how = {"seed": settings.seed, "side": SIDE, "steps": FIRST_STEPS, "tuning_steps": TUNING_STEPS, "batch": BATCH}
        log = AdaptLog(Path(asked["log"]), plan_of(spec, adapter, settings.tier, how))
        adaptation = Adaptation(adapter, spec, log, _reporter(), added=lambda step: send(step=row_of(step)))
        found, _ = adaptation.run()
        send(done=True, met=found.met, reason=found.reason)


def _reporter() -> Callable[[float, str], None]:
    """A callback that reports, at most every REPORT_INTERVAL, what is being done."""
    reported = 0.0

    def report(share: float, doing: str) -> None:
        nonlocal reported
        if time.monotonic() - reported > REPORT_INTERVAL:
            reported = time.monotonic()
            send(share=share, doing=doing)

    return report


if __name__ == "__main__":
    main()
