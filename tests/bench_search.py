"""Networks per second, built, counted and priced, of MnasNet's space: `python tests/bench_search.py [SAMPLES] [--record]`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from support.benchmark_records import record  # noqa: E402

from explorer.search import sweep  # noqa: E402


def main() -> None:
    """Print the rate of a sweep on two processes, their start included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", nargs="?", type=int, default=100_000)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    samples = options.samples
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        sweep.sweep(sweep.plan("mnasnet", samples, 0, "cpu"), Path(folder), workers=2)
        seconds = time.perf_counter() - begun
    print(f"{samples:,} networks in {seconds:.1f} s: {samples / seconds:,.0f} per second")
    if options.record:
        record("sweep of MnasNet's space, two processes", {f"{samples:,} networks": f"{samples / seconds:,.0f} per s"})


if __name__ == "__main__":
    main()
