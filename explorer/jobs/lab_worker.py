"""Worker process of a run of the lab. Request as JSON on standard input; one JSON message per output line:

{"environment": …}   {"round": [ms, …], "least": [ms, …], "planned": n}*   {"run": …} or {"problem": "…"}
"""

from __future__ import annotations

import archs
from explorer.jobs.worker import request, send, working
from explorer.lab.experiment import Settings
from explorer.lab.run import run


def main() -> None:
    """The worker: measures the networks of its request round by round."""
    arguments = request()
    with working(arguments["settings"]["device"]):
        settings = Settings(**arguments["settings"])
        networks = [(row, archs.build(archs.Spec.from_json(text))) for row, text in arguments["networks"]]
        send(environment={"device": settings.device, "threads": settings.threads, "layout": settings.layout})
        send(run=run(networks, settings, _round, seconds=arguments["seconds"]).as_dict())


def _round(done: int, planned: int, turn: tuple[float, ...], least: tuple[float, ...]) -> None:
    send(round=turn, least=least, planned=planned)


if __name__ == "__main__":
    main()
