"""Operators that move elements: views, copies, slices, padding, resampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import Function, Module, Shape, Unweighted, axis_of, image_input, one_input, positive


@dataclass(frozen=True)
class _Shaped(Unweighted):
    """A tensor in another shape of as many elements."""

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        for side in self.sizes:
            positive(side, "size")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if prod(self.sizes) != x.elements:
            raise ArchError(f"{Shape(*self.sizes)} has not the {x.elements:,} elements of {x}")
        return Shape(*self.sizes)

    def spelling(self, *inputs: Shape) -> Function:
        named = tuple((f"size{i}", side) for i, side in enumerate(self.sizes, 1))
        return Function(f"{{0}}.reshape(-1, {', '.join(f'{{{name}}}' for name, _ in named)})", named)


@dataclass(frozen=True)
class View(_Shaped):
    """Another shape of the same memory."""


@dataclass(frozen=True)
class Reshape(_Shaped):
    """Another shape of elements that do not lie in that order, so they are copied."""


@dataclass(frozen=True)
class Permute(Unweighted):
    """The axes in another order: a view. `axes[i]` is the axis that comes i-th, the batch left out."""

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if sorted(self.axes) != list(range(len(x))):
            raise ArchError(f"permute by {self.axes} of {x}; allowed: each axis from 0 to {len(x) - 1} once")
        return Shape(*[x[axis] for axis in self.axes])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("{0}.permute({dims})", (("dims", (0, *[axis + 1 for axis in self.axes])),))


@dataclass(frozen=True)
class Expand(Unweighted):
    """Sides of 1 stretched to `sizes`: a view."""

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        if len(x) != len(self.sizes) or any(a not in (1, b) for a, b in zip(x, self.sizes)):
            raise ArchError(f"{x} does not stretch to {Shape(*self.sizes)}")
        return Shape(*self.sizes)

    def spelling(self, *inputs: Shape) -> Function:
        named = tuple((f"size{i}", side) for i, side in enumerate(self.sizes, 1))
        return Function(f"{{0}}.expand(-1, {', '.join(f'{{{name}}}' for name, _ in named)})", named)


@dataclass(frozen=True)
class Slice(Unweighted):
    """Every `step`-th of the places from `start` to before `stop` along one axis: a view."""

    axis: int
    start: int
    stop: int
    step: int = 1

    def __post_init__(self) -> None:
        positive(self.step, "step")
        if not 0 <= self.start < self.stop:
            raise ArchError(f"slice from {self.start} to {self.stop}; allowed: 0 ≤ start < stop")

    def output(self, *inputs: Shape) -> Shape:
        x = one_input(inputs, self)
        axis = axis_of(self.axis, x, "slice")
        if self.stop > x[axis]:
            raise ArchError(f"slice to {self.stop} of {x[axis]} places; allowed: up to {x[axis]}")
        return Shape(*x[:axis], -(-(self.stop - self.start) // self.step), *x[axis + 1 :])

    def spelling(self, *inputs: Shape) -> Function:
        before = ":, " * (self.axis + 1)
        named = (("start", self.start), ("stop", self.stop))
        if self.step == 1:
            return Function(f"{{0}}[{before}{{start}} : {{stop}}]", named)
        return Function(f"{{0}}[{before}{{start}} : {{stop}} : {{step}}]", (*named, ("step", self.step)))


@dataclass(frozen=True)
class Stack(Unweighted):
    """Tensors of one shape, one after the other along a new axis."""

    axis: int = 0

    def output(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise ArchError(f"stack takes tensors of one shape, found {' and '.join(map(str, inputs))}")
        x = inputs[0]
        if not 0 <= self.axis <= len(x):
            raise ArchError(f"stack along axis {self.axis} of {x}; allowed: 0 to {len(x)}")
        return Shape(*x[: self.axis], len(inputs), *x[self.axis :])

    def spelling(self, *inputs: Shape) -> Function:
        return Function("torch.stack(({all},), dim={dim})", (("dim", self.axis + 1),))


MODES = {"reflect": "nn.ReflectionPad2d", "replicate": "nn.ReplicationPad2d"}


@dataclass(frozen=True)
class Pad(Unweighted):
    """The map's own pixels around it: mirrored or repeated. Zeros are `ZeroPad`."""

    mode: str
    left: int
    right: int
    top: int
    bottom: int

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ArchError(f"padding mode is {self.mode!r}; allowed: {', '.join(MODES)}")

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "padding")
        if min(self.left, self.right, self.top, self.bottom) < 0:
            raise ArchError("padding of less than 0; allowed: whole numbers ≥ 0")
        return Shape(x[0], x[1] + self.top + self.bottom, x[2] + self.left + self.right)

    def spelling(self, *inputs: Shape) -> Module:
        return Module(MODES[self.mode], ((self.left, self.right, self.top, self.bottom),))


