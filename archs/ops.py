"""Operators: one frozen class each, with the facts that nobody disputes.

An operator knows its output shape, its trainable parameters, its multiply-adds and how PyTorch spells it. What is
one consumer's opinion (is an activation free? is a split a copy?) stands in that consumer. No costs here, no torch.

Shapes leave the batch out. One multiply-add counts one; biases are not counted as multiply-adds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import gcd, prod

from archs.errors import ArchError

Pair = tuple[int, int]  # (vertical, horizontal)


class Shape(tuple):
    """One image's tensor without the batch: `Shape(channels, height, width)` or `Shape(features)`."""

    __slots__ = ()

    def __new__(cls, *dims: int) -> Shape:
        return tuple.__new__(cls, dims)

    def __getnewargs__(self) -> tuple[int, ...]:
        return tuple(self)

    @property
    def channels(self) -> int:
        return self[0]

    @property
    def height(self) -> int:
        return self[1]

    @property
    def width(self) -> int:
        return self[2]

    @property
    def elements(self) -> int:
        return prod(self)

    def __str__(self) -> str:
        return "×".join(map(str, self))


@dataclass(frozen=True)
class Module:
    """PyTorch spells the operator as a module: `target(*args, **kwargs)`, called on the inputs in order."""

    target: str
    args: tuple[object, ...] = ()
    kwargs: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Function:
    """PyTorch spells the operator as an expression: `{0}`, `{1}` … are the inputs, `{name}` the values in `kwargs`.

    `{all}` stands for all inputs, comma separated.
    """

    template: str
    kwargs: tuple[tuple[str, object], ...] = ()


class Op(ABC):
    """What an operator must say about itself. Shapes in and out are those of one image."""

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
        """How PyTorch spells this operator on these inputs."""

    @abstractmethod
    def describe(self, *inputs: Shape) -> str:
        """A few words for tables and pictures, like `depthwise 3×3 /2`."""


class _Unweighted(Op):
    """No parameters and no multiply-adds: element-wise work, pooling and rearrangement, counted in other columns."""

    def params(self, *inputs: Shape) -> int:
        return 0

    def mult_adds(self, *inputs: Shape) -> int:
        return 0

    def describe(self, *inputs: Shape) -> str:
        return _words(type(self).__name__)


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _one(inputs: tuple[Shape, ...], op: Op) -> Shape:
    if len(inputs) != 1:
        raise ArchError(f"{op.describe()} takes 1 input, found {len(inputs)}")
    return inputs[0]


def _image(inputs: tuple[Shape, ...], name: str) -> Shape:
    if len(inputs) != 1:
        raise ArchError(f"{name} takes 1 input, found {len(inputs)}")
    if len(inputs[0]) != 3:
        raise ArchError(f"{name} takes channels×height×width, found {inputs[0]}")
    return inputs[0]


def _pair(value: int | Pair, name: str, at_least: int) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(type(v) is not int or v < at_least for v in pair):
        raise ArchError(f"{name} is {value!r}; allowed: a whole number ≥ {at_least}, or two of them")
    return pair


def _size(pair: Pair) -> str:
    return f"{pair[0]}×{pair[1]}"


def _short(pair: Pair) -> int | Pair:
    """A pair as PyTorch code usually has it: one number where both are equal."""
    return pair[0] if pair[0] == pair[1] else pair


