"""How long a prediction takes beyond counting. Prints a table; `python tests/bench_latency.py [profile] [--record]`."""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.benchmark_records import record

import archs
import costmodel
from archs.catalogue.sampling import random_edit
from costmodel.latency.features import _static as operator_features
from costmodel.latency.features import of_block as block_features
from costmodel.latency.profile import DEFAULT

ROUNDS = 30


def milliseconds(calls: Iterable[Callable[[], object]]) -> tuple[float, float]:
    """(median, fastest) of CPU time: what a busy machine adds does not show."""
    samples = []
    for call in calls:
        start = time.process_time_ns()
        call()
        samples.append((time.process_time_ns() - start) / 1e6)
    return statistics.median(samples), min(samples)


def edited(spec: archs.Spec) -> list[archs.Graph]:
    """ROUNDS networks, each one edit away from the table."""
    rng = random.Random(ROUNDS)
    found: dict[archs.Graph, None] = {}
    while len(found) < ROUNDS:
        found.setdefault(random_edit(spec, rng)[1])
    return list(found)


def main() -> None:
    """Per network: `first` of a process that has seen no operator, `edit` of networks that were not seen before and
    are one edit away from one that was, `again` of the same network.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", nargs="?", default=DEFAULT)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    profile = costmodel.load_profile(options.profile)
    medians: dict[str, list[float]] = {"count": [], "edit": [], "again": []}
    print(
        f"{'network, CPU ms':32}{'nodes':>6}{'count':>8}{'first':>8}{'edit':>8}{'fastest':>9}{'again':>8}{'fastest':>9}"
    )
    for name in archs.names():
        spec = archs.spec(name)
        graph, others = archs.build(spec), edited(spec)
        counting, _ = milliseconds([partial(costmodel.count, graph)] * ROUNDS)
        costmodel.predict(graph, profile)  # tables of the profile → arrays
        operator_features.cache_clear()
        block_features.cache_clear()
        first, _ = milliseconds([partial(costmodel.predict, graph, profile)])
        edit, fastest_edit = milliseconds([partial(costmodel.predict, other, profile) for other in others])
        again, fastest = milliseconds([partial(costmodel.predict, graph, profile)] * ROUNDS)
        print(
            f"{name:32}{len(graph.nodes):6}{counting:8.2f}{first:8.2f}{edit:8.2f}{fastest_edit:9.2f}{again:8.2f}{fastest:9.2f}"
        )
        for kind, value in {"count": counting, "edit": edit, "again": again}.items():
            medians[kind].append(value)
    if options.record:
        figures = {kind: f"{statistics.median(values):.2f} ms" for kind, values in medians.items()}
        record("prediction, CPU ms, median over the catalogue", figures)


if __name__ == "__main__":
    main()
