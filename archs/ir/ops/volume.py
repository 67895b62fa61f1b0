"""Convolutions of volumes: of maps along a further axis, as hyperspectral and medical networks have them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import Module, Op, Shape, check_groups, one_input, positive

Triple = tuple[int, int, int]


def _short(values: Triple) -> object:
    return values[0] if len(set(values)) == 1 else values


@dataclass(frozen=True)
class Conv3d(Op):
    """A convolution of C×D×H×W along its last three axes."""

    channels: int
    kernel: Triple
    stride: Triple = (1, 1, 1)
    padding: Triple = (0, 0, 0)
    dilation: Triple = (1, 1, 1)
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        positive(self.channels, "channels")
        positive(self.groups, "groups")
        for name, least in (("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
            value = tuple(getattr(self, name))
            if len(value) != 3 or any(type(v) is not int or v < least for v in value):
                raise ArchError(f"{name} is {value!r}; allowed: three whole numbers ≥ {least}")
            object.__setattr__(self, name, value)

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) != 4:
            raise ArchError(f"a convolution of volumes takes channels×depth×height×width, found {x}")
        check_groups(self.groups, x[0], self.channels)
        numbers = zip(x[1:], self.kernel, self.stride, self.padding, self.dilation)
        sides = [(side + 2 * p - d * (k - 1) - 1) // s + 1 for side, k, s, p, d in numbers]
        if min(sides) < 1:
            raise ArchError(f"{self.describe()} leaves nothing of {x}; allowed: a window no larger than the padded map")
        return Shape(self.channels, *sides)

    def params(self, *inputs: Shape) -> int:
        weights = prod(self.kernel) * inputs[0][0] // self.groups * self.channels
        return weights + self.channels if self.bias else weights

    def mult_adds(self, *inputs: Shape) -> int:
        return prod(self.kernel) * inputs[0][0] // self.groups * self.output(*inputs).elements

    def spelling(self, *inputs: Shape) -> Module:
        free = {"stride": (1, 1, 1), "padding": (0, 0, 0), "dilation": (1, 1, 1)}
        kwargs = [(name, _short(getattr(self, name))) for name, value in free.items() if getattr(self, name) != value]
        if self.groups != 1:
            kwargs.append(("groups", self.groups))
        if not self.bias:
            kwargs.append(("bias", False))
        return Module("nn.Conv3d", (inputs[0][0], self.channels, _short(self.kernel)), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"conv {'×'.join(map(str, self.kernel))}"