@dataclass(frozen=True)
class ConstantPad(Unweighted):
    """A number around the map: −∞ before a max pooling that rounds as TensorFlow does."""

    value: float
    left: int
    right: int
    top: int
    bottom: int

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "padding")
        return Shape(x[0], x[1] + self.top + self.bottom, x[2] + self.left + self.right)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.ConstantPad2d", ((self.left, self.right, self.top, self.bottom), self.value))


@dataclass(frozen=True)
class ChannelPad(Unweighted):
    """Channels of zeros before and after: the shortcut without weights (He et al. 2015, option A)."""

    before: int
    after: int

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "channel padding")
        if min(self.before, self.after) < 0:
            raise ArchError("padding of less than 0; allowed: whole numbers ≥ 0")
        return Shape(x[0] + self.before + self.after, *x[1:])

    def spelling(self, *inputs: Shape) -> Function:
        named = (("before", self.before), ("after", self.after))
        return Function("nn.functional.pad({0}, (0, 0, 0, 0, {before}, {after}))", named)


UPSAMPLING = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class Upsample(Unweighted):
    """The map resampled to another height and width."""

    height: int
    width: int
    mode: str = "nearest"
    align_corners: bool = False

    def __post_init__(self) -> None:
        positive(self.height, "height")
        positive(self.width, "width")
        if self.mode not in UPSAMPLING:
            raise ArchError(f"upsampling mode is {self.mode!r}; allowed: {', '.join(UPSAMPLING)}")

    def output(self, *inputs: Shape) -> Shape:
        return Shape(image_input(inputs, "upsampling")[0], self.height, self.width)

    def spelling(self, *inputs: Shape) -> Module:
        kwargs: list[tuple[str, object]] = [("size", (self.height, self.width)), ("mode", self.mode)]
        if self.align_corners:
            kwargs.append(("align_corners", True))
        return Module("nn.Upsample", (), tuple(kwargs))


@dataclass(frozen=True)
class PixelShuffle(Unweighted):
    """C·r²×H×W → C×r·H×r·W (Shi et al. 2016)."""

    factor: int

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "pixel shuffle")
        if x[0] % self.factor**2:
            raise ArchError(f"a pixel shuffle by {self.factor} must divide {x[0]} channels by {self.factor**2}")
        return Shape(x[0] // self.factor**2, x[1] * self.factor, x[2] * self.factor)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.PixelShuffle", (self.factor,))


@dataclass(frozen=True)
class PixelUnshuffle(Unweighted):
    """C×r·H×r·W → C·r²×H×W, the inverse of the pixel shuffle."""

    factor: int

    def output(self, *inputs: Shape) -> Shape:
        x = image_input(inputs, "pixel unshuffle")
        if x[1] % self.factor or x[2] % self.factor:
            raise ArchError(f"a pixel unshuffle by {self.factor} must divide the {x[1]}×{x[2]} map")
        return Shape(x[0] * self.factor**2, x[1] // self.factor, x[2] // self.factor)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.PixelUnshuffle", (self.factor,))


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
