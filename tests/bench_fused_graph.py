"""How often the graph that ONNX Runtime makes is the predicted one: the whole catalogue and 500 random tables.

`python tests/bench_fused_graph.py [TABLES] [--record]`; a table takes a third of a second. Prints the rates and what
differs.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from support.benchmark_records import record  # noqa: E402
from support.onnx_runtime_model import compared  # noqa: E402

import archs  # noqa: E402
from archs.catalogue.family import combinations  # noqa: E402
from archs.catalogue.registry import FAMILIES  # noqa: E402
from archs.catalogue.sampling import random_spec  # noqa: E402


def catalogue():
    """Every network of the catalogue at every value of its knobs."""
    for name, family in FAMILIES.items():
        for knobs in combinations(family.knobs):
            yield f"{name} {knobs}", archs.spec(name, **knobs)


def report(title, networks):
    """The rate of equal graphs, printed, and each that differs."""
    found = Counter()
    for name, spec in networks:
        lines = compared(spec)
        found[not lines] += 1
        for line in lines[:4]:
            print(f"{name}: {line}", flush=True)
    rate = f"{found[True]} of {found.total()} equal"
    print(f"{title}: {rate}", flush=True)
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="?", type=int, default=500)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    tables = ((f"seed {seed}", random_spec(Random(seed))) for seed in range(options.tables))
    found = {"catalogue": report("catalogue", catalogue()), "random tables": report("random tables", tables)}
    if options.record:
        record("fused graph of ONNX Runtime", found)


if __name__ == "__main__":
    main()
