"""The operator base class: output shape, parameters, multiply-adds and PyTorch form; and checks that operators share.

Shapes are those of one image, without the batch. The operators are in `archs.ir.ops`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import gcd, isfinite, prod

from archs.errors import ArchError

Pair = tuple[int, int]  # (vertical, horizontal)
EPS = 1e-5  # torch's default for what a norm adds to the variance


class Shape(tuple):
    """One image's tensor without the batch: `Shape(channels, height, width)` or `Shape(features)`.

    >>> Shape(3, 224, 224).elements, str(Shape(3, 224, 224))
    (150528, '3×224×224')
    """

    __slots__ = ()

    def __new__(cls, *dims: int) -> Shape:
        return tuple.__new__(cls, dims)

    def __getnewargs__(self) -> tuple[int, ...]:
        return tuple(self)

    @property
    def channels(self) -> int:
        """Channels of a map, or features."""
        return self[0]

    @property
    def height(self) -> int:
        """Rows of a map, in pixels."""
        return self[1]

    @property
    def width(self) -> int:
        """Columns of a map, in pixels."""
        return self[2]

    @property
    def elements(self) -> int:
        """The number of elements."""
        return prod(self)

    def __str__(self) -> str:
        return "×".join(map(str, self))


@dataclass(frozen=True)
class Module:
    """PyTorch form of an operator that is a module: `target(*args, **kwargs)`, called on the inputs in order."""

    target: str
    args: tuple[object, ...] = ()
    kwargs: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Function:
    """PyTorch form of an operator that is an expression: `{0}`, `{1}` … are the inputs, `{name}` the `kwargs`.

    `{all}` is all inputs, comma separated.
    """

    template: str
    kwargs: tuple[tuple[str, object], ...] = ()


class Op(ABC):
    """An operator: an immutable value. `inputs` and the output are shapes of one image, without the batch."""

    @abstractmethod
    def output(self, *inputs: Shape) -> Shape:
        """The output shape. Raises ArchError, with both numbers, when the inputs do not fit."""

    @abstractmethod
    def params(self, *inputs: Shape) -> int:
        """Trainable parameters."""

    @abstractmethod
    def mult_adds(self, *inputs: Shape) -> int:
        """Multiply-adds of convolution and linear operators, per image, without bias."""

    @abstractmethod
    def spelling(self, *inputs: Shape) -> Module | Function:
        """The PyTorch form of this operator on these inputs. Raises ArchError where it has none."""

    @abstractmethod
    def describe(self, *inputs: Shape) -> str:
        """A short description for tables and figures: `depthwise 3×3 /2`."""


class Unweighted(Op):
    """Operators without parameters and multiply-adds: element-wise work, pooling, data movement."""

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        return 0

    def describe(self, *inputs: Shape) -> str:
        return words(type(self).__name__)


def words(name: str) -> str:
    """A class name in words.

    >>> words("MaxPool"), words("RMSNorm"), words("LeakyReLU"), words("PReLU"), words("GELU")
    ('max pool', 'rms norm', 'leaky relu', 'prelu', 'gelu')
    """
    name = re.sub("P?ReLU|SiLU", lambda found: found[0].capitalize(), name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


def one_input(inputs: tuple[Shape, ...], op: Op) -> Shape:
    """The only input. Raises ArchError for another number of inputs."""
    if len(inputs) != 1:
        raise ArchError(f"{op.describe()} takes 1 input, found {len(inputs)}")
    return inputs[0]


def image_input(inputs: tuple[Shape, ...], name: str) -> Shape:
    """The only input, of channels×height×width. Raises ArchError for another number of inputs or another rank."""
    if len(inputs) != 1:
        raise ArchError(f"{name} takes 1 input, found {len(inputs)}")
    if len(inputs[0]) != 3:
        raise ArchError(f"{name} takes channels×height×width, found {inputs[0]}")
    return inputs[0]


def pair_of(value: int | Pair, name: str, at_least: int) -> Pair:
    """One number for both sides, or two, as a pair. Raises ArchError for anything under `at_least`."""
    if type(value) is int and value >= at_least:  # the usual case, first
        return value, value
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(type(v) is not int or v < at_least for v in pair):
        raise ArchError(f"{name} is {value!r}; allowed: a whole number ≥ {at_least}, or two of them")
    return pair


def sized(pair: Pair) -> str:
    """`3×3`."""
    return f"{pair[0]}×{pair[1]}"


def short(pair: Pair) -> int | Pair:
    """A pair as PyTorch code usually writes it: one number where both are equal."""
    return pair[0] if pair[0] == pair[1] else pair


def window(
    x: Shape, name: str, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1), ceil: bool = False
) -> Pair:
    """Output height and width of a sliding window: torch.nn.Conv2d's formula, rounding down.

    With `ceil` the last window may extend over the edge: torch.nn.MaxPool2d's `ceil_mode`.
    """
    found = []
    for side, k, s, p, d in zip(x[1:], kernel, stride, padding, dilation):
        room = side + 2 * p - d * (k - 1) - 1
        out = (-(-room // s) if ceil else room // s) + 1
        if ceil and (out - 1) * s >= side + p:  # a window that would start in the padding is dropped
            out -= 1
        found.append(out)
    height, width = found
    if height < 1 or width < 1:
        raise ArchError(
            f"{name} {sized(kernel)} with stride {sized(stride)} and padding {sized(padding)} leaves no pixels of a "
            f"{x[1]}×{x[2]} map; allowed: a window no larger than the padded map",
            column="kernel",
        )
    return height, width


def positive(value: int, name: str) -> None:
    """Raises ArchError unless the value is a whole number ≥ 1."""
    if type(value) is not int or value < 1:
        raise ArchError(f"{name} is {value!r}; allowed: a whole number ≥ 1")


def finite(value: float | None, name: str) -> None:
    """Raises ArchError unless the value is a finite number, or None."""
    if value is not None and (type(value) not in (int, float) or not isfinite(value)):
        raise ArchError(f"{name} is {value!r}; allowed: a finite number")


def broadcast(inputs: tuple[Shape, ...], name: str) -> Shape:
    """The output shape of an element-wise operator on two tensors: sides of 1 are broadcast, as in numpy."""
    if len(inputs) != 2:
        raise ArchError(f"{name} takes 2 inputs, found {len(inputs)}")
    a, b = inputs
    if len(a) != len(b) or any(p != q and 1 not in (p, q) for p, q in zip(a, b)):
        raise ArchError(f"{name} takes two tensors of one shape (or with sides of 1 to stretch), found {a} and {b}")
    return Shape(*map(max, a, b))


def axis_of(axis: int, x: Shape, name: str) -> int:
    """The axis, counted from 0 without the batch. Raises ArchError where the tensor has no such axis."""
    if type(axis) is not int or not 0 <= axis < len(x):
        raise ArchError(f"{name} along axis {axis!r} of {x}; allowed: 0 to {len(x) - 1}")
    return axis


def divisors(*numbers: int) -> str:
    """The common divisors of the numbers, as an error message lists them."""
    common = gcd(*numbers)
    found = [d for d in range(1, min(common, 64) + 1) if common % d == 0]
    if common > 64:
        found.append(common)
    return ", ".join(map(str, found))


class Activation(Unweighted):
    """An element-wise function of one tensor."""

    def output(self, *inputs: Shape) -> Shape:
        return one_input(inputs, self)

    def spelling(self, *inputs: Shape) -> Module:
        return Module(f"nn.{type(self).__name__}")


class Elementwise(Unweighted):
    """An element-wise function with a parameter, so it does not stand for another as plain activations do."""

    def output(self, *inputs: Shape) -> Shape:
        return one_input(inputs, self)


def check_groups(groups: int, inputs: int, outputs: int) -> None:
    """Raises ArchError, with the allowed numbers, where the groups of a convolution do not divide its channels."""
    if inputs % groups or outputs % groups:
        raise ArchError(
            f"groups={groups} must divide the {inputs} input and the {outputs} output channels; "
            f"allowed: {divisors(inputs, outputs)}",
            column="groups",
        )
