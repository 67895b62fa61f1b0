"""Operators with weights that the papers' networks do not have: other convolutions, norms, learned scales."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from archs.errors import ArchError
from archs.ir.operator import (
    Module,
    Op,
    Pair,
    Shape,
    divisors,
    image_input,
    one_input,
    pair_of,
    positive,
    short,
    sized,
    words,
)
from archs.ir.ops.core import EPS, Conv2d


@dataclass(frozen=True)
class Conv1d(Op):
    """A convolution along the last side of C×L. `padding=None` keeps the length for odd kernels at stride 1."""

    channels: int
    kernel: int = 1
    stride: int = 1
    padding: int | None = None
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        for name in ("channels", "kernel", "stride", "groups"):
            positive(getattr(self, name), name)
        if self.padding is None:
            object.__setattr__(self, "padding", self.kernel // 2)

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) != 2:
            raise ArchError(f"convolution along a line takes channels×length, found {x}")
        if x[0] % self.groups or self.channels % self.groups:
            raise ArchError(
                f"groups={self.groups} must divide the {x[0]} input and the {self.channels} output channels; "
                f"allowed: {divisors(x[0], self.channels)}"
            )
        length = (x[1] + 2 * self.padding - self.kernel) // self.stride + 1
        if length < 1:
            raise ArchError(f"convolution of {self.kernel} with padding {self.padding} leaves nothing of {x[1]}")
        return Shape(self.channels, length)

    def params(self, *inputs: Shape) -> int:
        return self.kernel * inputs[0][0] // self.groups * self.channels + (self.channels if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return self.kernel * inputs[0][0] // self.groups * self.output(*inputs).elements

    def spelling(self, *inputs: Shape) -> Module:
        free = {"stride": 1, "padding": 0, "groups": 1, "bias": True}
        kwargs = [(name, getattr(self, name)) for name, value in free.items() if getattr(self, name) != value]
        return Module("nn.Conv1d", (inputs[0][0], self.channels, self.kernel), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"conv {self.kernel}"


@dataclass(frozen=True)
class ConvTranspose2d(Op):
    """A transposed convolution: every input pixel writes a window (torch.nn.ConvTranspose2d's formula)."""

    channels: int
    kernel: int | Pair = 2
    stride: int | Pair = 2
    padding: int | Pair = 0
    output_padding: int | Pair = 0
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        positive(self.channels, "channels")
        positive(self.groups, "groups")
        for name, least in (("kernel", 1), ("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1)):
            object.__setattr__(self, name, pair_of(getattr(self, name), name, least))

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "transposed convolution")
        if x[0] % self.groups or self.channels % self.groups:
            raise ArchError(
                f"groups={self.groups} must divide the {x[0]} input and the {self.channels} output channels; "
                f"allowed: {divisors(x[0], self.channels)}"
            )
        numbers = zip(x[1:], self.kernel, self.stride, self.padding, self.output_padding, self.dilation)
        sides = [(side - 1) * s - 2 * p + d * (k - 1) + more + 1 for side, k, s, p, more, d in numbers]
        if min(sides) < 1:
            raise ArchError(f"padding {sized(self.padding)} leaves no pixels of the output")
        return Shape(self.channels, *sides)

    def params(self, *inputs: Shape) -> int:
        weights = prod(self.kernel) * inputs[0][0] * self.channels // self.groups
        return weights + self.channels if self.bias else weights

    def mult_adds(self, *inputs: Shape) -> int:
        # each input pixel is multiplied with the whole window of each output channel of its group
        return prod(self.kernel) * inputs[0].elements * self.channels // self.groups

    def spelling(self, *inputs: Shape) -> Module:
        free = {"stride": (1, 1), "padding": (0, 0), "output_padding": (0, 0), "dilation": (1, 1)}
        kwargs = [(name, short(getattr(self, name))) for name, value in free.items() if getattr(self, name) != value]
        if self.groups != 1:
            kwargs.append(("groups", self.groups))
        if not self.bias:
            kwargs.append(("bias", False))
        return Module("nn.ConvTranspose2d", (inputs[0][0], self.channels, short(self.kernel)), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"transposed conv {sized(self.kernel)} /{short(self.stride)}"


@dataclass(frozen=True)
class FixedConv2d(Conv2d):
    """A convolution whose weights are constants, not trained: a blur before subsampling (Zhang 2019)."""

    def params(self, *inputs: Shape) -> int:
        return 0

    def spelling(self, *inputs: Shape) -> Module:
        spelled = super().spelling(*inputs)
        return Module("FixedConv2d", spelled.args, tuple((k, v) for k, v in spelled.kwargs if k != "bias"))

    def describe(self, *inputs: Shape) -> str:
        return f"fixed {super().describe(*inputs)}"


@dataclass(frozen=True)
class StandardizedConv2d(Conv2d):
    """A convolution whose filters are brought to mean 0 and variance 1 before use (Qiao et al. 2019).

    With `gain` the filters have a learned gain each, times the constant `scale` (Brock et al. 2021, NF-ResNet).
    """

    gain: bool = False
    scale: float = 1.0
    eps: float = 1e-6

    def params(self, *inputs: Shape) -> int:
        return super().params(*inputs) + (self.channels if self.gain else 0)

    def spelling(self, *inputs: Shape) -> Module:
        spelled = super().spelling(*inputs)
        kwargs = [*spelled.kwargs, ("eps", self.eps)]
        if self.gain:
            kwargs += [("gain", True), ("scale", self.scale)]
        return Module("StandardizedConv2d", spelled.args, tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"standardized {super().describe(*inputs)}"


@dataclass(frozen=True)
class LinearLast(Op):
    """A linear layer along the last axis of a tensor of any rank, at every position of the others."""

    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self.features, "features")

    def output(self, *inputs: Shape) -> Shape:
        return Shape(*one_input(inputs, self)[:-1], self.features)

    def params(self, *inputs: Shape) -> int:
        return inputs[0][-1] * self.features + (self.features if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return inputs[0].elements * self.features

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Linear", (inputs[0][-1], self.features), () if self.bias else (("bias", False),))

    def describe(self, *inputs: Shape) -> str:
        return "linear at every position"


class _Norm(Op):
    affine: bool
    eps: float

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
class _Learned(Op):
    """A tensor of `sizes` that stretches over the input's last axes; a constant where it is not `trained`."""

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
