"""The validation networks, fixed by seeds that no calibration uses; none of them is ever fitted.

Four groups: the catalogue at several widths and resolutions, random edits of it, random tables, and synthetic networks
with the operators of imports. No clock here. Start at `suite`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeVar

import archs
from archs import ArchError, Graph, Spec
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_edit
from costmodel.calibration.sample import LIGHT_FAMILIES, heavy, random_table
from costmodel.networks.synthetic import IMPORTED, STYLES, Recipe, SyntheticNetwork, made

T = TypeVar("T")
SEED = 7_000_000
EDITED, TABLES = 36, 18
RESOLUTION = 224  # of the catalogue group also others


class SuiteNetwork(NamedTuple):
    """One network of the suite."""

    group: str
    """"catalogue", "edited", "table" or "imported"."""
    spec: Recipe
    graph: Graph


def suite(seen: frozenset[Graph] = frozenset()) -> list[SuiteNetwork]:
    """At least 100 networks, without those in `seen` (a training set)."""
    found: dict[Graph, SuiteNetwork] = {}
    groups: dict[str, Iterator[Recipe]] = {
        "catalogue": _catalogue(),
        "edited": _edited(),
        "table": _tables(),
        IMPORTED: _imported(),
    }
    for group, specs in groups.items():
        for spec in specs:
            graph = made(spec)
            if graph not in seen and graph not in found:
                found[graph] = SuiteNetwork(group, spec, graph)
    return list(found.values())


def _catalogue() -> Iterator[Spec]:
    for name in LIGHT_FAMILIES:
        knobs = FAMILIES[name].knobs
        others = {knob: values for knob, values in knobs.items() if knob not in ("width", "resolution")}
        if "width" in knobs:
            for i, width in enumerate(knobs["width"]):
                chosen = {knob: values[i % len(values)] for knob, values in others.items()}
                yield archs.spec(name, width=width, resolution=RESOLUTION, **chosen)
        for values in others.items():
            for value in values[1]:
                yield archs.spec(name, **{values[0]: value}, resolution=RESOLUTION)
        for resolution in (128, 160, 192):
            yield archs.spec(name, resolution=resolution)


def _edited() -> Iterator[Spec]:
    rng = Random(SEED)

    def edited(number: int) -> Spec:
        name = LIGHT_FAMILIES[number % len(LIGHT_FAMILIES)]
        knobs = FAMILIES[name].knobs
        spec = archs.spec(name, **{knob: rng.choice(values) for knob, values in knobs.items() if knob != "resolution"})
        for _ in range(rng.randint(1, 5)):
            spec, _ = random_edit(spec, rng)
        return spec

    return _drawn(EDITED, edited)


def _tables() -> Iterator[Spec]:
    rng = Random(SEED + 1)
    return _drawn(TABLES, lambda _: random_table(rng))


def _drawn(count: int, draw: Callable[[int], Spec]) -> Iterator[Spec]:
    """`count` networks that `draw` makes, given the number of those before; invalid and heavy ones are drawn again."""
    number = 0
    while number < count:
        try:
            spec = draw(number).edit(resolution=RESOLUTION)
            graph = archs.build(spec)
        except ArchError:
            continue
        if not heavy(graph):
            number += 1
            yield spec


def _imported() -> Iterator[SyntheticNetwork]:
    """One network of each style."""
    for style in STYLES:
        seed = SEED + 2
        while heavy(SyntheticNetwork(style, seed).graph()):
            seed += 1
        yield SyntheticNetwork(style, seed)


def spread_over(networks: Sequence[T], count: int | None) -> list[T]:
    """`count` of the networks, evenly over their order; all of them for None or a larger count.

    >>> spread_over(["a", "b", "c", "d", "e"], 2)
    ['a', 'c']
    """
    if count is None or count >= len(networks):
        return list(networks)
    return [networks[number * len(networks) // count] for number in range(count)]
