"""How often the graph that ONNX Runtime makes is the predicted one: the whole catalogue and 500 random tables.

`python bench_fused_graph.py [tables]`; a table takes a third of a second. Prints the rates and what differs.
"""

import itertools
import sys
from collections import Counter
from random import Random

from support.onnx_runtime_model import compared

import archs
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec


def catalogue():
    """Every network of the catalogue at every value of its knobs."""
    for name, family in FAMILIES.items():
        for values in itertools.product(*family.knobs.values()):
            knobs = dict(zip(family.knobs, values))
            yield f"{name} {knobs}", archs.spec(name, **knobs)


def report(title, networks):
    """Print the rate of equal graphs, and each that differs."""
    found = Counter()
    for name, spec in networks:
        lines = compared(spec)
        found[not lines] += 1
        for line in lines[:4]:
            print(f"{name}: {line}", flush=True)
    print(f"{title}: {found[True]} of {found.total()} equal", flush=True)


if __name__ == "__main__":
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    report("catalogue", catalogue())
    report("random tables", ((f"seed {seed}", random_spec(Random(seed))) for seed in range(tables)))
