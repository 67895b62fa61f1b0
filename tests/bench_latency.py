"""How long a prediction takes beyond counting. Prints a table; `python tests/bench_latency.py [profile]`."""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import archs
import costmodel
from archs.catalogue.sampling import random_edit
from costmodel.latency.features import _of_block as block_features
from costmodel.latency.features import _static as operator_features
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
    profile = costmodel.load_profile(sys.argv[1] if len(sys.argv) > 1 else DEFAULT)
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


if __name__ == "__main__":
    main()
