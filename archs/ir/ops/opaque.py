"""The operator of an imported network that has no class here: its shape is known, its work is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archs.ir.operator import Module, Op, Shape

MAX_NAME = 80


@dataclass(frozen=True)
class Opaque(Op):
    """An operator that the importer does not know. Totals that include it say "at least".

    Its output shape and parameters come from the import. Its PyTorch form is a stub of its name that raises when run.
    """

    target: str
    """The name in the imported program: `aten.grid_sampler.default`."""
    sizes: tuple[int, ...]
    weights: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))

    def output(self, *inputs: Shape) -> Shape:
        return Shape(*self.sizes)

    def params(self, *inputs: Shape) -> int:
        return self.weights

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # unknown: `costmodel.count` has a column for it

    def spelling(self, *inputs: Shape) -> Module:
        return Module("UnknownOperator", (re.sub(r"[^A-Za-z0-9_.:]", "_", self.target)[:MAX_NAME],))

    def describe(self, *inputs: Shape) -> str:
        return f"unknown: {self.target}"
