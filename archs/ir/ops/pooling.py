"""Pooling: sliding windows, adaptive windows, whole maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archs.errors import ArchError
from archs.ir.operator import (
    Function,
    Module,
    Pair,
    Shape,
    Unweighted,
    image_input,
    pair_of,
    positive,
    short,
    sized,
    window,
    words,
)


class _Pool(Unweighted):
    kernel: Pair
    stride: Pair
    padding: Pair
    ceil: bool
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "kernel", kernel := pair_of(self.kernel, "kernel", 1))
        put(self, "stride", pair_of(self.stride, "stride", 1))
        put(self, "padding", padding := pair_of(self.padding, "padding", 0))
        if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:  # torch refuses it too
            raise ArchError(f"padding {sized(padding)} is over half of the {sized(kernel)} window; allowed: up to half")

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "pooling")
        return Shape(x[0], *window(x, "pooling", self.kernel, self.stride, self.padding, self.dilation, self.ceil))

    def spelling(self, *inputs: Shape) -> Module:
        kwargs: list[tuple[str, object]] = [("stride", short(self.stride))]
        if self.padding != (0, 0):
            kwargs.append(("padding", short(self.padding)))
        if self.dilation != (1, 1):
            kwargs.append(("dilation", short(self.dilation)))
        if self.ceil:
            kwargs.append(("ceil_mode", True))
        return Module(f"nn.{type(self).__name__}2d", (short(self.kernel),), tuple(kwargs))

    def describe(self, *inputs: Shape) -> str:
        return f"{words(type(self).__name__)} {sized(self.kernel)} /{short(self.stride)}"


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value in each window. `ceil`: the last window may extend over the edge."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil: bool = False
    dilation: Pair = (1, 1)

    if TYPE_CHECKING:  # one number stands for both sides

        def __init__(
            self,
            kernel: int | Pair,
            stride: int | Pair,
            padding: int | Pair = ...,
            ceil: bool = ...,
            dilation: Pair = ...,
        ) -> None: ...


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window, the padding's zeros counted in (PyTorch's default) or not."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil: bool = False
    count_padding: bool = True

    if TYPE_CHECKING:  # one number stands for both sides

        def __init__(
            self,
            kernel: int | Pair,
            stride: int | Pair,
            padding: int | Pair = ...,
            ceil: bool = ...,
            count_padding: bool = ...,
        ) -> None: ...

    def spelling(self, *inputs: Shape) -> Module:
        spelled = super().spelling(*inputs)
        if self.count_padding:
            return spelled
        return Module(spelled.target, spelled.args, (*spelled.kwargs, ("count_include_pad", False)))


@dataclass(frozen=True)
class GlobalAvgPool(Unweighted):
    """The mean of each channel's map: C×H×W → C×1×1, or → C where `flat`.

    The two forms are two PyTorch forms of one operator, and tools count them differently: fvcore counts
    `nn.AdaptiveAvgPool2d(1)` and does not see `x.mean((2, 3))`.
    """

    flat: bool = False

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "global pooling")
        return Shape(x[0]) if self.flat else Shape(x[0], 1, 1)

    def spelling(self, *inputs: Shape) -> Module | Function:
        return Function("{0}.mean((2, 3))") if self.flat else Module("nn.AdaptiveAvgPool2d", (1,))


@dataclass(frozen=True)
class AdaptiveAvgPool(Unweighted):
    """The mean of each of height×width windows that cover the map evenly."""

    height: int
    width: int

    def __post_init__(self) -> None:
        positive(self.height, "height")
        positive(self.width, "width")

    def output(self, *inputs: Shape) -> Shape:
        return Shape(image_input(inputs, "adaptive pooling")[0], self.height, self.width)

    def spelling(self, *inputs: Shape) -> Module:
        sides = self.height if self.height == self.width else (self.height, self.width)
        return Module(f"nn.{type(self).__name__}2d", (sides,))


@dataclass(frozen=True)
class AdaptiveMaxPool(AdaptiveAvgPool):
    """The largest value of each of height×width windows that cover the map evenly; 1×1 is global max pooling."""
