"""Milliseconds of each kind of operator at shapes that no fit has seen: `python tests/bench_operators.py [profile]`.

Random networks are chosen until each kind of the profile has `--shapes` different nodes in them, and timed node by node on
this machine; its speed, measured on the profile's reference networks, is divided out. A shape is near if the prediction is
within ±25 % of the time; it is marked if it is outside of the calibrated range. Bar: 90 % of each kind near or marked.
The profile is of this machine's kind of processor, or the table says how far another one carries.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from math import inf
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.benchmark_records import processor, record

from costmodel import load_profile
from costmodel.calibration import sample
from costmodel.calibration.holdout import MIN_NODE_US
from costmodel.calibration.validate import session_speeds
from costmodel.latency.calibrated_range import LIMIT, Range
from costmodel.latency.features import Features, features
from costmodel.latency.predictor import price
from costmodel.latency.profile import DEFAULT, DeviceProfile
from costmodel.networks.synthetic import Recipe
from costmodel.timing.session import Session, time_networks
from costmodel.timing.stopwatch import Stopwatch
from explorer.cli.progress import progress_bar

NEAR = 0.25
SEED = 7_001_112  # of no calibration and of no suite
TRIED = 4000  # networks that are looked at
REFERENCES = 20


class Shape(NamedTuple):
    """A node as a predictor sees it."""

    kind: str
    columns: bytes


class Found(NamedTuple):
    """A shape that was timed, in microseconds: the means over the nodes that have it."""

    measured: float
    predicted: float
    marked: bool

    @property
    def near(self) -> bool:
        return abs(self.predicted / self.measured - 1) <= NEAR


def shapes_of(found: Features) -> list[Shape]:
    """The shape of each node."""
    return [Shape(kind, row.tobytes()) for kind, row in zip(found.kinds, found.columns)]


def chosen(profile: DeviceProfile, number: int) -> list[Recipe]:
    """Networks in which each kind has so many shapes, as far as random networks have them."""
    seen: set[Shape] = set()
    count: Counter[str] = Counter()
    networks: list[Recipe] = []
    regime = profile.regime
    for spec, _ in islice(sample.networks(SEED), TRIED):
        found = features(regime.graph(spec), regime.batch, regime.device)
        new = {shape for shape in shapes_of(found) if shape.kind != "view"} - seen
        if any(count[shape.kind] < number for shape in new):
            networks.append(spec)
            seen |= new
            count.update(shape.kind for shape in new)
        if all(count[kind] >= number for kind in profile.predictors if kind != "view"):
            break
    return networks


def timed(profile: DeviceProfile, networks: list[Recipe], seconds: float) -> Session:
    """A session with all networks, or with those that there is time for, and the references among them."""
    regime = profile.regime
    references = [reference.to_spec() for reference in profile.references[:REFERENCES]]
    watch = Stopwatch(regime.device, regime.threads, regime.layout)

    with watch.running(), progress_bar() as progress:
        return time_networks(watch, regime, networks, references, seconds, progress=progress)


def compared(profile: DeviceProfile, session: Session) -> Iterator[tuple[str, Found]]:
    """(kind, what was found) of each shape."""
    regime, calibrated = profile.regime, Range(profile.predictors)
    nodes: dict[Shape, list[tuple[float, float, bool]]] = {}
    slow = session_speeds(session, profile)
    for one in session.records:
        same = one.speed_normalised(regime, slow[one.chunk])
        graph = regime.graph(one.spec)
        found = features(graph, regime.batch, regime.device)
        far = calibrated.distances(found.kinds, found.columns) > LIMIT
        rows = zip(shapes_of(found), same.nodes_us, price(graph, profile).nodes_us.tolist(), far.tolist())
        for shape, *values in rows:
            if shape.kind != "view":
                nodes.setdefault(shape, []).append(tuple(values))
    for shape, same_shape in nodes.items():
        measured, predicted, marked = zip(*same_shape)
        yield shape.kind, Found(statistics.fmean(measured), statistics.fmean(predicted), any(marked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", nargs="?", default=DEFAULT)
    parser.add_argument("--shapes", type=int, default=20, help="of each kind")
    parser.add_argument("--minutes", type=float, default=inf, help="as many networks as fit (default: all)")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    profile = load_profile(options.profile)
    networks = chosen(profile, options.shapes)
    session = timed(profile, networks, 60 * options.minutes)
    kinds: dict[str, list[Found]] = {}
    for kind, found in compared(profile, session):
        kinds.setdefault(kind, []).append(found)
    print(f"{len(session.records)} of {len(networks)} networks, profile {profile.name}, on {processor()}")
    head = "shapes", "near or marked, %", f"above {MIN_NODE_US:.0f} µs, %", "marked", "median error, %", "worst, %"
    print(f"{'kind':24}" + "".join(f"{title:>20}" for title in head))
    passed = []
    for kind, found in sorted(kinds.items()):
        errors = [100 * (one.predicted / one.measured - 1) for one in found if not one.marked] or [0.0]
        share, longer = good(found), good([one for one in found if one.measured > MIN_NODE_US])
        marked = sum(one.marked for one in found)
        typical = statistics.median(map(abs, errors))
        print(
            f"{kind:24}{len(found):20}{share:20.0f}{longer:20.0f}{marked:20}{typical:20.1f}{max(errors, key=abs):20.0f}"
        )
        if len(found) >= options.shapes:
            passed.append(share >= 90)
    print(f"{sum(passed)} of {len(passed)} kinds with {options.shapes} shapes or more reach 90 %")
    if options.record:
        figures = {"kinds that reach 90 %": f"{sum(passed)} of {len(passed)}"}
        record(f"operators at {options.shapes} shapes of each kind, {profile.name}", figures)


def good(found: list[Found]) -> float:
    """Percent that are near or marked."""
    return 100 * statistics.fmean(one.near or one.marked for one in found) if found else 100.0


if __name__ == "__main__":
    main()
