"""Data movement: views and reshapes, slices and splits, concatenation, shuffles."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import (
    Function,
    Module,
    Shape,
    Unweighted,
    axis_of,
    divisors,
    image_input,
    one_input,
    positive,
)


@dataclass(frozen=True)
class Sized(Unweighted):
    """What gives a tensor of these sizes, the batch apart."""

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        for side in self.sizes:
            positive(side, "size")


@dataclass(frozen=True)
class _Shaped(Sized):
    """A tensor in another shape of as many elements."""

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
    """Another shape of elements that are not contiguous in that order: a copy."""


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
    """Sides of 1 broadcast to `sizes`: a view."""

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
class Flatten(Unweighted):
    """C×H×W → C·H·W: a view, no copy."""

    def output(self, *inputs: Shape) -> Shape:
        return Shape(one_input(inputs, self).elements)

    def spelling(self, *inputs: Shape) -> Module:
        return Module("nn.Flatten")


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
