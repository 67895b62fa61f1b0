"""How long a prediction takes beyond counting. Prints a table; `python tests/bench_latency.py [profile]`."""

import statistics
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import archs
import costmodel
from costmodel.profile import DEFAULT

ROUNDS = 30


def milliseconds(call) -> tuple[float, float]:
    """(median, fastest) of CPU time: what a busy machine adds does not show."""
    samples = []
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        call()
        samples.append((time.process_time_ns() - start) / 1e6)
    return statistics.median(samples), min(samples)


def main() -> None:
    profile = costmodel.load_profile(sys.argv[1] if len(sys.argv) > 1 else DEFAULT)
    print(f"{'network':34}{'nodes':>6}{'count ms':>10}{'first ms':>10}{'median ms':>11}{'fastest ms':>12}")
    costmodel.predict(archs.build(archs.spec("mobilenet_v1", width=0.25)), profile)  # tables of the profile → arrays
    for name in archs.names():
        graph = archs.build(archs.spec(name))
        counting, _ = milliseconds(partial(costmodel.count, graph))
        start = time.process_time_ns()
        costmodel.predict(graph, profile)  # operators that were not seen before
        first = (time.process_time_ns() - start) / 1e6
        median, fastest = milliseconds(partial(costmodel.predict, graph, profile))
        print(f"{name:34}{len(graph.nodes):6}{counting:10.2f}{first:10.2f}{median:11.2f}{fastest:12.2f}")


if __name__ == "__main__":
    main()