def _window(x: Shape, name: str, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Pair:
    """Output height and width of a sliding window (torch.nn.Conv2d's formula, rounding down)."""
    height = (x[1] + 2 * padding[0] - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    width = (x[2] + 2 * padding[1] - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    if height < 1 or width < 1:
        raise ArchError(
            f"{name} {_size(kernel)} with stride {_size(stride)} and padding {_size(padding)} leaves no pixels of a "
            f"{x[1]}×{x[2]} map; allowed: a window no larger than the padded map",
            column="kernel",
        )
    return height, width


def _positive(value: int, name: str) -> None:
    if type(value) is not int or value < 1:
        raise ArchError(f"{name} is {value!r}; allowed: a whole number ≥ 1")


def divisors(*numbers: int) -> str:
    """The group counts that divide all of the numbers, as the end of an error message."""
    common = gcd(*numbers)
    found = [d for d in range(1, min(common, 64) + 1) if common % d == 0]
    if common > 64:
        found.append(common)
    return ", ".join(map(str, found))


@dataclass(frozen=True)
class Conv2d(Op):
    """A convolution. `padding=None` keeps the map at stride 1 for odd kernels: dilation · (kernel − 1) / 2."""

    channels: int
    kernel: int | Pair = 1
    stride: int | Pair = 1
    padding: int | Pair | None = None
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        _positive(self.channels, "channels")
        _positive(self.groups, "groups")
        put = object.__setattr__
        put(self, "kernel", kernel := _pair(self.kernel, "kernel", 1))
        put(self, "stride", _pair(self.stride, "stride", 1))
        put(self, "dilation", dilation := _pair(self.dilation, "dilation", 1))
        if self.padding is None:
            put(self, "padding", (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2))
        else:
            put(self, "padding", _pair(self.padding, "padding", 0))

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "convolution")
        if x[0] % self.groups or self.channels % self.groups:
            raise ArchError(
                f"groups={self.groups} must divide the {x[0]} input and the {self.channels} output channels; "
                f"allowed: {divisors(x[0], self.channels)}",
                column="groups",
            )
        return Shape(self.channels, *_window(x, "convolution", self.kernel, self.stride, self.padding, self.dilation))

    def params(self, *inputs: Shape) -> int:
        weights = self.kernel[0] * self.kernel[1] * inputs[0][0] // self.groups * self.channels
        return weights + self.channels if self.bias else weights

    def mult_adds(self, *inputs: Shape) -> int:
        # MobileNetV1, section 3.1: D_K·D_K·M·N·D_F·D_F, here with M/g channels seen by each filter
        out = self.output(*inputs)
        return self.kernel[0] * self.kernel[1] * inputs[0][0] // self.groups * out[0] * out[1] * out[2]

    def depthwise(self, x: Shape) -> bool:
        """Each output channel sees one input channel (MobileNetV1, section 3.1)."""
        return self.groups == x[0] == self.channels and self.groups > 1

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = []
        if self.stride != (1, 1):
            kwargs.append(("stride", _short(self.stride)))
        if self.padding != (0, 0):
            kwargs.append(("padding", _short(self.padding)))
        if self.dilation != (1, 1):
            kwargs.append(("dilation", _short(self.dilation)))
        if self.groups != 1:
            kwargs.append(("groups", self.groups))
        if not self.bias:
            kwargs.append(("bias", False))
        return Module("nn.Conv2d", (inputs[0][0], self.channels, _short(self.kernel)), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        if inputs and self.depthwise(inputs[0]):
            kind = "depthwise"
        else:
            kind = "conv" if self.groups == 1 else f"conv g={self.groups}"
        stride = "" if self.stride == (1, 1) else f" /{_short(self.stride)}"
        dilation = "" if self.dilation == (1, 1) else f" dilated {_short(self.dilation)}"
        return f"{kind} {_size(self.kernel)}{stride}{dilation}"


@dataclass(frozen=True)
class Linear(Op):
    """A fully connected layer on the last dimension of a flat tensor."""

    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        _positive(self.features, "features")

    def output(self, *inputs: Shape) -> Shape:
        x = _one(inputs, self)
        if len(x) != 1:
            raise ArchError(f"linear takes a flat tensor, found {x}; put a flatten or a flat global pool before it")
        return Shape(self.features)

    def params(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features + (self.features if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Linear", (inputs[0][0], self.features), () if self.bias else (("bias", False),))

    def describe(self, *inputs: Shape) -> str:
        return "linear"


@dataclass(frozen=True)
class BatchNorm(Op):
    """Batch normalisation with a scale and a shift per channel; the running statistics are no parameters."""

    def output(self, *inputs: Shape) -> Shape:
        return _image(inputs, "batch norm")

    def params(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0]

    def mult_adds(self, *inputs: Shape) -> int:
        return 0  # not a convolution or a linear layer: its element-wise work has a column of its own

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.BatchNorm2d", (inputs[0][0],))

    def describe(self, *inputs: Shape) -> str:
        return "batch norm"


class Activation(_Unweighted):
    """An element-wise function of one tensor."""

    def output(self, *inputs: Shape) -> Shape:
        return _one(inputs, self)

    def spelling(self, *inputs: Shape) -> Module:
        return Module(f"nn.{type(self).__name__}")


@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0)."""

    def describe(self, *inputs: Shape) -> str:
        return "relu"


@dataclass(frozen=True)
class ReLU6(Activation):
    """min(max(x, 0), 6), MobileNetV2 section 3.3."""

    def describe(self, *inputs: Shape) -> str:
        return "relu6"


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

    def describe(self, *inputs: Shape) -> str:
        return "silu"


@dataclass(frozen=True)
class HardSwish(Activation):
    """x · ReLU6(x + 3) / 6, MobileNetV3 section 5.2."""

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Hardswish")


@dataclass(frozen=True)
class Softmax(_Unweighted):
    """Over the features of a flat tensor."""

    def output(self, *inputs: Shape) -> Shape:
        return _one(inputs, self)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Softmax", (), (("dim", 1),))


@dataclass(frozen=True)
class Dropout(_Unweighted):
    """Identity when the network is evaluated, which is what is counted and timed."""

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise ArchError(f"dropout is {self.p!r}; allowed: 0 ≤ p < 1")

    def output(self, *inputs: Shape) -> Shape:
        return _one(inputs, self)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Dropout", (self.p,))


class _Pool(_Unweighted):
    kernel: Pair
    stride: Pair
    padding: Pair

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "kernel", kernel := _pair(self.kernel, "kernel", 1))
        put(self, "stride", _pair(self.stride, "stride", 1))
        put(self, "padding", padding := _pair(self.padding, "padding", 0))
        if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:  # torch refuses it too
            raise ArchError(f"padding {_size(padding)} is over half of the {_size(kernel)} window; allowed: up to half")

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "pooling")
        return Shape(x[0], *_window(x, "pooling", self.kernel, self.stride, self.padding))

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = [("stride", _short(self.stride))]
        if self.padding != (0, 0):
            kwargs.append(("padding", _short(self.padding)))
        return Module(f"nn.{type(self).__name__}2d", (_short(self.kernel),), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"{_words(type(self).__name__)} {_size(self.kernel)} /{_short(self.stride)}"


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value in each window."""

    kernel: int | Pair
    stride: int | Pair
    padding: int | Pair = 0


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window, the padding's zeros counted in (PyTorch's default)."""

    kernel: int | Pair
    stride: int | Pair
    padding: int | Pair = 0


@dataclass(frozen=True)
class GlobalAvgPool(_Unweighted):
    """The mean of each channel's map: C×H×W → C×1×1, or → C where `flat`.

    The two forms are two spellings of one operator, and the counters differ on them: fvcore counts
    `nn.AdaptiveAvgPool2d(1)` and does not see `x.mean((2, 3))`.
    """

    flat: bool = False

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "global pooling")
        return Shape(x[0]) if self.flat else Shape(x[0], 1, 1)

    def spelling(self, *inputs: Shape) -> Module | Function:
        return Function("{0}.mean((2, 3))") if self.flat else Module("nn.AdaptiveAvgPool2d", (1,))


@dataclass(frozen=True)
class Add(_Unweighted):
    """The sum of two tensors of one shape: the residual shortcut."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"add takes 2 inputs, found {len(inputs)}")
        if inputs[0] != inputs[1]:
            raise ArchError(f"add takes two tensors of one shape, found {inputs[0]} and {inputs[1]}")
        return inputs[0]

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} + {1}")


@dataclass(frozen=True)
class Multiply(_Unweighted):
    """A tensor times a gate of its own shape or of C×1×1 (squeeze-and-excite)."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"multiply takes 2 inputs, found {len(inputs)}")
        x, gate = inputs
        if gate != x and gate != Shape(x[0], 1, 1):
            raise ArchError(f"multiply takes a gate of {x} or of {x[0]}×1×1, found {gate}")
        return x

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0} * {1}")


@dataclass(frozen=True)
class Concat(_Unweighted):
    """Tensors of one height and width, one after the other along the channels."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) < 2:
            raise ArchError(f"concat takes at least 2 inputs, found {len(inputs)}")
        if any(len(x) != 3 or x[1:] != inputs[0][1:] for x in inputs):
            raise ArchError(f"concat takes maps of one height and width, found {' and '.join(map(str, inputs))}")
        return Shape(sum(x[0] for x in inputs), *inputs[0][1:])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.cat(({all}), dim=1)")


@dataclass(frozen=True)
class ChannelSplit(_Unweighted):
    """One part of a tensor that is split along its channels into parts of `sizes`: a view, no copy."""

    sizes: tuple[int, ...]
    part: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        for size in self.sizes:
            _positive(size, "split size")
        if not 0 <= self.part < len(self.sizes):
            raise ArchError(f"split part is {self.part}; allowed: 0 to {len(self.sizes) - 1}")

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "channel split")
        if sum(self.sizes) != x[0]:
            raise ArchError(f"a split into {' + '.join(map(str, self.sizes))} channels does not make up {x[0]}")
        return Shape(self.sizes[self.part], *x[1:])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.split({sizes}, dim=1)[{part}]", (("sizes", self.sizes), ("part", self.part)))


@dataclass(frozen=True)
class ChannelShuffle(_Unweighted):
    """Channel g·n + i goes to i·groups + g: reshape, transpose, flatten (ShuffleNetV1, section 3.1)."""

    groups: int

    def __post_init__(self) -> None:
        _positive(self.groups, "groups")

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "channel shuffle")
        if x[0] % self.groups:
            raise ArchError(
                f"a shuffle in groups={self.groups} must divide {x[0]} channels; allowed: {divisors(x[0])}",
                column="groups",
            )
        return x

    def spelling(self, *inputs: Shape) -> Function:
        return Function("channel_shuffle({0}, {groups})", (("groups", self.groups),))

    def describe(self, *inputs: Shape) -> str:
        return f"channel shuffle g={self.groups}"


