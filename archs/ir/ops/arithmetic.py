"""Arithmetic: on two tensors, with a constant, with a learned tensor, and reductions over axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import (
    Elementwise,
    Function,
    Module,
    Op,
    Shape,
    Unweighted,
    axis_of,
    broadcast,
    finite,
    one_input,
    positive,
    words,
)


@dataclass(frozen=True)
class Add(Unweighted):
    """The sum of two tensors: the residual shortcut."""

    def output(self, *inputs: Shape) -> Shape:
        return broadcast(inputs, "add")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} + {1}")


@dataclass(frozen=True)
class Multiply(Unweighted):
    """A tensor times a gate of its own shape, of C×1×1 (squeeze-and-excite), or of other sides of 1."""

    def output(self, *inputs: Shape) -> Shape:
        return broadcast(inputs, "multiply")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} * {1}")


@dataclass(frozen=True)
class Subtract(Unweighted):
    """The difference of two tensors, the first less the second."""

    def output(self, *inputs: Shape) -> Shape:
        return broadcast(inputs, "subtract")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} - {1}")


@dataclass(frozen=True)
class Divide(Unweighted):
    """The quotient of two tensors, the first over the second."""

    def output(self, *inputs: Shape) -> Shape:
        return broadcast(inputs, "divide")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} / {1}")


@dataclass(frozen=True)
class Maximum(Unweighted):
    """The larger of two tensors, element by element."""

    def output(self, *inputs: Shape) -> Shape:
        return broadcast(inputs, "maximum")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.maximum({0}, {1})")


@dataclass(frozen=True)
class MultiplyConstant(Elementwise):
    """Times a number."""

    value: float

    def __post_init__(self) -> None:
        finite(self.value, "value")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} * {value}", (("value", self.value),))


@dataclass(frozen=True)
class AddConstant(Elementwise):
    """Plus a number."""

    value: float

    def __post_init__(self) -> None:
        finite(self.value, "value")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} + {value}", (("value", self.value),))


@dataclass(frozen=True)
class Power(Elementwise):
    """To a power: 2 the square, 0.5 the root, −1 the reciprocal."""

    exponent: float

    def __post_init__(self) -> None:
        finite(self.exponent, "exponent")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.pow({exponent})", (("exponent", self.exponent),))


@dataclass(frozen=True)
class Exp(Elementwise):
    """e to the x."""

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.exp()")


@dataclass(frozen=True)
class _Learned(Op):
    """A tensor of `sizes`, broadcast over the input's last axes; a constant where it is not `trained`."""

    sizes: tuple[int, ...]
    trained: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        for side in self.sizes:
            positive(side, "size")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        over = x[len(x) - len(self.sizes) :]
        if len(self.sizes) > len(x) or any(side not in (1, other) for side, other in zip(self.sizes, over)):
            raise ArchError(f"{self.describe()} of {Shape(*self.sizes)} does not stretch over {x}")
        return x

    def params(self, *inputs: Shape) -> int:
        return prod(self.sizes) if self.trained else 0

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # element-wise work

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = () if self.trained else (("trained", False),)
        return Module(type(self).__name__, self.sizes, kwargs)

    def describe(self, *inputs: Shape) -> str:
        return words(type(self).__name__)


@dataclass(frozen=True)
class Scale(_Learned):
    """Times a learned tensor: layer scale (Touvron et al. 2021), one factor per channel as C×1×1."""


@dataclass(frozen=True)
class Shift(_Learned):
    """Plus a learned tensor: a bias, a position embedding."""


@dataclass(frozen=True)
class _Reduction(Unweighted):
    axes: tuple[int, ...]
    keep: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        if not self.axes:
            raise ArchError("a reduction over no axes; allowed: at least one")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        reduced = {axis_of(axis, x, words(type(self).__name__)) for axis in self.axes}
        if self.keep:
            return Shape(*[1 if i in reduced else side for i, side in enumerate(x)])
        return Shape(*[side for i, side in enumerate(x) if i not in reduced])

    def spelling(self, *inputs: Shape) -> Function:
        dims = tuple(axis + 1 for axis in self.axes)
        name = type(self).__name__.lower()
        return Function(
            f"{{0}}.{name}({{dim}}, keepdim={{keepdim}})",
            (("dim", dims if len(dims) > 1 else dims[0]), ("keepdim", self.keep)),
        )


@dataclass(frozen=True)
class Mean(_Reduction):
    """The mean over some axes, other than that of whole maps, which is `GlobalAvgPool`."""


@dataclass(frozen=True)
class Sum(_Reduction):
    """The sum over some axes."""


@dataclass(frozen=True)
class Amax(_Reduction):
    """The largest value over some axes."""

    def describe(self, *inputs: Shape) -> str:
        return "maximum over axes"
