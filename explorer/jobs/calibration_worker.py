"""Worker process of calibrations and validations. Request as JSON on standard input; one JSON message per output line:

{"share": 0.4, "step": "timed 80 networks"}*   {"profile": …} or {"report": …} or {"problem": "…"}
"""

from __future__ import annotations

import json
import sys
import warnings

import costmodel
from archs import ArchError
from costmodel import CostError, DeviceProfile
from costmodel.calibration.validate import validate


def main() -> None:
    request = json.load(sys.stdin)
    warnings.simplefilter("ignore")  # the profile records them
    try:
        if "calibrate" in request:
            made = costmodel.calibrate(**request["calibrate"], quick=request["quick"], progress=_progress)
            _send(profile=made.model_dump(mode="json"))
        else:
            profile = DeviceProfile.model_validate(request["validate"])
            _send(report=validate(profile, progress=_progress).as_dict())
    except (ArchError, CostError) as error:
        _send(problem=str(error))


def _progress(share: float, step: str) -> None:
    _send(share=share, step=step)


def _send(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
