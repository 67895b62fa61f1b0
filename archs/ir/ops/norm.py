"""Normalisation: batch, layer, root mean square and group norm."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from archs.errors import ArchError
from archs.ir.operator import (
    EPS,
    Module,
    Op,
    Shape,
    divisors,
    one_input,
    words,
)


@dataclass(frozen=True)
class BatchNorm(Op):
    """Batch normalisation with a scale and a shift per channel; the running statistics are not parameters.

    `eps` is not compared: no cost depends on it, so networks that differ in it alone are equal.
    """

    eps: float = field(default=EPS, compare=False)
    affine: bool = True

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) > 3:
            raise ArchError(f"batch norm takes channels, with or without a map, found {x}")
        return x

    def params(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # element-wise work, counted in another column

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = [("eps", self.eps)] if self.eps != EPS else []
        if not self.affine:
            kwargs.append(("affine", False))
        rank = 2 if len(inputs[0]) == 3 else 1
        return Module(f"nn.BatchNorm{rank}d", (inputs[0][0],), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return "batch norm"


class _Norm(Op):
    affine: bool
    eps: float | None

    def output(self, *inputs: Shape) -> Shape:
        return one_input(inputs, self)

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # element-wise work, as batch norm

    def describe(self, *inputs: Shape) -> str:
        return words(type(self).__name__)

    def _kwargs(self, free: float | None = EPS) -> tuple[tuple[str, object], ...]:
        kwargs: list[tuple[str, object]] = [("eps", self.eps)] if self.eps != free else []
        return tuple(kwargs)


@dataclass(frozen=True)
class LayerNorm(_Norm):
    """To mean 0 and variance 1 over the last `axes` axes, then a learned scale and shift (Ba et al. 2016)."""

    axes: int = 1
    affine: bool = True
    bias: bool = True
    eps: float = field(default=EPS, compare=False)

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if not 1 <= self.axes <= len(x):
            raise ArchError(f"layer norm over {self.axes} axes of {x}; allowed: 1 to {len(x)}")
        return x

    def params(self, *inputs: Shape) -> int:
        return prod(inputs[0][-self.axes :]) * (1 + self.bias) if self.affine else 0

    def spelling(self, *inputs: Shape) -> Module:
        sizes = tuple(inputs[0][-self.axes :])
        kwargs = self._kwargs()
        if not self.affine:
            kwargs = (*kwargs, ("elementwise_affine", False))
        elif not self.bias:
            kwargs = (*kwargs, ("bias", False))
        return Module("nn.LayerNorm", (sizes if len(sizes) > 1 else sizes[0],), kwargs)


@dataclass(frozen=True)
class RMSNorm(_Norm):
    """To root mean square 1 over the last `axes` axes, then a learned scale (Zhang and Sennrich 2019)."""

    axes: int = 1
    affine: bool = True
    eps: float | None = field(default=None, compare=False)

    def params(self, *inputs: Shape) -> int:
        return prod(inputs[0][-self.axes :]) if self.affine else 0

    def spelling(self, *inputs: Shape) -> Module:
        sizes = tuple(inputs[0][-self.axes :])
        kwargs = self._kwargs(None)
        if not self.affine:
            kwargs = (*kwargs, ("elementwise_affine", False))
        return Module("nn.RMSNorm", (sizes if len(sizes) > 1 else sizes[0],), kwargs)

    def describe(self, *inputs: Shape) -> str:
        return "rms norm"


@dataclass(frozen=True)
class GroupNorm(_Norm):
    """To mean 0 and variance 1 over each group of channels, then a scale and a shift (Wu and He 2018)."""

    groups: int
    affine: bool = True
    eps: float = field(default=EPS, compare=False)

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if x[0] % self.groups:
            raise ArchError(f"groups={self.groups} must divide {x[0]} channels; allowed: {divisors(x[0])}")
        return x

    def params(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = self._kwargs() if self.affine else (*self._kwargs(), ("affine", False))
        return Module("nn.GroupNorm", (self.groups, inputs[0][0]), kwargs)
