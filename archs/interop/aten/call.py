"""One ATen call as the rules see it, and the registry of the rules.

A rule takes an `AtenCall` and returns a step, a constant, or a list of them where torch returns several tensors. A call
that has no counterpart raises `UnsupportedCall`, and the reader makes it an opaque step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.aten.steps import BATCH, Constant, Scope, Step
from archs.interop.rule_registry import RuleRegistry
from archs.ir.operator import Op, Shape

if TYPE_CHECKING:
    import torch


class UnsupportedCall(Exception):
    """An operator, or a use of one, that has no counterpart here."""


@dataclass
class AtenCall:
    """One call of an ATen operator: its arguments by name, with steps and constants for tensors."""

    name: str
    args: dict[str, Any]
    value: torch.Tensor
    """What comes out, as a fake tensor."""
    scope: Scope
    overload: str = ""
    keywords: tuple[str, ...] = ()
    """The arguments that can only be given by name."""

    def __getitem__(self, name: str) -> Any:
        if name not in self.args:
            raise UnsupportedCall
        return self.args[name]

    @property
    def shape(self) -> Shape:
        return Shape(*self.value.shape[1:])

    def step(self, op: Op, *inputs: Step, weights: Mapping[str, Constant | None] | None = None) -> Step:
        """A step of this call. Raises UnsupportedCall where the operator does not take these inputs."""
        if any(not isinstance(x, Step) or x.folded for x in inputs):
            raise UnsupportedCall
        try:
            shape = op.output(*[x.shape for x in inputs])
        except ArchError:
            raise UnsupportedCall from None
        given = {role: c for role, c in (weights or {}).items() if c is not None}
        return Step(op, list(inputs), shape, self.scope, given)

    def axis(self, name: str = "dim", rank: int | None = None) -> int:
        """A dimension as an axis of one image's tensor. Raises UnsupportedCall for the batch's."""
        return self.axes_of([self[name]], rank)[0]

    def axes_of(self, dims: list[int], rank: int | None = None) -> list[int]:
        full = (rank if rank is not None else len(self.first.shape)) + 1
        axes = [dim % full - 1 for dim in dims]
        if min(axes) < 0:
            raise UnsupportedCall
        return axes

    @property
    def first(self) -> Step:
        x = next(iter(self.args.values()))
        if not isinstance(x, Step) or x.folded:
            raise UnsupportedCall
        return x


RULES = RuleRegistry()
"""By ATen names, without overload and without the trailing _ of those in place."""
rule = RULES.rule


def batched(value: torch.Tensor) -> bool:
    """Whether the first dimension is still the batch."""
    return value.dim() > 0 and value.shape[0] == BATCH


def unmodified(constant: Any, what: str = "weight") -> Constant:
    """The constant, if its elements are those of a tensor of the module. Raises UnsupportedCall for any other value."""
    if not isinstance(constant, Constant) or not constant.pure:
        raise UnsupportedCall
    return constant


def is_constant(value: Any) -> bool:
    """Whether an argument holds no step: numbers, constants, and lists of them."""
    if isinstance(value, (list, tuple)):
        return all(is_constant(part) for part in value)
    return not isinstance(value, Step)
