"""Tensors that are computed from parameters at every run, and the layers that take their weight as an input."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archs.errors import ArchError
from archs.ir.operator import Function, Module, Op, Shape, check_groups, image_input, window
from archs.ir.ops.convolution import Conv2d, ConvTranspose2d
from archs.ir.ops.linear import LinearLast

Step = tuple[object, ...]
"""An ATen operator's name and its arguments; "$3" is the fourth value, counted from the parameters on."""


@dataclass(frozen=True)
class ComputedTensor(Op):
    """A tensor made of parameters and constants alone: a normalised or masked weight, a gate. It has no batch."""

    sizes: tuple[int, ...]
    parameters: tuple[tuple[int, ...], ...]
    """The sizes of the trained tensors that it is computed from."""
    constants: tuple[tuple[int | str, ...], ...]
    """The sizes of the stored tensors; the kind of their elements comes first where they are no floats."""
    steps: tuple[Step, ...]
    products: int = 0
    """Multiply-adds of the matrix products among the steps."""

    def output(self, *inputs: Shape) -> Shape:
        if inputs:
            raise ArchError(f"a computed tensor takes no input, found {len(inputs)}")
        return Shape(*self.sizes)

    def params(self, *inputs: Shape) -> int:
        return sum(map(prod, self.parameters))

    def mult_adds(self, *inputs: Shape) -> int:
        return self.products

    def spelling(self, *inputs: Shape) -> Module:
        return Module("ComputedTensor", (self.parameters, self.constants, *self.steps))

    def describe(self, *inputs: Shape) -> str:
        return "computed weight"


@dataclass(frozen=True)
class Conv2dWith(Conv2d):
    """A convolution whose weight is its second input: computed from parameters, or one per image.

    A weight per image (Chen et al. 2020) makes one grouped convolution of the batch.
    """

    per_image: bool = False

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"convolution with a computed weight takes 2 inputs, found {len(inputs)}")
        x, weight = image_input(inputs[:1], "convolution"), inputs[1]
        check_groups(self.groups, x[0], self.channels)
        if tuple(weight) != (self.channels, x[0] // self.groups, *self.kernel):  # type: ignore[misc]
            raise ArchError(f"convolution of {x} with a weight of {weight}")
        sizes = self.kernel, self.stride, self.padding, self.dilation
        return Shape(self.channels, *window(x, "convolution", *sizes))  # type: ignore[arg-type]

    def params(self, *inputs: Shape) -> int:
        return 0

    def spelling(self, *inputs: Shape) -> Function:  # type: ignore[override]  # no module: the weight is an input
        named = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        if self.per_image:
            return Function(
                "convolution_per_image({0}, {1}, {stride}, {padding}, {dilation}, {groups})", tuple(named.items())
            )
        return Function(
            "nn.functional.conv2d({0}, {1}, None, {stride}, {padding}, {dilation}, {groups})", tuple(named.items())
        )


@dataclass(frozen=True)
class ConvTranspose2dWith(ConvTranspose2d):
    """A transposed convolution whose weight is its second input: a normalised one, or a constant that interpolates."""

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise ArchError(f"transposed convolution with a computed weight takes 2 inputs, found {len(inputs)}")
        found = super().output(inputs[0])
        if tuple(inputs[1]) != (inputs[0][0], self.channels // self.groups, *self.kernel):
            raise ArchError(f"transposed convolution of {inputs[0]} with a weight of {inputs[1]}")
        return found

    def params(self, *inputs: Shape) -> int:
        return 0

    def spelling(self, *inputs: Shape) -> Function:  # type: ignore[override]  # no module: the weight is an input
        names = ("stride", "padding", "output_padding", "groups", "dilation")
        numbers = ", ".join(f"{{{name}}}" for name in names)
        return Function(
            f"nn.functional.conv_transpose2d({{0}}, {{1}}, None, {numbers})",
            tuple((name, getattr(self, name)) for name in names),
        )


@dataclass(frozen=True)
class LinearWith(LinearLast):
    """A linear layer along the last axis whose weight, features×inputs, is its second input."""

    bias: bool = False

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or tuple(inputs[1]) != (self.features, inputs[0][-1]):
            raise ArchError(f"linear with a computed weight takes a tensor and its weight, found {inputs}")
        return Shape(*inputs[0][:-1], self.features)

    def params(self, *inputs: Shape) -> int:
        return 0

    def spelling(self, *inputs: Shape) -> Function:  # type: ignore[override]  # no module: the weight is an input
        return Function("nn.functional.linear({0}, {1})")
