"""The unknown operator: visible, shaped, never free."""

from __future__ import annotations

from dataclasses import dataclass

from archs.errors import ArchError, shorten
from archs.ir.operator import Function, Op, Shape


@dataclass(frozen=True)
class Opaque(Op):
    """An operator of an imported network that has no class here.

    Its output shape and its parameters are known from the import, its work is not: every total that it is in says
    "at least". It has no spelling, so a network that holds one cannot be exported.
    """

    target: str
    """What the importer met: `aten.grid_sampler.default`."""
    sizes: tuple[int, ...]
    weights: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))

    def output(self, *inputs: Shape) -> Shape:
        return Shape(*self.sizes)

    def params(self, *inputs: Shape) -> int:
        return self.weights

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # unknown: `costmodel.count` says so in a column of its own

    def spelling(self, *inputs: Shape) -> Function:
        raise ArchError(
            f"{shorten(self.target)} is an operator that the importer does not know; it has no PyTorch text"
        )

    def describe(self, *inputs: Shape) -> str:
        return f"unknown: {self.target}"
