"""Worker process of a run of the lab. Request as JSON on standard input; one JSON message per output line:

{"environment": …}   {"round": [ms, …], "least": [ms, …], "planned": n}*   {"run": …} or {"problem": "…"}
"""

from __future__ import annotations

import json
import sys

import archs
from archs import ArchError
from costmodel import CostError
from explorer.lab.experiment import Settings
from explorer.lab.run import run


def main() -> None:
    request = json.load(sys.stdin)
    try:
        settings = Settings(**request["settings"])
        networks = [(row, archs.build(archs.Spec.from_json(text))) for row, text in request["networks"]]
        _send(environment={"device": settings.device, "threads": settings.threads, "layout": settings.layout})
        result = run(networks, settings, _round, seconds=request["seconds"])
        _send(run=result.as_dict())
    except (ArchError, CostError) as error:
        _send(problem=str(error))


def _round(done: int, planned: int, turn: tuple[float, ...], least: tuple[float, ...]) -> None:
    _send(round=turn, least=least, planned=planned)


def _send(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
