"""The operators of the papers' networks: convolution, linear, norm, activations, pooling, merges, shuffle."""

from __future__ import annotations

from dataclasses import dataclass, field

from archs.errors import ArchError
from archs.ir.operator import (
    Activation,
    Function,
    Module,
    Op,
    Pair,
    Shape,
    Unweighted,
    axis_of,
    broadcast,
    divisors,
    image_input,
    one_input,
    pair_of,
    positive,
    short,
    sized,
    window,
    words,
)

EPS = 1e-5  # what torch's norms add to the variance unless told


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
        positive(self.channels, "channels")
        positive(self.groups, "groups")
        put = object.__setattr__
        put(self, "kernel", kernel := pair_of(self.kernel, "kernel", 1))
        put(self, "stride", pair_of(self.stride, "stride", 1))
        put(self, "dilation", dilation := pair_of(self.dilation, "dilation", 1))
        if self.padding is None:
            put(self, "padding", (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2))
        else:
            put(self, "padding", pair_of(self.padding, "padding", 0))

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "convolution")
        if x[0] % self.groups or self.channels % self.groups:
            raise ArchError(
                f"groups={self.groups} must divide the {x[0]} input and the {self.channels} output channels; "
                f"allowed: {divisors(x[0], self.channels)}",
                column="groups",
            )
        return Shape(self.channels, *window(x, "convolution", self.kernel, self.stride, self.padding, self.dilation))

    def params(self, *inputs: Shape) -> int:
        weights = self.kernel[0] * self.kernel[1] * inputs[0][0] // self.groups * self.channels
        return weights + self.channels if self.bias else weights

    def mult_adds(self, *inputs: Shape) -> int:
        # MobileNetV1, section 3.1: D_K·D_K·M·N·D_F·D_F, here with M/g channels seen by each filter
        x = inputs[0]
        height, width = window(x, "convolution", self.kernel, self.stride, self.padding, self.dilation)
        return self.kernel[0] * self.kernel[1] * x[0] // self.groups * self.channels * height * width

    def depthwise(self, x: Shape) -> bool:
        """Each output channel sees one input channel (MobileNetV1, section 3.1)."""
        return self.groups == x[0] == self.channels and self.groups > 1

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = []
        if self.stride != (1, 1):
            kwargs.append(("stride", short(self.stride)))
        if self.padding != (0, 0):
            kwargs.append(("padding", short(self.padding)))
        if self.dilation != (1, 1):
            kwargs.append(("dilation", short(self.dilation)))
        if self.groups != 1:
            kwargs.append(("groups", self.groups))
        if not self.bias:
            kwargs.append(("bias", False))
        return Module("nn.Conv2d", (inputs[0][0], self.channels, short(self.kernel)), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        if inputs and self.depthwise(inputs[0]):
            kind = "depthwise"
        else:
            kind = "conv" if self.groups == 1 else f"conv g={self.groups}"
        stride = "" if self.stride == (1, 1) else f" /{short(self.stride)}"
        dilation = "" if self.dilation == (1, 1) else f" dilated {short(self.dilation)}"
        return f"{kind} {sized(self.kernel)}{stride}{dilation}"


@dataclass(frozen=True)
class Linear(Op):
    """A fully connected layer on the last dimension of a flat tensor."""

    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self.features, "features")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
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
    """Batch normalisation with a scale and a shift per channel; the running statistics are no parameters.

    `eps` is not compared: no cost and no structure hangs on it, so networks that differ in it alone are equal.
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
        return 0  # not a convolution or a linear layer: its element-wise work has a column of its own

    def spelling(self, *inputs: Shape) -> Module:
        kwargs = [("eps", self.eps)] if self.eps != EPS else []
        if not self.affine:
            kwargs.append(("affine", False))
        rank = 2 if len(inputs[0]) == 3 else 1
        return Module(f"nn.BatchNorm{rank}d", (inputs[0][0],), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return "batch norm"


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
class Softmax(Unweighted):
    """Along one axis, by default the features of a flat tensor."""

    axis: int = 0

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        axis_of(self.axis, x, "softmax")
        return x

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Softmax", (), (("dim", self.axis + 1),))


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


class _Pool(Unweighted):
    kernel: Pair
    stride: Pair
    padding: Pair
    ceil: bool

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "kernel", kernel := pair_of(self.kernel, "kernel", 1))
        put(self, "stride", pair_of(self.stride, "stride", 1))
        put(self, "padding", padding := pair_of(self.padding, "padding", 0))
        if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:  # torch refuses it too
            raise ArchError(f"padding {sized(padding)} is over half of the {sized(kernel)} window; allowed: up to half")

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "pooling")
        return Shape(x[0], *window(x, "pooling", self.kernel, self.stride, self.padding, ceil=self.ceil))

    def spelling(self, *inputs: Shape) -> Module:
        kwargs: list[tuple[str, object]] = [("stride", short(self.stride))]
        if self.padding != (0, 0):
            kwargs.append(("padding", short(self.padding)))
        if self.ceil:
            kwargs.append(("ceil_mode", True))
        return Module(f"nn.{type(self).__name__}2d", (short(self.kernel),), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"{words(type(self).__name__)} {sized(self.kernel)} /{short(self.stride)}"


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value in each window. `ceil`: the last window may hang over the edge."""

    kernel: int | Pair
    stride: int | Pair
    padding: int | Pair = 0
    ceil: bool = False


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window, the padding's zeros counted in (PyTorch's default) or not."""

    kernel: int | Pair
    stride: int | Pair
    padding: int | Pair = 0
    ceil: bool = False
    count_padding: bool = True

    def spelling(self, *inputs: Shape) -> Module:
        spelled = super().spelling(*inputs)
        if self.count_padding:
            return spelled
        return Module(spelled.target, spelled.args, (*spelled.kwargs, ("count_include_pad", False)))


@dataclass(frozen=True)
class GlobalAvgPool(Unweighted):
    """The mean of each channel's map: C×H×W → C×1×1, or → C where `flat`.

    The two forms are two spellings of one operator, and the counters differ on them: fvcore counts
    `nn.AdaptiveAvgPool2d(1)` and does not see `x.mean((2, 3))`.
    """

    flat: bool = False

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "global pooling")
        return Shape(x[0]) if self.flat else Shape(x[0], 1, 1)

    def spelling(self, *inputs: Shape) -> Module | Function:
        return Function("{0}.mean((2, 3))") if self.flat else Module("nn.AdaptiveAvgPool2d", (1,))


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
class Concat(Unweighted):
    """Tensors one after the other along an axis, by default the channels; the other sides are equal."""

    axis: int = 0

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) < 2:
            raise ArchError(f"concat takes at least 2 inputs, found {len(inputs)}")
        axis = axis_of(self.axis, inputs[0], "concat")
        rests = {(*x[:axis], *x[axis + 1 :]) for x in inputs}
        if len(rests) > 1 or len({len(x) for x in inputs}) > 1:
            raise ArchError(f"concat takes maps of one height and width, found {' and '.join(map(str, inputs))}")
        return Shape(*inputs[0][:axis], sum(x[axis] for x in inputs), *inputs[0][axis + 1 :])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.cat(({all}), dim={dim})", (("dim", self.axis + 1),))


@dataclass(frozen=True)
class ChannelSplit(Unweighted):
    """One part of a tensor that is split along its channels into parts of `sizes`: a view, no copy."""

    sizes: tuple[int, ...]
    part: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        for size in self.sizes:
            positive(size, "split size")
        if not 0 <= self.part < len(self.sizes):
            raise ArchError(f"split part is {self.part}; allowed: 0 to {len(self.sizes) - 1}")

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "channel split")
        if sum(self.sizes) != x[0]:
            raise ArchError(f"a split into {' + '.join(map(str, self.sizes))} channels does not make up {x[0]}")
        return Shape(self.sizes[self.part], *x[1:])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.split({sizes}, dim=1)[{part}]", (("sizes", self.sizes), ("part", self.part)))


@dataclass(frozen=True)
class ChannelShuffle(Unweighted):
    """Channel g·n + i goes to i·groups + g: reshape, transpose, flatten (ShuffleNetV1, section 3.1)."""

    groups: int

    def __post_init__(self) -> None:
        positive(self.groups, "groups")

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "channel shuffle")
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
class Flatten(Unweighted):
    """C×H×W → C·H·W: a view, no copy."""

    def output(self, *inputs: Shape) -> Shape:
        return Shape(one_input(inputs, self).elements)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Flatten")


@dataclass(frozen=True)
class ZeroPad(Unweighted):
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
        x = image_input(inputs, "zero padding")
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
