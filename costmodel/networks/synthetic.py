"""Synthetic networks with the operators of imports, each named by a style and a seed.

A medley has every block of `costmodel.networks.synthetic_blocks` once; other styles repeat one block. No clock here.
Start at `SyntheticNetwork`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Union

from archs import Graph, Spec, build
from archs.caching import cached
from archs.ir import ops
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import Op, Shape
from costmodel.errors import CostError
from costmodel.networks.synthetic_blocks import BLOCKS, Pen

FORMAT = "costmodel.foreign/1"
MEDLEY = "medley"
IMPORTED = "imported"  # label of their errors
STYLES = tuple(BLOCKS)
BLOCKS_PER_STAGE = 5  # of a medley
RESOLUTIONS = (96, 128, 160, 192, 224)


@dataclass(frozen=True)
class SyntheticNetwork:
    """A synthetic network. Raises CostError for an unknown style or an invalid seed."""

    name: str
    """Its style."""
    seed: int

    def __post_init__(self) -> None:
        if self.name not in (MEDLEY, *STYLES):
            raise CostError(f"style is {str(self.name)[:40]!r}; allowed: {', '.join((MEDLEY, *STYLES))}")
        if type(self.seed) is not int or not 0 <= self.seed < 1 << 53:
            raise CostError(f"seed is {str(self.seed)[:40]!r}; allowed: a whole number ≥ 0")

    def graph(self) -> Graph:
        return _graph(self)


Recipe = Union[Spec, SyntheticNetwork]  # noqa: UP007 evaluated at run time, for Python 3.10
"""The description of a timed network, from which its graph is made."""


def made(recipe: Recipe) -> Graph:
    """The graph of a recipe. Raises ArchError."""
    return recipe.graph() if isinstance(recipe, SyntheticNetwork) else build(recipe)


def recipe_dict(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON."""
    if isinstance(recipe, SyntheticNetwork):
        return {"format": FORMAT, "name": recipe.name, "seed": recipe.seed}
    return json.loads(recipe.to_json())


def read_recipe(data: Mapping[str, Any]) -> Recipe:
    """Read the output of `recipe_dict`. Raises ArchError or CostError for anything else."""
    if data.get("format") != FORMAT:
        return Spec.from_json(json.dumps(data))
    if data.keys() != {"format", "name", "seed"}:
        raise CostError(f"found {', '.join(map(str, data))[:80]}; allowed: format, name, seed")
    return SyntheticNetwork(data["name"], data["seed"])


@cached(256, "a network is timed in several sessions and fitted several times")
def _graph(recipe: SyntheticNetwork) -> Graph:
    rng = Random(f"{recipe.name} {recipe.seed}")
    side = rng.choice(RESOLUTIONS)
    b = Builder(recipe.name, Shape(3, side, side))
    pen = Pen(b, rng)
    channels = 8 * rng.choice((2, 2, 3, 3, 4, 5, 6))
    stages = _stages(recipe.name, rng)
    with b.scope("stem"):
        x = _stem(pen, channels)
    for number, styles in enumerate(stages, 1):
        with b.scope(f"stage{number}"):
            if number > 1:
                channels = min(256, 8 * round(channels * rng.choice((1.5, 2.0)) / 8))
                with b.scope("down"):
                    x = _down(pen, x, channels)
            for position, style in enumerate(styles, 1):
                pen.number = 0
                with b.scope(f"block{position}", style):
                    x = BLOCKS[style](pen, x)
    with b.scope("head"):
        _head(pen, x)
    return b.graph()


def _stages(name: str, rng: Random) -> list[list[str]]:
    """The blocks of each stage."""
    if name != MEDLEY:
        return [[name] * rng.choice((1, 2, 2, 3)) for _ in range(rng.choice((3, 3, 4)))]
    styles = rng.sample(list(BLOCKS), len(BLOCKS))
    return [styles[i : i + BLOCKS_PER_STAGE] for i in range(0, len(styles), BLOCKS_PER_STAGE)]


def _stem(p: Pen, channels: int) -> str:
    act: Op = p.rng.choice((ops.ReLU(), ops.SiLU(), ops.LeakyReLU(0.1), ops.GELU()))
    way = p.rng.choice(("patches", "two", "pool"))
    if way == "patches":  # ConvNeXt's
        x = p(ops.Permute((1, 2, 0)), p.conv(INPUT, channels, 4, norm=False, stride=4, padding=0))
        return p(ops.Permute((2, 0, 1)), p(ops.LayerNorm(), x))
    x = p.conv(INPUT, channels, p.rng.choice((3, 7)) if way == "pool" else 3, act, stride=2)
    return p(ops.MaxPool(3, 2, 1), x) if way == "pool" else p.conv(x, channels, 3, act, stride=2)


def _down(p: Pen, x: str, channels: int) -> str:
    if p.rng.random() < 0.5:
        return p.conv(x, channels, 3, p.rng.choice((ops.ReLU(), ops.LeakyReLU(0.1))), stride=2)
    if p.rng.random() < 0.5:
        x = p(ops.Permute((2, 0, 1)), p(ops.LayerNorm(), p(ops.Permute((1, 2, 0)), x)))
    return p.conv(x, channels, 2, norm=False, stride=2, padding=0)


def _head(p: Pen, x: str) -> None:
    channels = p.shape(x)[0]
    way = p.rng.choice(("plain", "powers", "norm"))
    if way == "powers":  # generalised mean (Radenović et al. 2018)
        x = p(ops.GlobalAvgPool(), p(ops.Power(3.0), p(ops.Clamp(1e-6), x)))
        x = p(ops.Flatten(), p(ops.Power(1 / 3), x))
    else:
        x = p(ops.GlobalAvgPool(flat=True), x)
        x = p(ops.LayerNorm(), x) if way == "norm" else x
    x = p(ops.Tanh(), p(ops.Linear(channels), x)) if p.rng.random() < 0.3 else x
    x = p(ops.Linear(p.rng.choice((10, 100, 1000))), x)
    if p.rng.random() < 0.4:
        p(ops.Softmax(), x)
