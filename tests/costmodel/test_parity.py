"""The graph against the module that is exported from it, and against the counters that run that module.

Integers, no tolerance: parameters, multiply-adds (fvcore's conv + linear rows, half of FlopCounterMode), the shape
that comes out; and the export and the JSON text are stable.
"""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import archs
import costmodel
from archs.catalogue.family import combinations
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec
from archs.tables.table import Spec

SEEDS = 2000
FAST_SEEDS = 10  # of them in the default run
CHUNK = 10  # seeds per test, so that pytest-xdist can share them out


def mismatches(spec: Spec) -> list[str]:
    """What differs between the graph of a spec, its module, and what is read back, a line each; none is the bar."""
    graph = archs.build(spec)
    total = costmodel.count(graph).total
    text = archs.to_source(graph)
    module = archs.from_source(text).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = module(torch.zeros(1, *graph.input))
    again = Spec.from_json(spec.to_json())
    pairs = {
        "parameters": (total.params, sum(p.numel() for p in module.parameters())),
        "fvcore's conv + linear": (total.mult_adds, costmodel.run_fvcore(graph).mult_adds),
        "FlopCounterMode": (2 * total.mult_adds, counter.get_total_flops()),
        "output shape": ((1, *graph.output), tuple(output.shape)),
        "JSON": (spec, again),
        "re-export": (text, archs.to_source(archs.build(again))),
    }
    return [f"{what}: {ours!s:.80} is not {theirs!s:.80}" for what, (ours, theirs) in pairs.items() if ours != theirs]


def configurations() -> list[tuple[str, dict[str, object]]]:
    """Every family at every combination of its published knobs; resolutions other than the default by themselves."""
    found = []
    for name, family in FAMILIES.items():
        shapes = {knob: values for knob, values in family.knobs.items() if knob != "resolution"}
        found += [(name, knobs) for knobs in combinations(shapes)]
        default = family.default("resolution")
        found += [(name, {"resolution": size}) for size in family.knobs["resolution"] if size != default]
    return found


CONFIGURATIONS = configurations()


def test_there_are_enough_configurations():
    assert len(CONFIGURATIONS) >= 80
    assert {name for name, _ in CONFIGURATIONS} == set(archs.names())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "knobs"),
    CONFIGURATIONS,
    ids=[" ".join([name, *[f"{knob}={value}" for knob, value in knobs.items()]]) for name, knobs in CONFIGURATIONS],
)
def test_catalogue(name, knobs):
    assert mismatches(archs.spec(name, **knobs)) == []


@pytest.mark.parametrize(
    "first",
    [pytest.param(n, marks=[pytest.mark.slow] if n >= FAST_SEEDS else []) for n in range(0, SEEDS, CHUNK)],
)
def test_random_edits(first):
    found = {}
    for seed in range(first, first + CHUNK):
        rng = Random(seed)
        spec = random_spec(rng).edit(resolution=rng.choice((32, 40, 48, 64)))
        if wrong := mismatches(spec):
            found[seed] = wrong
    assert found == {}


@pytest.mark.parametrize("name", archs.names())
def test_the_meta_device_counts_the_same(name):
    """FlopCounterMode needs no memory there; fvcore cannot trace a convolution there (see `run_fvcore`)."""
    graph = archs.build(archs.spec(name))
    with torch.device("meta"):
        module = archs.to_module(graph).eval()
        with FlopCounterMode(display=False) as counter:
            module(torch.zeros(1, *graph.input))
    assert counter.get_total_flops() == 2 * costmodel.count(graph).total.mult_adds
