"""A calibration, and a validation of a profile, as jobs (see `explorer.jobs.job`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel import DeviceProfile
from costmodel.latency.profile import Regime
from explorer.data import evidence
from explorer.data import profiles as devices
from explorer.jobs import job

PLANNED = {False: 240, True: 50}  # seconds by `quick`, for those who decide whether to wait
LIMIT = 2.5  # times the plan, before it is ended: a slow machine is no reason to hold up a class for ever
VALIDATION = 360  # seconds


@dataclass
class _Said(job.Job):
    """A job whose process says how much of it is done."""

    worker = ("-m", "explorer.jobs.calibration_worker")

    share: float = 0.0
    what: str = "starting: PyTorch is loaded"

    @property
    def progress(self) -> float:
        return self.share

    @property
    def said(self) -> str:
        return self.what

    def read(self, message: dict[str, Any]) -> None:
        if "share" in message:
            self.share, self.what = message["share"], message["what"]


@dataclass
class Calibration(_Said):
    """A profile of the machine that serves the page."""

    title = "a calibration"

    profile: DeviceProfile | None = None

    def read(self, message: dict[str, Any]) -> None:
        super().read(message)
        if "profile" in message:
            self.profile = DeviceProfile.model_validate(message["profile"])
            devices.made_here(self.profile)

    def end(self) -> None:
        if self.profile is None:
            self.problem = f"{self.why}; no profile was made"


@dataclass
class Validation(_Said):
    """A profile's predictions against networks timed now: `report` is `validate.Report.as_dict()`."""

    title = "a validation"

    key: str = ""
    """The profile's."""
    report: dict[str, Any] | None = None

    def read(self, message: dict[str, Any]) -> None:
        super().read(message)
        if "report" in message:
            self.report = message["report"]
            evidence.keep(self.key, self.report)

    def end(self) -> None:
        if self.report is None:
            self.problem = f"{self.why}; nothing was judged"


def calibrate(regime: Regime, quick: bool) -> Calibration:
    """Start a calibration. Raises Busy where another job is going on."""
    made = Calibration(limit=LIMIT * PLANNED[quick])
    made.start({"calibrate": regime.model_dump(), "quick": quick})
    return made


def validate(key: str) -> Validation:
    """Start timing the validation's networks in a profile's regime. Raises Busy where another job is going on."""
    made = Validation(key=key, limit=LIMIT * VALIDATION)
    made.start({"validate": devices.load(key).model_dump(mode="json")})
    return made
