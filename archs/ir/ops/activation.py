"""Activations: element-wise functions of one tensor, with and without a parameter; softmax and dropout."""

from __future__ import annotations

from dataclasses import dataclass

from archs.errors import ArchError
from archs.ir.operator import (
    Activation,
    Elementwise,
    Function,
    Module,
    Op,
    Shape,
    Unweighted,
    axis_of,
    finite,
    one_input,
)


@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0)."""


@dataclass(frozen=True)
class ReLU6(Activation):
    """min(max(x, 0), 6), MobileNetV2 section 3.3."""


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(−x))."""


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """ReLU6(x + 3) / 6, MobileNetV3 section 5.2."""

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Hardsigmoid")


@dataclass(frozen=True)
class SiLU(Activation):
    """x · sigmoid(x), called swish in MobileNetV3 section 5.2."""


@dataclass(frozen=True)
class HardSwish(Activation):
    """x · ReLU6(x + 3) / 6, MobileNetV3 section 5.2."""

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Hardswish")


@dataclass(frozen=True)
class GELU(Activation):
    """x · Φ(x) (Hendrycks and Gimpel 2016)."""


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


@dataclass(frozen=True)
class TanhGELU(Elementwise):
    """GELU by its tanh approximation."""

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.GELU", (), (("approximate", "tanh"),))


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """x, and slope · x below zero."""

    slope: float = 0.01

    def __post_init__(self) -> None:
        finite(self.slope, "slope")

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.LeakyReLU", (self.slope,))


@dataclass(frozen=True)
class Clamp(Elementwise):
    """min(max(x, low), high); None leaves that side open."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        finite(self.low, "low")
        finite(self.high, "high")

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.clamp({low}, {high})", (("low", self.low), ("high", self.high)))


@dataclass(frozen=True)
class PReLU(Op):
    """max(x, 0) + a · min(x, 0) with a learned slope, one or one per channel (He et al. 2015)."""

    slopes: int = 1

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if self.slopes not in (1, x[0]):
            raise ArchError(f"prelu with {self.slopes} slopes on {x}; allowed: 1, {x[0]}")
        return x

    def params(self, *inputs: Shape) -> int:
        return self.slopes

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # element-wise work

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.PReLU", (self.slopes,))

    def describe(self, *inputs: Shape) -> str:
        return "prelu"


@dataclass(frozen=True)
class Softmax(Unweighted):
    """Along one axis, by default the features of a flat tensor."""

    axis: int = 0
    log: bool = False
    """The logarithm of it."""

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        axis_of(self.axis, x, "softmax")
        return x

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.LogSoftmax" if self.log else "nn.Softmax", (), (("dim", self.axis + 1),))


@dataclass(frozen=True)
class Dropout(Unweighted):
    """Identity when the network is evaluated, which is what is counted and timed."""

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise ArchError(f"dropout is {self.p!r}; allowed: 0 ≤ p < 1")

    def output(self, *inputs: Shape) -> Shape:
        return one_input(inputs, self)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Dropout", (self.p,))


ACTIVATIONS: dict[str, Activation] = {
    "relu": ReLU(),
    "relu6": ReLU6(),
    "sigmoid": Sigmoid(),
    "hard_sigmoid": HardSigmoid(),
    "swish": SiLU(),
    "hard_swish": HardSwish(),
}
"""The activations by the word that the tables use."""
