"""The networks that a calibration times, by a seed: half catalogue networks with random edits, a quarter random tables.

The rest are short stacks of one or two kinds; one network of ten is synthetic (`costmodel.networks.synthetic`).
No clock here. Start at `networks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, log
from random import Random
from typing import Any

from archs import ArchError, Graph, Spec, build
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec
from archs.tables.rows import (
    ActivationWord,
    AnyRow,
    Bottleneck,
    Conv,
    Fragments,
    GlobalPool,
    InvertedResidual,
    Linear,
    Pool,
    Separable,
    ShuffleV1,
    ShuffleV2,
)
from costmodel.networks.synthetic import MEDLEY, STYLES, Recipe, SyntheticNetwork

MIXED, STACK = "mixed", "stack"  # the names of random tables and stacks
STACKS = 1 / 2  # of the random networks
NORM = 0.75  # of the rows that may do without batch norm have it, in tables and in half of the stacks
TEN, SYNTHETIC_AT = 10, 4  # of ten networks the fifth is synthetic
HEAVY = 600_000_000  # multiply-adds; one such network costs the time of several
WIDE = 40_000_000  # elements over all activations
LIGHT_FAMILIES = tuple(name for name in FAMILIES if name != "resnet50")
ACTIVATIONS: tuple[ActivationWord, ...] = ("relu", "relu", "relu6", "hard_swish", "swish", "sigmoid", "hard_sigmoid")
GROUPS = (2, 3, 4, 8)
KINDS = {
    "inverted": 4.0,
    "separable": 2.0,
    "shuffle1": 2.0,
    "shuffle2": 3.0,
    "grouped": 8.0,
    "conv": 3.0,
    "bottleneck": 1.5,
    "fragments": 4.0,
    "pool": 3.0,
}
"""Kind of row in a random network → how often it is drawn."""
PALETTE = 4  # kinds in one table: so that enough tables go without any one of them


def networks(seed: int) -> Iterator[tuple[Recipe, Graph]]:
    """Endless: what a calibration times. Early on comes a network with every kind of operator."""
    tables, synthetic = table_networks(seed), synthetic_networks(seed)
    while True:
        for position in range(TEN):
            yield next(synthetic) if position == SYNTHETIC_AT else next(tables)


def synthetic_networks(seed: int) -> Iterator[tuple[SyntheticNetwork, Graph]]:
    """Endless: medleys and networks of one style in turn, all styles before one comes again; none too heavy."""
    rng = Random(seed)
    while True:
        for style in rng.sample(STYLES, len(STYLES)):
            for name in (MEDLEY, style):
                graph = None
                while graph is None or heavy(graph):
                    recipe = SyntheticNetwork(name, rng.randrange(1 << 48))
                    graph = recipe.graph()
                yield recipe, graph


def table_networks(
    seed: int, every: int = 2, families: tuple[str, ...] = LIGHT_FAMILIES
) -> Iterator[tuple[Spec, Graph]]:
    """Endless: random networks, one in `every`, and catalogue networks; none twice and none too heavy to time often."""
    rng = Random(seed)
    seen: set[Graph] = set()
    while True:
        try:
            if len(seen) % every:
                spec = random_catalogue_spec(rng, families)
            else:
                spec = random_stack(rng) if rng.random() < STACKS else random_table(rng)
            graph = build(spec)
        except ArchError:
            continue
        if graph not in seen and not heavy(graph):
            seen.add(graph)
            yield spec, graph


def heavy(graph: Graph) -> bool:
    """Whether a network would take the stopwatch's time from many others."""
    mult_adds = sum(node.op.mult_adds(*graph.input_shapes(node)) for node in graph.nodes)
    return mult_adds > HEAVY or sum(node.output.elements for node in graph.nodes) > WIDE or len(graph.nodes) > 400


def random_catalogue_spec(rng: Random, families: tuple[str, ...]) -> Spec:
    """A catalogue network at any width between the published ones, mostly at 224, half of the time edited."""
    if rng.random() < 0.4:
        return random_spec(rng, families)
    family = FAMILIES[rng.choice(families)]
    knobs: dict[str, Any] = {}
    for knob, values in family.knobs.items():
        published: Sequence[Any] = values
        knobs[knob] = rng.choice(published)
        if knob == "width" and knob in family.open_knobs and rng.random() < 0.7:
            knobs[knob] = round(rng.uniform(min(published), max(published)), 2)
        if knob == "resolution":
            knobs[knob] = 224 if rng.random() < 0.7 else rng.choice(published)
    return family.spec(**knobs)


def random_table(rng: Random) -> Spec:
    """A network of random rows, whose widths grow as the maps shrink, like those of the papers."""
    resolution = 224 if rng.random() < 0.65 else rng.choice((96, 128, 160, 192, 256))
    width = exp(rng.uniform(log(0.25), log(1.4)))
    act: ActivationWord = rng.choice(ACTIVATIONS)
    kinds = rng.sample(list(KINDS), PALETTE)
    rows: list[AnyRow] = [Conv(stage="stem", channels=_round(rng, 8, 64), stride=2, activation=act)]
    side = resolution // 2
    if rng.random() < 0.4:
        rows.append(Pool(stage="stem", mode=rng.choice(("max", "max", "average"))))
        side //= 2
    while len(rows) < 14:
        near = 24 * width * (resolution / 2 / side) ** 0.95
        stride = 2 if side > 7 and rng.random() < 0.65 else 1
        kind = rng.choices(kinds, [KINDS[kind] for kind in kinds])[0]
        rows.append(_row(rng, kind, f"stage{len(rows)}", _width(rows), near, stride, act))
        side = (side + stride - 1) // stride
        if side <= 7 and rng.random() < 0.4:
            break
    if rng.random() < 0.7:
        rows.append(Conv(stage="head", channels=_round(rng, 256, 1600), kernel=1, activation=act))
    rows.append(GlobalPool(stage="head", flat=rng.random() < 0.5))
    if rng.random() < 0.3:
        rows.append(Linear(stage="head", channels=_round(rng, 128, 1400), activation=rng.choice(ACTIVATIONS)))
    rows.append(Linear(stage="head", channels=rng.choice((1000, 1000, 1000, 100, 10)), dropout=rng.choice((0.0, 0.2))))
    return Spec(name=MIXED, rows=tuple(rows), resolution=resolution)


