"""Searches at random targets on this machine's profile, and their networks measured: how many keep the target.

`python tests/bench_targets.py search FILE --profile PROFILE` writes a line per search and continues where it was ended;
`… confirm FILE --seconds 900` measures the networks and searches for less where they miss, as `search --measure` does;
`… measure FILE --seconds 300` times those that are not timed yet, in the profile's regime, five builds of each, for as long
as is given: of a confirmed search, the network that it returned, once more; `… report FILE --record` counts. Targets lie between the 5th and the 80th percentile of the latency of random networks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from support.benchmark_records import record  # noqa: E402

import archs  # noqa: E402
import costmodel  # noqa: E402
from costmodel.written_files import write_together  # noqa: E402
from explorer.search import search as searching  # noqa: E402
from explorer.search.analysis.sweep_table import objective_of  # noqa: E402
from explorer.search.confirmation import confirmed, timed  # noqa: E402
from explorer.search.objectives import objective, price  # noqa: E402
from explorer.search.search import Candidate, best, candidates  # noqa: E402
from explorer.search.spaces import SPACES, space  # noqa: E402
from explorer.search.strategies import STRATEGIES, strategy  # noqa: E402

DRAWN = 200
"""Networks of a space that its percentiles are of."""
LOW, HIGH = 0.05, 0.80


@cache
def latencies(name: str, profile: str) -> np.ndarray:
    """Of random networks of a space."""
    made, rng = space(name), Random(f"targets/{name}")
    graphs = [made.graph(made.draw(rng)) for _ in range(DRAWN)]
    return np.array([ms for ms, _, _ in price(graphs, costmodel.load_profile(profile))])


def searched(number: int, profile: str, evaluations: int) -> dict[str, Any]:
    """One search with everything but the evaluations drawn from its number."""
    rng = Random(f"targets/{number}")
    name, kind = rng.choice(list(SPACES)), rng.choice(list(STRATEGIES))
    quantile = rng.uniform(LOW, HIGH)
    target = round(float(np.quantile(latencies(name, profile), quantile)), 3)
    row: dict[str, Any] = {"number": number, "profile": profile, "space": name, "strategy": kind, "target_ms": target}
    row |= {"quantile": round(quantile, 3), "evaluations": evaluations}
    made, scored = space(name), objective(objective_of(name))
    begun = time.process_time()
    going_on = candidates(made, costmodel.load_profile(profile), target, scored, strategy(kind), number)
    try:
        found = list(islice(going_on, evaluations))
    except archs.ArchError as error:
        return row | {"problem": str(error)}
    one = best(found, target, None)
    row |= {"evaluated": len(found), "cpu_s": round(time.process_time() - begun, 2)}
    row |= {"latency_ms": one.latency_ms, "low_ms": one.low_ms, "high_ms": one.high_ms}
    return row | {"spec": json.loads(made.spec(one.genome).to_json())}


def search(options: argparse.Namespace) -> None:
    """The searches that the file lacks."""
    rows = list(read(options.file))
    with options.file.open("a", encoding="utf-8") as file:
        for number in range(len(rows), options.searches):
            row = searched(number, str(options.profile), options.evaluations)
            file.write(json.dumps(row) + "\n")
            file.flush()
            said = row.get("problem") or f"{row['latency_ms']:.3g} ms for {row['target_ms']:g} ms, {row['cpu_s']} s"
            print(f"{number}: {row['space']}, {row['strategy']}: {said}", flush=True)


def confirm(options: argparse.Namespace) -> None:
    """Measure each search's network and search for less where it misses, until the seconds are over."""
    rows, begun = list(read(options.file)), time.monotonic()
    for row in rows:
        if time.monotonic() - begun > options.seconds:
            break
        if "spec" in row and "trials" not in row:
            row |= returned(row)
            write_together({options.file: "".join(json.dumps(row) + "\n" for row in rows)})
    print(f"{sum('trials' in row for row in rows)} of {len(rows)} confirmed")


