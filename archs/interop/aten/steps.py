"""What a traced network is before it is a graph: steps that read steps, with constants beside them.

A step is an operator that already has our name, in a list that may still be rewritten
(`archs.interop.aten.patterns`); a graph is
what is made of it in the end. Tensors here are torch's, in the sizes that torch gave them, without the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from archs.ir.operator import Op, Shape

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 13
"""Images in the traced batch: an operator that mixes them shows in the first dimension, which one image would hide, and
two would where channels are cut in two."""

MAX_SPLIT = 64
"""Parts of a channel split: each of them holds the sizes of all. More parts are slices."""

Scope = tuple[tuple[str, str, str], ...]
"""The calls of modules that an operator runs in, outermost first: (call, module's path, class name)."""

Computation = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""An ATen operator and its arguments, with constants for tensors."""


@dataclass(eq=False)
class Constant:
    """A tensor that does not depend on the image: a parameter, a buffer, or what is computed of them."""

    tensor: Tensor
    sources: tuple[str, ...]
    """The parameters and buffers that it is computed from."""
    trained: bool = False
    """Whether its elements are those of one parameter, in whatever shape."""
    pure: bool = False
    """Whether its elements are those of one parameter or buffer, in whatever shape."""
    factor: float = 1.0
    """What a pure tensor's elements were multiplied with."""
    standardized: Standardized | None = None
    depends_on_parameters: bool = False
    """Whether one of its sources is a parameter."""
    made: Computation | None = None
    """What computed it; None for a source."""
    whole: bool = False
    """Whether it is a parameter in this shape alone, as others read it so; in another shape it is computed."""


def is_parameter(value: object) -> bool:
    """Whether a value is a parameter as it is: neither computed nor multiplied."""
    return isinstance(value, Constant) and value.trained and value.factor == 1


@dataclass(eq=False)
class Standardized:
    """Filters of mean 0 and variance 1: of which weight, with which gain and constant."""

    weight: Constant
    gain: Constant | None
    scale: float
    eps: float


@dataclass(eq=False)
class Step:
    """One operator, its inputs, and where it runs. The image is the step without an operator."""

    op: Op | None
    inputs: list[Step]
    shape: Shape
    scope: Scope = ()
    weights: dict[str, Constant] = field(default_factory=dict)
    """The tensors that the operator's own module has, by their name there."""
    sources: tuple[str, ...] = ()
    """The parameters that an opaque operator reads."""
    strides: tuple[int, ...] = ()
    """How its elements lie, the batch included: whether another shape of them is a view."""
    floating: bool = True
    """Whether its elements are floats."""
    folded: bool = False
    """The first dimension is not the batch."""
    permutation: Permutation | None = None
    """Of a folded step: which elements of which step it has."""
    in_place: bool = False
    """Whether it writes its output over its first input."""

    def becomes(self, op: Op, *inputs: Step) -> None:
        """This step as another operator of the same output."""
        self.op, self.inputs, self.weights, self.in_place = op, list(inputs), {}, False


class Factor(NamedTuple):
    """A part of an axis: index = …, + i · weight for i below size. Axis 0 is the batch, which is never cut."""

    axis: int
    size: int
    weight: int


@dataclass(frozen=True)
class Permutation:
    """Elements of `base`: each dimension is some factors of its axes, the first of them the slowest."""

    base: Step
    dims: tuple[tuple[Factor, ...], ...]
    fixed: tuple[tuple[Factor, int], ...] = ()
    """Factors at one index, by a selection."""

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(prod(f.size for f in dim) for dim in self.dims)


def live(output: Step) -> list[Step]:
    """The steps that an output depends on, the image left out, each after those that it reads."""
    found: dict[int, Step] = {}
    stack: list[tuple[Step, bool]] = [(output, False)]
    while stack:
        step, read = stack.pop()
        if read:
            found.setdefault(id(step), step)
        elif id(step) not in found and step.op is not None:
            stack.append((step, True))
            stack += [(x, False) for x in reversed(step.inputs)]
    return list(found.values())


def steps_in(value: Any) -> list[Step]:
    """The steps in an argument, lists opened."""
    if isinstance(value, (list, tuple)):
        return [step for part in value for step in steps_in(part)]
    return [value] if isinstance(value, Step) else []


def constants_in(value: Any) -> list[Constant]:
    """The constants in an argument, lists opened."""
    if isinstance(value, (list, tuple)):
        return [c for part in value for c in constants_in(part)]
    return [value] if isinstance(value, Constant) else []


def reshaped_constant(constant: Constant, sizes: tuple[int, ...]) -> Constant:
    """A constant's elements in another shape."""
    import torch

    tensor = constant.tensor.reshape(sizes)
    made: Computation = (torch.ops.aten.reshape.default, (constant, list(tensor.shape)), {})
    pure = constant.pure and constant.factor == 1 and not (constant.whole and tensor.shape != constant.tensor.shape)
    return Constant(
        tensor, constant.sources, constant.trained and pure, pure, 1.0, None, constant.depends_on_parameters, made
    )