@dataclass(frozen=True)
class Flatten(_Unweighted):
    """C×H×W → C·H·W: a view, no copy."""

    def output(self, *inputs: Shape) -> Shape:
        return Shape(_one(inputs, self).elements)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Flatten")


@dataclass(frozen=True)
class ZeroPad(_Unweighted):
    """Zeros around the map, as torch.nn.ZeroPad2d orders them: left, right, top, bottom."""

    left: int
    right: int
    top: int
    bottom: int

    def __post_init__(self) -> None:
        for side in ("left", "right", "top", "bottom"):
            value = getattr(self, side)
            if type(value) is not int or value < 0:
                raise ArchError(f"padding {side} is {value!r}; allowed: a whole number ≥ 0")

    def output(self, *inputs: Shape) -> Shape:
        x = _image(inputs, "zero padding")
        return Shape(x[0], x[1] + self.top + self.bottom, x[2] + self.left + self.right)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.ZeroPad2d", ((self.left, self.right, self.top, self.bottom),))


ACTIVATIONS: dict[str, Activation] = {
    "relu": ReLU(),
    "relu6": ReLU6(),
    "sigmoid": Sigmoid(),
    "hard_sigmoid": HardSigmoid(),
    "swish": SiLU(),
    "hard_swish": HardSwish(),
}
"""The activations by the word that the tables use."""
