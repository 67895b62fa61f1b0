"""Operators without weights that compute: other activations, constants, two tensors, reductions, matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod

from archs.errors import ArchError
from archs.ir.operator import (
    Activation,
    Function,
    Module,
    Op,
    Shape,
    Unweighted,
    axis_of,
    broadcast,
    one_input,
    words,
)


@dataclass(frozen=True)
class GELU(Activation):
    """x · Φ(x) (Hendrycks and Gimpel 2016)."""

    def describe(self, *inputs: Shape) -> str:
        return "gelu"


@dataclass(frozen=True)
class Mish(Activation):
    """x · tanh(softplus(x)) (Misra 2019)."""


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent."""


@dataclass(frozen=True)
class Softplus(Activation):
    """log(1 + exp(x))."""


@dataclass(frozen=True)
class ELU(Activation):
    """x, and exp(x) − 1 below zero (Clevert et al. 2015)."""

    def describe(self, *inputs: Shape) -> str:
        return "elu"


class _Elementwise(Unweighted):
    """A function of each element with numbers in it, so not interchangeable with the plain activations."""

    def output(self, *inputs: Shape) -> Shape:
        return one_input(inputs, self)


def _number(value: float | None, name: str) -> None:
    if value is not None and (type(value) not in (int, float) or not isfinite(value)):
        raise ArchError(f"{name} is {value!r}; allowed: a finite number")


@dataclass(frozen=True)
class TanhGELU(_Elementwise):
    """GELU by its tanh approximation."""

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.GELU", (), (("approximate", "tanh"),))


@dataclass(frozen=True)
class LeakyReLU(_Elementwise):
    """x, and slope · x below zero."""

    slope: float = 0.01

    def __post_init__(self) -> None:
        _number(self.slope, "slope")

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.LeakyReLU", (self.slope,))


@dataclass(frozen=True)
class Clamp(_Elementwise):
    """min(max(x, low), high); None leaves that side open."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _number(self.low, "low")
        _number(self.high, "high")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.clamp({low}, {high})", (("low", self.low), ("high", self.high)))


@dataclass(frozen=True)
class MultiplyConstant(_Elementwise):
    """Times a number."""

    value: float

    def __post_init__(self) -> None:
        _number(self.value, "value")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} * {value}", (("value", self.value),))


@dataclass(frozen=True)
class AddConstant(_Elementwise):
    """Plus a number."""

    value: float

    def __post_init__(self) -> None:
        _number(self.value, "value")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} + {value}", (("value", self.value),))


@dataclass(frozen=True)
class Power(_Elementwise):
    """To a power: 2 the square, 0.5 the root, −1 the reciprocal."""

    exponent: float

    def __post_init__(self) -> None:
        _number(self.exponent, "exponent")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.pow({exponent})", (("exponent", self.exponent),))


@dataclass(frozen=True)
class Exp(_Elementwise):
    """e to the x."""

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.exp()")


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
class _Reduction(Unweighted):
    axes: tuple[int, ...]
    keep: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        if not self.axes:
            raise ArchError("a reduction over no axes; allowed: at least one")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        gone = {axis_of(axis, x, words(type(self).__name__)) for axis in self.axes}
        if self.keep:
            return Shape(*[1 if i in gone else side for i, side in enumerate(x)])
        return Shape(*[side for i, side in enumerate(x) if i not in gone])

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


@dataclass(frozen=True)
class MatMul(Op):
    """The product of …×M×K and …×K×N, for each of the leading axes, which stretch."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"matrix product takes 2 inputs, found {len(inputs)}")
        a, b = inputs
        if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
            raise ArchError(f"matrix product takes …×M×K and …×K×N, found {a} and {b}")
        return Shape(*broadcast((Shape(*a[:-2]), Shape(*b[:-2])), "matrix product"), a[-2], b[-1])

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        # as torch's FlopCounterMode has it (bmm_flop): both inputs are data, so no parameters
        return self.output(*inputs).elements * inputs[0][-1]

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.matmul({0}, {1})")

    def describe(self, *inputs: Shape) -> str:
        return "matrix product"


@dataclass(frozen=True)
class Attention(Op):
    """softmax(Q·Kᵀ · scale)·V for queries, keys and values of heads×tokens×features (Vaswani et al. 2017)."""

    scale: float | None = None

    def __post_init__(self) -> None:
        _number(self.scale, "scale")

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 3:
            raise ArchError(f"attention takes 3 inputs, found {len(inputs)}")
        q, k, v = inputs
        fits = len(q) == len(k) == len(v) >= 2 and q[:-2] == k[:-2] == v[:-2] and q[-1] == k[-1] and k[-2] == v[-2]
        if not fits:
            raise ArchError(f"attention takes queries, keys and values that fit, found {q}, {k} and {v}")
        return Shape(*q[:-1], v[-1])

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        q, k, v = inputs
        return prod(q[:-2]) * q[-2] * k[-2] * (q[-1] + v[-1])  # the two products

    def spelling(self, *inputs: Shape) -> Function:
        call = "nn.functional.scaled_dot_product_attention({0}, {1}, {2}"
        if self.scale is None:
            return Function(call + ")")
        return Function(call + ", scale={scale})", (("scale", self.scale),))

    def describe(self, *inputs: Shape) -> str:
        return "attention"
