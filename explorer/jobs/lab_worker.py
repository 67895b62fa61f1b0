"""The process that times: reads one request on standard input, writes one JSON line per message on standard output.

{"environment": …}   {"round": [ms, …], "least": [ms, …], "planned": n}*   {"run": …} or {"problem": "…"}
"""

from __future__ import annotations

import json
import sys

import archs
from archs import ArchError
from costmodel import CostError
from explorer.lab.experiment import Settings
from explorer.lab.run import run, to_json


def main() -> None:
    request = json.load(sys.stdin)
    try:
        settings = Settings(**request["settings"])
        networks = [(row, archs.build(archs.Spec.from_json(text))) for row, text in request["networks"]]
        _say(environment={"device": settings.device, "threads": settings.threads, "layout": settings.layout})
        result = run(networks, settings, _round, seconds=request["seconds"])
        _say(run=to_json(result))
    except (ArchError, CostError) as error:
        _say(problem=str(error))


def _round(done: int, planned: int, turn: tuple[float, ...], least: tuple[float, ...]) -> None:
    _say(round=turn, least=least, planned=planned)


def _say(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
