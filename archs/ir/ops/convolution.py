"""Convolutions: plain, grouped, depthwise and dilated; along a line; transposed; with fixed or standardised weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from archs.errors import ArchError
from archs.ir.operator import (
    Module,
    Op,
    Pair,
    Shape,
    check_groups,
    image_input,
    one_input,
    pair_of,
    positive,
    short,
    sized,
    window,
)


@dataclass(frozen=True)
class Conv2d(Op):
    """A convolution. `padding=None` keeps the map at stride 1 for odd kernels: dilation · (kernel − 1) / 2."""

    channels: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = None  # type: ignore[assignment]  # a pair from __post_init__ on
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False

    if TYPE_CHECKING:  # one number stands for both sides

        def __init__(
            self,
            channels: int,
            kernel: int | Pair = ...,
            stride: int | Pair = ...,
            padding: int | Pair | None = ...,
            dilation: int | Pair = ...,
            groups: int = ...,
            bias: bool = ...,
        ) -> None: ...

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
        check_groups(self.groups, x[0], self.channels)
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
class Conv1d(Op):
    """A convolution along the last side of C×L. `padding=None` keeps the length for odd kernels at stride 1."""

    channels: int
    kernel: int = 1
    stride: int = 1
    padding: int = None  # type: ignore[assignment]  # a number from __post_init__ on
    groups: int = 1
    bias: bool = False
    dilation: int = 1

    def __post_init__(self) -> None:
        for name in ("channels", "kernel", "stride", "groups", "dilation"):
            positive(getattr(self, name), name)
        if self.padding is None:
            object.__setattr__(
                self, "padding", self.dilation * (self.kernel - 1) // 2 if self.kernel % 2 else self.kernel // 2
            )

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) != 2:
            raise ArchError(f"convolution along a line takes channels×length, found {x}")
        check_groups(self.groups, x[0], self.channels)
        length = (x[1] + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1
        if length < 1:
            raise ArchError(f"convolution of {self.kernel} with padding {self.padding} leaves nothing of {x[1]}")
        return Shape(self.channels, length)

    def params(self, *inputs: Shape) -> int:
        return self.kernel * inputs[0][0] // self.groups * self.channels + (self.channels if self.bias else 0)

    def mult_adds(self, *inputs: Shape) -> int:
        return self.kernel * inputs[0][0] // self.groups * self.output(*inputs).elements

    def spelling(self, *inputs: Shape) -> Module:
        free = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
        kwargs = [(name, getattr(self, name)) for name, value in free.items() if getattr(self, name) != value]
        return Module("nn.Conv1d", (inputs[0][0], self.channels, self.kernel), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"conv {self.kernel}"


@dataclass(frozen=True)
class ConvTranspose2d(Op):
    """A transposed convolution: every input pixel writes a window (torch.nn.ConvTranspose2d's formula)."""

    channels: int
    kernel: Pair = (2, 2)
    stride: Pair = (2, 2)
    padding: Pair = (0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False

    if TYPE_CHECKING:  # one number stands for both sides

        def __init__(
            self,
            channels: int,
            kernel: int | Pair = ...,
            stride: int | Pair = ...,
            padding: int | Pair = ...,
            output_padding: int | Pair = ...,
            dilation: int | Pair = ...,
            groups: int = ...,
            bias: bool = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        positive(self.channels, "channels")
        positive(self.groups, "groups")
        for name, least in (("kernel", 1), ("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1)):
            object.__setattr__(self, name, pair_of(getattr(self, name), name, least))

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "transposed convolution")
        check_groups(self.groups, x[0], self.channels)
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
