"""A search for the page, in a process of its own, with random search beside it at every step.

The process (`python -m explorer.jobs.search`) reads its request and behind it the device's profile, and writes one JSON
line per message: {"baseline": …}*, {"tried": n, "nearest": ms}*, {"found": …}*, {"random": …}*, at last {"done": true}
or {"problem": "…"}. A search that was ended goes on behind its log: `SearchJob.continued`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, ClassVar

from archs import ArchError, Spec, build
from archs.caching import register
from costmodel import DeviceProfile
from costmodel.latency.profile import read_profile
from explorer.jobs.job import Job
from explorer.jobs.limits import check_search
from explorer.jobs.worker import request, rest, send, working
from explorer.search.logs.search_log import candidate_of
from explorer.search.objectives import objective
from explorer.search.runs.baselines import Baseline, scaled
from explorer.search.runs.settings import SearchSettings
from explorer.search.search import Candidate, candidates
from explorer.search.strategies import RandomSearch, strategy

LIMIT = 3600.0
"""Seconds; what was found by then stays, and the search may be continued."""
MAX_JOBS = 64
"""Searches that are found again after a reload, each of some hundred kilobytes."""
REPORT_INTERVAL = 0.5
"""Seconds between messages on the networks that were priced."""
_jobs: dict[str, SearchJob] = {}
register(f"{__name__}.jobs", MAX_JOBS, "searches that a reloaded page finds again", _jobs.clear)


@dataclass(kw_only=True)
class SearchJob(Job):
    """A search in progress or ended. `found` and `random` are in the order of their evaluation."""

    title: ClassVar[str] = "a search"
    worker: ClassVar[tuple[str, ...]] = ("-m", "explorer.jobs.search")
    timing: ClassVar[bool] = False
    long: ClassVar[bool] = True
    limit: float = LIMIT
    settings: SearchSettings
    network: Spec
    """The open network, which the space OPEN is over."""
    profile: str
    """The device's key."""
    target_ms: float
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Finds it again after a reload."""
    found: list[Candidate] = field(default_factory=list)
    random: list[Candidate] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    done: bool = False
    tried: int = 0
    nearest_ms: float | None = None
    _before: int = 0

    @property
    def progress(self) -> float:
        return min(1.0, len(self.found) / self.settings.evaluations)

    @property
    def status(self) -> str:
        if self.found:
            return f"{len(self.found)} of {self.settings.evaluations} networks evaluated"
        if self.tried:
            near = f", the nearest needs {self.nearest_ms:.3g} ms" if self.nearest_ms else ""
            return f"{self.tried:,} networks priced, none within the target yet{near}"
        return "starting: the profile is read"

    @property
    def remaining(self) -> float | None:
        fresh, left = len(self.found) - self._before, self.settings.evaluations - len(self.found)
        if fresh < 3:
            return None
        return (time.monotonic() - self.started) / fresh * left

    def begin(self, content: bytes) -> None:
        """Start with the profile's JSON.

        Raises Busy while the server is occupied, CostError for a search that would not end in LIMIT seconds.
        """
        self._before = len(self.found)
        base = build(self.settings.made_space(self.network).base)
        check_search(base, self.settings.evaluations - len(self.found), self.limit)
        asked = {
            "settings": asdict(self.settings),
            "network": self.network.to_json(),
            "target_ms": self.target_ms,
            "found": [asdict(one) for one in self.found],
            "random": [asdict(one) for one in self.random],
            "baselines": bool(self.baselines),
        }
        self.start(asked, content)
        for oldest in list(_jobs)[: max(0, len(_jobs) - MAX_JOBS + 1)]:
            _jobs.pop(oldest, None)  # another visitor's start may have dropped it
        _jobs[self.token] = self

    def continued(self) -> SearchJob:
        """The same search, to go on behind what was evaluated; not started yet."""
        return SearchJob(
            settings=self.settings,
            network=self.network,
            profile=self.profile,
            target_ms=self.target_ms,
            token=self.token,
            found=list(self.found),
            random=list(self.random),
            baselines=list(self.baselines),
        )

    def read(self, message: dict[str, Any]) -> None:
        if "found" in message:
            self.found.append(candidate_of(message["found"]))
        elif "random" in message:
            self.random.append(candidate_of(message["random"]))
        elif "baseline" in message:
            one = message["baseline"]
            self.baselines.append(Baseline(**one | {"candidate": one["candidate"] and candidate_of(one["candidate"])}))
        self.tried, self.nearest_ms = message.get("tried", self.tried), message.get("nearest", self.nearest_ms)
        self.done = self.done or message.get("done", False)

    def end(self) -> None:
        if not self.done and not self.stopped:
            self.problem = f"{self.end_reason} after {len(self.found)} evaluations; what was found is kept"


def find(token: str) -> SearchJob | None:
    """A search of this server by its token."""
    return _jobs.get(token)


def main() -> None:
    asked = request()
    with working(timing=False, uses_torch=False):
        profile = read_profile(rest(), "the device")
        settings = SearchSettings(**asked["settings"] | {"cells": tuple(map(tuple, asked["settings"]["cells"]))})
        _search(asked, settings, profile)
        send(done=True)


def _search(asked: dict[str, Any], settings: SearchSettings, profile: DeviceProfile) -> None:
    network = Spec.from_json(asked["network"])
    space, scored = settings.made_space(network), objective(settings.tier)
    target = asked["target_ms"]
    logs = {name: [candidate_of(one) for one in asked[name]] for name in ("found", "random")}
    left = settings.evaluations - len(logs["found"])
    arguments = (space, profile, target, scored)
    proposed = candidates(
        *arguments, strategy(settings.strategy), settings.seed, settings.w, logs["found"], _reporter()
    )
    drawn = _or_empty(candidates(*arguments, RandomSearch, settings.seed + 1, settings.w, logs["random"]))
    for number, one in enumerate(islice(proposed, left)):
        send(found=asdict(one))
        if number == 0 and not asked["baselines"]:
            for baseline in scaled(space.base, network, profile, target, scored):
                send(baseline=asdict(baseline))
        if random := next(drawn, None):
            send(random=asdict(random))


def _or_empty(drawn: Iterator[Candidate]) -> Iterator[Candidate]:
    """A random search that finds nothing is a baseline without an entry, no failure of the search."""
    try:
        yield from drawn
    except ArchError:
        return


def _reporter() -> Callable[[float], None]:
    """A callback that reports, at most every REPORT_INTERVAL, how many networks were priced and the nearest."""
    count, nearest, reported = 0, float("inf"), time.monotonic()

    def tried(high_ms: float) -> None:
        nonlocal count, nearest, reported
        count, nearest = count + 1, min(nearest, high_ms)
        if time.monotonic() - reported > REPORT_INTERVAL:
            reported = time.monotonic()
            send(tried=count, nearest=nearest if nearest < float("inf") else None)

    return tried


if __name__ == "__main__":
    main()
