"""Padding and resampling of a map."""

from __future__ import annotations

from dataclasses import dataclass

from archs.errors import ArchError
from archs.ir.operator import (
    Function,
    Module,
    Shape,
    Unweighted,
    image_input,
    positive,
)


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


MODES = {"reflect": "nn.ReflectionPad2d", "replicate": "nn.ReplicationPad2d", "circular": "nn.CircularPad2d"}


@dataclass(frozen=True)
class Pad(Unweighted):
    """The map's own pixels around it: mirrored, repeated, or those of the other side. Zeros are `ZeroPad`."""

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


UPSAMPLING = ("nearest", "bilinear", "bicubic", "nearest-exact")


@dataclass(frozen=True)
class Upsample(Unweighted):
    """The map resampled to another height and width."""

    height: int
    width: int
    mode: str = "nearest"
    align_corners: bool = False
    scale: tuple[float, float] | None = None
    """The factors of the two sides where they are no quotients of whole sizes: the places that are read follow them."""

    def __post_init__(self) -> None:
        positive(self.height, "height")
        positive(self.width, "width")
        if self.mode not in UPSAMPLING:
            raise ArchError(f"upsampling mode is {self.mode!r}; allowed: {', '.join(UPSAMPLING)}")

    def output(self, *inputs: Shape) -> Shape:
        return Shape(image_input(inputs, "upsampling")[0], self.height, self.width)

    def spelling(self, *inputs: Shape) -> Module:
        size = ("size", (self.height, self.width)) if self.scale is None else ("scale_factor", self.scale)
        kwargs: list[tuple[str, object]] = [size, ("mode", self.mode)]
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
