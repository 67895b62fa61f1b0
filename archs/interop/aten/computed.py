"""Constants that are no parameter as it is → steps: a computed tensor, which the exported module computes as well.

What depends on no parameter is stored as a constant; the rest is recomputed from its parameters, step by step.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from archs.interop.aten.call import Call, Unsupported
from archs.interop.aten.steps import Constant, Step
from archs.ir.operator import Shape
from archs.ir.ops import ComputedTensor

if TYPE_CHECKING:
    from torch import Tensor

MAX_STEPS = 256
IDENTITIES = ("alias", "detach", "clone", "contiguous", "to", "_to_copy", "type_as", "lift_fresh_copy")
PRODUCTS = ("mm", "matmul", "bmm", "mv", "conv2d", "linear", "einsum")


def computed(call: Call, constant: Constant, sizes: tuple[int, ...] | None = None) -> Step:
    """A step that gives a constant's elements, in other sizes where they are given.

    Raises Unsupported for one whose computation cannot be written down.
    """
    recipe = _Recipe()
    recipe.add(constant)
    wanted = tuple(constant.tensor.shape) if sizes is None else sizes
    if wanted != tuple(constant.tensor.shape) or not recipe.steps:
        recipe.steps.append(("reshape.default", recipe.reference(constant), list(wanted)))
    leaves = [*recipe.parameters, *recipe.constants]
    order = {id(leaf): i for i, leaf in enumerate(leaves)}
    numbers = {
        recipe.numbers[id(c)]: (order[id(c)] if id(c) in order else len(leaves) + recipe.numbers[id(c)])
        for c in recipe.known
    }
    steps = tuple(_renumbered(step, numbers) for step in recipe.steps)
    roles = {f"parameter{i}": c for i, c in enumerate(recipe.parameters)}
    roles |= {f"constant{i}": c for i, c in enumerate(recipe.constants)}
    parameters = tuple(tuple(c.tensor.shape) for c in recipe.parameters)
    constants = tuple(_sized(c.tensor) for c in recipe.constants)
    op = ComputedTensor(wanted, parameters, constants, steps, _products(leaves, steps))
    return Step(op, [], Shape(*wanted), call.scope, roles)


def _sized(tensor: Tensor) -> tuple[int | str, ...]:
    sizes = tuple(tensor.shape)
    return sizes if tensor.is_floating_point() else (str(tensor.dtype).removeprefix("torch."), *sizes)


class _Recipe:
    """The computation of a constant in order: leaves first numbered below 0, then a step per number."""

    def __init__(self) -> None:
        self.parameters: list[Constant] = []
        self.constants: list[Constant] = []
        self.steps: list[tuple[Any, ...]] = []
        self.known: list[Constant] = []
        self.numbers: dict[int, int] = {}
        self._by_source: dict[tuple[str, ...], Constant] = {}

    def reference(self, constant: Constant) -> str:
        return f"${self.numbers[id(constant)]}"

    def add(self, constant: Constant) -> None:
        if id(constant) in self.numbers:
            return
        self.known.append(constant)
        if not constant.depends_on_parameters or constant.made is None:
            self._leaf(constant)
            return
        target, args, kwargs = constant.made
        name = "getitem" if target is operator.getitem else target.__name__
        if name.partition(".")[0] in IDENTITIES and isinstance(args[0], Constant):
            if args[0].tensor.dtype != constant.tensor.dtype:
                raise Unsupported
            self.add(args[0])
            self.numbers[id(constant)] = self.numbers[id(args[0])]
            return
        names = [a.name for a in target._schema.arguments] if hasattr(target, "_schema") else []
        full = dict(zip(names, args)) | dict(kwargs) if names else dict(enumerate(args))
        while names and full and list(full)[-1] not in names[: len(full)]:
            raise Unsupported
        arguments = [self._argument(full.get(n)) for n in (names or full)]
        if names:
            defaults = {a.name: a.default_value for a in target._schema.arguments}
            arguments = [self._argument(full.get(n, defaults[n])) for n in names if not self._keyword(target, n, full)]
        if len(self.steps) >= MAX_STEPS:
            raise Unsupported
        self.numbers[id(constant)] = len(self.steps)
        self.steps.append((name, *arguments))

    def _keyword(self, target: Any, name: str, full: dict[Any, Any]) -> bool:
        """Whether an argument can only be given by name; those must be left out."""
        argument = next(a for a in target._schema.arguments if a.name == name)
        if argument.kwarg_only and full.get(name, argument.default_value) != argument.default_value:
            raise Unsupported
        return bool(argument.kwarg_only)

    def _leaf(self, constant: Constant) -> None:
        if constant.depends_on_parameters and not (constant.pure and constant.factor == 1):
            raise Unsupported
        if constant.tensor.dtype.is_complex:
            raise Unsupported
        known = self._by_source.setdefault(constant.sources, constant) if constant.pure else constant
        if known is not constant and known.tensor.shape == constant.tensor.shape:
            self.numbers[id(constant)] = self.numbers[id(known)]
            return
        found = self.parameters if constant.trained else self.constants
        found.append(constant)
        self.numbers[id(constant)] = -len(self.parameters) - len(self.constants)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Constant):
            self.add(value)
            return self.reference(value)
        if isinstance(value, (list, tuple)):
            return tuple(self._argument(v) for v in value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str) and value.isalnum():
            return value
        raise Unsupported


def _renumbered(step: tuple[Any, ...], numbers: dict[int, int]) -> tuple[Any, ...]:
    def change(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(change(v) for v in value)
        return f"${numbers[int(value[1:])]}" if isinstance(value, str) and value[:1] == "$" else value

    return step[0], *[change(value) for value in step[1:]]


def run(leaves: list[Tensor], steps: tuple[tuple[Any, ...], ...]) -> Any:
    """What the steps give: the same as the exported module's `ComputedTensor`."""
    import torch

    values: list[Any] = list(leaves)

    def given(value: Any) -> Any:
        if isinstance(value, tuple):
            return [given(v) for v in value]
        return values[int(value[1:])] if isinstance(value, str) and value[:1] == "$" else value

    for name, *arguments in steps:
        packet, _, overload = name.partition(".")
        call = operator.getitem if name == "getitem" else getattr(getattr(torch.ops.aten, packet), overload)
        values.append(call(*map(given, arguments)))
    return values[-1]


def _products(leaves: list[Constant], steps: tuple[tuple[Any, ...], ...]) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    if not any(
        step[0].partition(".")[0] in ("mm", "matmul", "bmm", "mv", "conv2d", "linear", "einsum") for step in steps
    ):
        return 0
    with FlopCounterMode(display=False) as counter:
        run([leaf.tensor for leaf in leaves], steps)
    return int(counter.get_total_flops()) // 2
