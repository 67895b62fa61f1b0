"""A calibration, and a validation of a profile, as jobs (see `explorer.jobs.job`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel import DeviceProfile
from costmodel.latency.profile import Regime
from explorer.data import evidence
from explorer.data import profiles as devices
from explorer.jobs import job
from explorer.jobs.limits import check_regime, check_validation

PLANNED = {False: 240, True: 50}  # seconds by `quick`
LIMIT = 2.5  # the time limit as a multiple of the plan; slow machines need more than the plan
VALIDATION = 360  # seconds


@dataclass
class _Reported(job.Job):
    """A job whose process reports the share that is done and the current step."""

    worker = ("-m", "explorer.jobs.calibration_worker")

    share: float = 0.0
    step: str = "starting: PyTorch is loaded"

    @property
    def progress(self) -> float:
        return self.share

    @property
    def status(self) -> str:
        return self.step

    def read(self, message: dict[str, Any]) -> None:
        if "share" in message:
            self.share, self.step = message["share"], message["step"]


@dataclass
class Calibration(_Reported):
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
            self.problem = f"{self.end_reason}; no profile was made"


@dataclass
class ValidationJob(_Reported):
    """A profile's predictions against networks timed now: `report` is `validate.Validation.as_dict()`."""

    title = "a validation"

    key: str = ""
    """Key of the profile."""
    report: dict[str, Any] | None = None

    def read(self, message: dict[str, Any]) -> None:
        super().read(message)
        if "report" in message:
            self.report = message["report"]
            evidence.store(self.key, self.report)

    def end(self) -> None:
        if self.report is None:
            self.problem = f"{self.end_reason}; there is no validation"


def calibrate(regime: Regime, quick: bool) -> Calibration:
    """Start a calibration. Raises Busy while another job runs, CostError for a regime that takes too much memory."""
    check_regime(regime, "a calibration")
    made = Calibration(limit=LIMIT * PLANNED[quick])
    made.start({"calibrate": regime.model_dump(), "quick": quick})
    return made


def validate(key: str) -> ValidationJob:
    """Time the validation networks in the regime of a profile.

    Raises Busy while another job runs, CostError for a regime whose validation takes too much memory or time.
    """
    profile = devices.load(key)
    made = ValidationJob(key=key, limit=LIMIT * check_validation(profile, VALIDATION))
    made.start({"validate": profile.model_dump(mode="json", by_alias=True)})
    return made
