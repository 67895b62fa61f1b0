"""Random valid networks for tests and calibration: catalogue networks with random edits.

The random generator is the caller's, so a seed determines a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from archs.catalogue.registry import FAMILIES
from archs.errors import ArchError
from archs.ir.graph import Graph
from archs.tables.lower import build
from archs.tables.rows import (
    KINDS,
    MAX_CHANNELS,
    ActivationWord,
    Bottleneck,
    Conv,
    Fragments,
    GlobalPool,
    InvertedResidual,
    Linear,
    Pool,
    Row,
    Separable,
    ShuffleV1,
    ShuffleV2,
)
from archs.tables.table import Spec

ACTIVATIONS: tuple[ActivationWord, ...] = ("relu", "relu6", "hard_swish", "swish", "sigmoid", "hard_sigmoid")


def random_spec(rng: Random, families: Sequence[str] = tuple(FAMILIES), edits: int = 6) -> Spec:
    """A catalogue network at random knobs, with up to `edits` random edits. Its graph builds."""
    family = FAMILIES[rng.choice(families)]
    spec = family.spec(**{knob: rng.choice(values) for knob, values in family.knobs.items()})
    for _ in range(rng.randint(1, edits)):
        spec, _ = random_edit(spec, rng)
    return spec


def random_edit(spec: Spec, rng: Random, tries: int = 50) -> tuple[Spec, Graph]:
    """The spec after one random edit that leaves a valid network, and its graph."""
    for _ in range(tries):
        try:
            edited = rng.choice(_EDITS)(spec, rng)
            if edited != spec:
                return edited, build(edited)
        except ArchError:
            continue
    return spec, build(spec)


def _body(spec: Spec, rng: Random) -> int:
    """The index of a row that is neither the stem nor the classifier's."""
    return rng.randrange(1, max(2, len(spec.rows) - 2))


def _channels(rng: Random, near: int) -> int:
    """A width near another; in three of ten cases not rounded to 8."""
    wide = max(1, round(near * rng.choice((0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0))))
    return min(2048, wide if rng.random() < 0.3 else max(8, wide // 8 * 8))


def _edit_column(spec: Spec, rng: Random) -> Spec:
    index = rng.randrange(len(spec.rows))
    row = spec.rows[index]
    column = rng.choice([c for c in type(row).model_fields if c not in ("stage", "expanded", "expansion")])
    value = _value(row, column, rng)
    return spec.edit_row(index, **{column: value}) if value is not None else spec


def _value(row: Row, column: str, rng: Random) -> object:
    """A value for a column of a row, or None where this row leaves no choice."""
    current = getattr(row, column)
    if column in ("channels", "inner"):
        return _channels(rng, current)
    choices: dict[str, tuple[object, ...]] = {
        "kernel": (1, 3, 5, 7),
        "stride": (1, 2),
        "repeat": (1, 2, 3),
        "groups": (1, 2, 3, 4, 8),
        "activation": ACTIVATIONS if not isinstance(row, Linear) else ("none", "relu", "hard_swish"),
        "dw_activation": ("none", "relu", "hard_swish"),
        "out_activation": ("none", "relu", "hard_swish"),
        "shuffle_after": ("reduce", "depthwise", "restore"),
        "shuffle_at": ("start", "end"),
        "merge": ("add", "concat"),
        "gate": ("sigmoid", "hard_sigmoid"),
        "se": (0.0, 0.25, 0.5),
        "se_of": ("expanded", "input"),
        "split": (0.25, 0.5, 0.75),
        "bottleneck": (0.25, 0.5, 1.0),
        "downsample": ("keep", "half"),
        "layout": ("series", "parallel"),
        "fragments": (1, 2, 4),
        "mode": ("max", "average"),
        "dropout": (0.0, 0.2),
    }
    if isinstance(current, bool):
        return not current
    return rng.choice(choices[column])


def _edit_expansion(spec: Spec, rng: Random) -> Spec:
    index = rng.choice([i for i, row in enumerate(spec.rows) if isinstance(row, InvertedResidual)] or [0])
    if not isinstance(spec.rows[index], InvertedResidual):
        return spec
    if rng.random() < 0.5:
        return spec.edit_row(index, expanded=None, expansion=rng.choice((1.0, 2.0, 3.0, 4.0, 6.0)))
    return spec.edit_row(index, expansion=None, expanded=rng.choice((16, 48, 64, 96, 120, 144, 184, 240, 384, 576)))


def _replace(spec: Spec, rng: Random) -> Spec:
    index = _body(spec, rng)
    return spec.edit(rows=(*spec.rows[:index], _random_row(spec.rows[index], rng), *spec.rows[index + 1 :]))


def _insert(spec: Spec, rng: Random) -> Spec:
    index = _body(spec, rng)
    row = _random_row(spec.rows[index], rng)
    return spec.edit(rows=(*spec.rows[:index], row, *spec.rows[index:]))


def _delete(spec: Spec, rng: Random) -> Spec:
    index = _body(spec, rng)
    return spec.edit(rows=(*spec.rows[:index], *spec.rows[index + 1 :]))


def _resize(spec: Spec, rng: Random) -> Spec:
    return spec.edit(resolution=rng.choice((32, 48, 64, 96, 112, 128, 160, 192, 224)))


def _random_row(near: Row, rng: Random) -> Row:
    """A block of another kind with the width and stride of the row that it stands for."""
    channels = getattr(near, "channels", 64)
    channels = max(24, min(channels, MAX_CHANNELS // 4) // 24 * 24)  # divisible by every published group count
    stride, stage = getattr(near, "stride", 1), near.stage
    kernel, act = rng.choice((3, 3, 5, 7)), rng.choice(ACTIVATIONS)
    makers: dict[type[Row], Callable[[], Row]] = {
        Conv: lambda: Conv(
            stage=stage, channels=channels, kernel=rng.choice((1, 3)), stride=stride, groups=rng.choice((1, 1, 2, 4))
        ),
        Separable: lambda: Separable(stage=stage, channels=channels, kernel=kernel, stride=stride, activation=act),
        InvertedResidual: lambda: InvertedResidual(
            stage=stage,
            channels=channels,
            kernel=kernel,
            stride=stride,
            expansion=rng.choice((1.0, 3.0, 6.0)),
            se=rng.choice((0.0, 0.25)),
            activation=act,
        ),
        ShuffleV1: lambda: ShuffleV1(
            stage=stage, channels=4 * channels, stride=stride, groups=rng.choice((1, 2, 3, 4, 8)), kernel=kernel
        ),
        ShuffleV2: lambda: ShuffleV2(stage=stage, channels=channels, stride=stride, kernel=kernel),
        Bottleneck: lambda: Bottleneck(
            stage=stage, channels=channels, inner=channels // 4, stride=stride, shortcut=rng.random() < 0.7
        ),
        Fragments: lambda: Fragments(
            stage=stage, channels=channels, fragments=rng.choice((1, 2, 4)), layout="parallel"
        ),
        Pool: lambda: Pool(stage=stage, mode=rng.choice(("max", "average")), stride=stride),
    }
    return makers[rng.choice([kind for kind in KINDS.values() if kind not in (GlobalPool, Linear)])]()


_EDITS: tuple[Callable[[Spec, Random], Spec], ...] = (
    _edit_column,
    _edit_column,
    _edit_column,
    _edit_expansion,
    _replace,
    _insert,
    _delete,
    _resize,
)
