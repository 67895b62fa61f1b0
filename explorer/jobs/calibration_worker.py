"""Worker process of calibrations and validations. Request as JSON on standard input; one JSON message per output line:

{"share": 0.4, "step": "timed 80 networks"}*   {"profile": …} or {"report": …} or {"problem": "…"}
"""

from __future__ import annotations

import warnings

import costmodel
from costmodel import DeviceProfile
from costmodel.calibration.validate import validate
from explorer.jobs.worker import request, send, working


def main() -> None:
    """The worker: calibrates or validates as its request states."""
    arguments = request()
    warnings.simplefilter("ignore")  # the profile records them
    regime = arguments.get("calibrate") or arguments["validate"]["regime"]
    with working(regime["device"]):
        if "calibrate" in arguments:
            made = costmodel.calibrate(**arguments["calibrate"], quick=arguments["quick"], progress=_progress)
            send(profile=made.model_dump(mode="json", by_alias=True))
        else:
            profile = DeviceProfile.model_validate(arguments["validate"])
            send(report=validate(profile, progress=_progress).as_dict())


def _progress(share: float, step: str) -> None:
    send(share=share, step=step)


if __name__ == "__main__":
    main()
