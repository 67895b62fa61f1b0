"""The edges of a network with several inputs or outputs: further inputs by example, and outputs as a tuple,
or with the images in another dimension than the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from archs.errors import ArchError
from archs.ir.operator import Function, Module, Shape, Unweighted, one_input
from archs.ir.ops.layout import Sized


@dataclass(frozen=True)
class ExampleInput(Sized):
    """Another input than the image, with the values that it was imported with; it reads the image for its batch."""

    def output(self, *inputs: Shape) -> Shape:
        one_input(inputs, self)
        return Shape(*self.sizes)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("ExampleInput", self.sizes)


@dataclass(frozen=True)
class BatchMoved(Unweighted):
    """An output that has the dimension of the images behind others, as recurrent networks give it: places first."""

    dim: int

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if type(self.dim) is not int or not 1 <= self.dim <= len(x):
            raise ArchError(f"the images of {x} moved to dimension {self.dim!r}; allowed: 1 to {len(x)}")
        return x

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.movedim(0, {dim})", (("dim", self.dim),))


@dataclass(frozen=True)
class Outputs(Unweighted):
    """All outputs of a network that gives several, as a tuple; its shape is that of the first."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) < 2:
            raise ArchError(f"outputs takes at least 2 inputs, found {len(inputs)}")
        return inputs[0]

    def spelling(self, *inputs: Shape) -> Function:
        return Function("({all})")