def random_stack(rng: Random) -> Spec:
    """A few rows of one or two kinds on a map of one size, half of them without any batch norm."""
    resolution = rng.choice((7, 14, 28, 28, 56, 56, 56, 112, 112))
    near = exp(rng.uniform(log(24), log(min(600, 40_000 / resolution))))
    act: ActivationWord = rng.choice((*ACTIVATIONS, "none"))
    norm = rng.choice((0.0, NORM))
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=rng.choice((1, 2)))
    channels = _round(rng, 0.7 * near, 1.4 * near)
    rows: list[AnyRow] = []
    for i in range(rng.randint(1, 4)):
        rows.append(_row(rng, rng.choice(kinds), f"stage{i}", _width(rows, channels), near, 1, act, norm, odd=True))
    return Spec(name=STACK, rows=tuple(rows), input_channels=channels, resolution=resolution)


def _width(rows: list[AnyRow], channels: int = 3) -> int:
    """The channels that the next row finds."""
    return next((row.channels for row in reversed(rows) if not isinstance(row, (Pool, GlobalPool))), channels)


def _round(rng: Random, low: float, high: float, multiple: int | None = None) -> int:
    """A width, log-uniform; now and then one that no vector unit likes."""
    multiple = multiple or rng.choice((1, 2, 4, 8, 8, 8, 16))
    return max(multiple, round(exp(rng.uniform(log(low), log(high))) / multiple) * multiple)


def _row(
    rng: Random,
    kind: str,
    stage: str,
    width: int,
    near: float,
    stride: int,
    act: ActivationWord,
    norm: float = NORM,
    odd: bool = False,
) -> AnyRow:
    """`odd`: groups of any width, as micro-benchmarks have them, and not of the multiples of 4 that networks have."""
    low, high = max(8, 0.7 * near), max(10, 1.4 * near)
    channels = _round(rng, low, high)
    groups = rng.choice([groups for groups in GROUPS if width % groups == 0] or [1])
    multiple = groups if odd else 24 if groups == 3 else 4 * groups
    grouped = _round(rng, max(low, 4 * groups), max(high, 8 * groups), multiple)
    kernel = rng.choice((3, 3, 5, 7))
    where: dict[str, Any] = {"stage": stage, "stride": stride, "repeat": rng.choice((1, 1, 2, 2, 3, 4, 6))}
    if kind == "inverted":
        return InvertedResidual(
            channels=channels,
            kernel=kernel,
            expansion=rng.choice((1.0, 2.0, 3.0, 4.0, 6.0, 6.0, round(rng.uniform(1, 6.5), 2))),
            se=rng.choice((0.0, 0.0, 0.25, 0.25, 0.1)),
            se_of=rng.choice(("expanded", "input")),
            gate=rng.choice(("sigmoid", "hard_sigmoid")),
            activation=act,
            **where,
        )
    if kind == "separable":
        return Separable(channels=channels, kernel=kernel, norm=rng.random() < norm, activation=act, **where)
    if kind == "shuffle1":
        wide = _round(rng, 2 * low, 3 * high, 24 if groups == 3 else 4 * groups)
        first = rng.random() < 0.7
        return ShuffleV1(channels=wide, groups=groups, kernel=3, group_first=first, activation=act, **where)
    if kind == "shuffle2":
        return ShuffleV2(
            channels=channels // 4 * 4 + 4,
            kernel=kernel,
            downsample=rng.choice(("keep", "half")),
            activation=act,
            **where,
        )
    if kind == "grouped":
        if rng.random() < 0.5:  # as wide as ShuffleNetV1's
            grouped = _round(rng, 2 * low + 4 * groups, 4 * high + 4 * groups, multiple)
        kernel = rng.choice((1, 1, 3))
        return Conv(channels=grouped, kernel=kernel, groups=groups, norm=rng.random() < norm, activation=act, **where)
    if kind == "conv":
        kernel = rng.choice((1, 1, 3, 3, 5)) if near < 130 else 1
        return Conv(channels=min(channels, 400), kernel=kernel, norm=rng.random() < norm, activation=act, **where)
    if kind == "bottleneck":
        plain: dict[str, Any] = (
            {} if rng.random() < 0.5 else {"norm": False, "relu": rng.random() < 0.5, "shortcut": rng.random() < 0.5}
        )
        return Bottleneck(channels=channels, inner=max(4, channels // 4), groups=1, **plain, **where)
    if kind == "fragments":
        fragments: Any = rng.choice((1, 2, 4))
        if stride == 1:
            layout: Any = rng.choice(("series", "parallel"))
            return Fragments(channels=channels, fragments=fragments, layout=layout, stage=stage, repeat=where["repeat"])
        return Conv(channels=channels, kernel=1, activation="none", **where)
    return Pool(stage=stage, mode=rng.choice(("max", "average")), kernel=rng.choice((3, 3, 5)), stride=stride)
