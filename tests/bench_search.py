"""Networks per second, built, counted and priced, of MnasNet's space: `python tests/bench_search.py [SAMPLES]`."""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from explorer.search import sweep  # noqa: E402


def main() -> None:
    """Print the rate of a sweep on two processes, their start included."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        sweep.sweep(sweep.plan("mnasnet", samples, 0, "cpu"), Path(folder), workers=2)
        seconds = time.perf_counter() - begun
    print(f"{samples:,} networks in {seconds:.1f} s: {samples / seconds:,.0f} per second")


if __name__ == "__main__":
    main()
