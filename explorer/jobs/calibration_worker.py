"""The process that calibrates or validates: one request on standard input, messages on standard output, one a line.

{"share": 0.4, "what": "timed 80 networks"}*   {"profile": …} or {"report": …} or {"problem": "…"}
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
    warnings.simplefilter("ignore")  # what they say stands in the profile
    try:
        if "calibrate" in request:
            made = costmodel.calibrate(**request["calibrate"], quick=request["quick"], progress=_progress)
            _say(profile=made.model_dump(mode="json"))
        else:
            profile = DeviceProfile.model_validate(request["validate"])
            _say(report=validate(profile, progress=_progress).as_dict())
    except (ArchError, CostError) as error:
        _say(problem=str(error))


def _progress(share: float, what: str) -> None:
    _say(share=share, what=what)


def _say(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