def returned(row: dict[str, Any]) -> dict[str, Any]:
    """What a search returns that measures its networks."""
    made, profile = space(row["space"]), costmodel.load_profile(row["profile"])
    how = objective(objective_of(row["space"])), strategy(row["strategy"]), row["evaluations"], row["number"]

    def found(limit_ms: float) -> Sequence[Candidate]:
        return searching.search(made, profile, limit_ms, *how).candidates

    trials = list(confirmed(found, row["target_ms"], lambda one: timed(made.graph(one.genome), profile)))
    one = trials[-1].candidate
    return {
        "trials": [[trial.limit_ms, trial.candidate.latency_ms, *trial.builds_ms] for trial in trials],
        "kept": trials[-1].keeps(row["target_ms"]),
        "scores": [trial.candidate.score for trial in trials],
        "latency_ms": one.latency_ms,
        "low_ms": one.low_ms,
        "high_ms": one.high_ms,
        "spec": json.loads(made.spec(one.genome).to_json()),
    }


def measure(options: argparse.Namespace) -> None:
    """Time networks in random order until the seconds are over."""
    rows, begun = list(read(options.file)), time.monotonic()
    left = [row for row in rows if "spec" in row and "measured_ms" not in row]
    Random(0).shuffle(left)
    for row in left:
        if time.monotonic() - begun > options.seconds:
            break
        builds_ms = timed(
            archs.build(archs.Spec.from_json(json.dumps(row["spec"]))), costmodel.load_profile(row["profile"])
        )
        row |= {"builds_ms": builds_ms, "measured_ms": statistics.median(builds_ms)}
        write_together({options.file: "".join(json.dumps(row) + "\n" for row in rows)})
    print(f"{sum('measured_ms' in row for row in rows)} of {sum('spec' in row for row in rows)} timed")


def report(options: argparse.Namespace) -> None:
    """How many networks keep their target, by space too, and where the measured times lie in their intervals."""
    rows = list(read(options.file))
    figures = {"searches": f"{len(rows)}", "without a network": f"{sum('spec' not in row for row in rows)}"}
    if tried := [row for row in rows if "trials" in row]:
        counts = [len(row["trials"]) for row in tried]
        figures["networks measured by a search"] = f"{statistics.mean(counts):.1f} in the mean, up to {max(counts)}"
        figures["searches with a network that keeps the target"] = (
            f"{sum(row['kept'] for row in tried)} of {len(tried)}"
        )
    if again := [row for row in rows if "measured_ms" in row]:
        figures |= {"measured": f"{len(again)}", "within the target": share(again)}
        ratios = sorted(row["measured_ms"] / row["latency_ms"] for row in again)
        figures["measured / predicted"] = (
            f"{statistics.median(ratios):.3f} in the median, {ratios[0]:.3f} to {ratios[-1]:.3f}"
        )
        inside = sum(row["low_ms"] <= row["measured_ms"] <= row["high_ms"] for row in again)
        figures["inside the interval"] = f"{inside / len(again):.0%}"
        over = [row for row in again if row["measured_ms"] > row["target_ms"]]
        for row in over:
            print(f"over: {row['space']}, {row['target_ms']} ms, predicted {row['latency_ms']:.3f}, ", end="")
            print(f"measured {row['measured_ms']:.3f} of {', '.join(f'{ms:.1f}' for ms in row['builds_ms'])}")
        for name in SPACES:
            some = [row for row in again if row["space"] == name]
            if some:
                print(f"{name}: {share(some)}")
    for name, said in figures.items():
        print(f"{name}: {said}")
    if options.record:
        record(f"searches at random targets, {rows[0]['evaluations']} evaluations, measured", figures)


def share(rows: list[dict[str, Any]]) -> str:
    """How many of some networks keep their target."""
    within = sum(row["measured_ms"] <= row["target_ms"] for row in rows)
    return f"{within} of {len(rows)} ({within / len(rows):.0%})"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, none where it is not there."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("search", "confirm", "measure", "report"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--profile", type=Path, default=Path("cpu"))
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    {"search": search, "confirm": confirm, "measure": measure, "report": report}[options.action](options)


if __name__ == "__main__":
    main()
