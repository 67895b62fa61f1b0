"""Constants that are no parameter as it is → steps: a computed tensor, which the exported module computes as well.

What depends on no parameter is stored as a constant; the rest is recomputed from its parameters, step by step.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from archs.interop.aten.call import AtenCall, UnsupportedCall
from archs.interop.aten.steps import BATCH, Constant, Standardized, Step
from archs.ir.operator import Shape
from archs.ir.ops import ComputedTensor

if TYPE_CHECKING:
    from torch import Tensor

MAX_STEPS = 256
WORD = re.compile(r"[A-Za-z0-9][\w,. >-]*")
"""Arguments that are text: a mode, an equation of einsum."""
IDENTITIES = ("alias", "detach", "clone", "contiguous", "to", "_to_copy", "type_as", "lift_fresh_copy")
PRODUCTS = (
    *("mm", "matmul", "bmm", "mv", "dot", "addmm", "addmv", "addbmm", "baddbmm", "linear", "einsum", "tensordot"),
    *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "convolution", "_convolution", "bilinear"),
    *("chain_matmul", "linalg_multi_dot", "inner", "scaled_dot_product_attention"),
)


def computed(call: AtenCall, constant: Constant, sizes: tuple[int, ...] | None = None) -> Step:
    """A step that gives a constant's elements, in other sizes where they are given.

    Raises UnsupportedCall for one whose computation cannot be written down.
    """
    return _written(call, _Recipe(), constant, tuple(constant.tensor.shape) if sizes is None else sizes)


def computed_once(call: AtenCall, constant: Constant) -> Step:
    """A constant that is the same for each image of the batch, as it is for one: without the first dimension.

    Raises UnsupportedCall for one that differs between images, or whose computation depends on their number.
    """
    tensor = constant.tensor
    if tensor.shape[0] == 1:
        return computed(call, constant, tuple(tensor.shape[1:]))
    if tensor.shape[0] != BATCH or tensor.is_meta or bool((tensor != tensor[:1]).any()):
        raise UnsupportedCall
    if not constant.depends_on_parameters:
        return computed(call, Constant(tensor[0].clone(), (), False, True))
    source = expanded_from(constant)
    if source is not None:
        return computed(call, source, tuple(tensor.shape[1:]))
    try:
        found = _written(call, _Recipe(one=True), constant, tuple(tensor.shape[1:]))
    except RuntimeError:  # a size of all images that is written elsewhere
        raise UnsupportedCall from None
    op = found.op
    assert isinstance(op, ComputedTensor)
    try:
        again = run([c.tensor for c in found.weights.values()], op.steps)
    except Exception:
        raise UnsupportedCall from None
    if again.shape != tensor.shape[1:] or float((again - tensor[0]).abs().max()) > 1e-5 * float(tensor.abs().max()):
        raise UnsupportedCall
    return found


def for_all_images(call: AtenCall, constant: Constant, rank: int) -> Step:
    """A constant operand of tensors of `rank` dimensions, as a tensor without the batch."""
    return computed(call, constant) if constant.tensor.dim() < rank else computed_once(call, constant)


def expanded_from(constant: Constant) -> Constant | None:
    """The tensor for one image that a constant repeats for all; None where it is made otherwise."""
    target, args, _ = constant.made or (None, (), {})
    source = args[0] if args else None
    if getattr(target, "__name__", "") == "expand.default" and isinstance(source, Constant):
        tensor = source.tensor
        if tensor.dim() == constant.tensor.dim() and tensor.shape == (1, *constant.tensor.shape[1:]):
            return source
    return None


def _written(call: AtenCall, recipe: _Recipe, constant: Constant, wanted: tuple[int, ...]) -> Step:
    recipe.add(constant)
    if wanted != tuple(constant.tensor.shape) or not recipe.steps:
        recipe.steps.append(("reshape.default", recipe.reference(constant), list(wanted)))
    leaves = [*recipe.parameters, *recipe.constants]
    order = {id(leaf): i for i, leaf in enumerate(leaves)}
    numbers = {
        recipe.numbers[id(c)]: (order[id(c)] if id(c) in order else len(leaves) + recipe.numbers[id(c)])
        for c in recipe.known
    }
    for original, stored in recipe.stored.items():
        numbers[recipe.numbers[original]] = order[id(stored)]
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

    def __init__(self, one: bool = False) -> None:
        """`one`: of stored tensors that are the same for each image of the batch, that of one image."""
        self.one = one
        self.stored: dict[int, Constant] = {}  # id of a tensor for all images → that of one
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
                raise UnsupportedCall
            self.add(args[0])
            self.numbers[id(constant)] = self.numbers[id(args[0])]
            return
        names = [a.name for a in target._schema.arguments] if hasattr(target, "_schema") else []
        full = dict(zip(names, args)) | dict(kwargs) if names else dict(enumerate(args))
        while names and full and list(full)[-1] not in names[: len(full)]:
            raise UnsupportedCall
        arguments = [self._argument(full.get(n)) for n in (names or full)]
        if names:
            defaults = {a.name: a.default_value for a in target._schema.arguments}
            arguments = [self._argument(full.get(n, defaults[n])) for n in names if not self._keyword(target, n, full)]
        if len(self.steps) >= MAX_STEPS:
            raise UnsupportedCall
        self.numbers[id(constant)] = len(self.steps)
        self.steps.append((name, *arguments))

    def _keyword(self, target: Any, name: str, full: dict[Any, Any]) -> bool:
        """Whether an argument can only be given by name; those must be left out."""
        argument = next(a for a in target._schema.arguments if a.name == name)
        if argument.kwarg_only and full.get(name, argument.default_value) != argument.default_value:
            raise UnsupportedCall
        return bool(argument.kwarg_only)

    def _leaf(self, constant: Constant) -> None:
        if constant.depends_on_parameters and not (constant.pure and constant.factor == 1):
            raise UnsupportedCall
        if constant.tensor.dtype.is_complex:
            raise UnsupportedCall
        known = self._by_source.setdefault(constant.sources, constant) if constant.pure else constant
        if known is not constant and known.tensor.shape == constant.tensor.shape:
            self.numbers[id(constant)] = self.numbers[id(known)]
            return
        found = self.parameters if constant.trained else self.constants
        tensor = constant.tensor
        if (
            self.one
            and not constant.trained
            and tensor.dim()
            and tensor.shape[0] == BATCH
            and bool((tensor == tensor[:1]).all())
        ):
            self.stored[id(constant)] = Constant(tensor[:1].clone(), (), False, True)
        found.append(self.stored.get(id(constant), constant))
        self.numbers[id(constant)] = -len(self.parameters) - len(self.constants)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Constant):
            self.add(value)
            return self.reference(value)
        if isinstance(value, (list, tuple)):
            sizes_of_all = self.one and value and type(value[0]) is int and value[0] == BATCH
            return tuple(self._argument(v) for v in ([1, *value[1:]] if sizes_of_all else value))
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str) and WORD.fullmatch(value):
            return value
        raise UnsupportedCall


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

    if not any(step[0].partition(".")[0] in PRODUCTS for step in steps):
        return 0
    with FlopCounterMode(display=False) as counter:
        run([leaf.tensor for leaf in leaves], steps)
    return int(counter.get_total_flops()) // 2


def standardized_by(name: str, args: dict[str, Any]) -> Standardized | None:
    """Filters standardised by a batch norm over them, as timm and others do it."""
    if name != "batch_norm" or not args["training"] or args["running_mean"] is not None or args["bias"] is not None:
        return None
    weight, gain = args["input"], args["weight"]
    if not isinstance(weight, Constant) or not weight.trained or weight.factor != 1 or weight.tensor.shape[0] != 1:
        return None
    if gain is not None and not (gain.pure and gain.trained):
        return None
    scale = 1.0 if gain is None else gain.factor
    if gain is not None and scale != 1:
        gain = Constant(gain.tensor / scale, gain.sources, True, True)
    return Standardized(weight, gain, scale, args["eps"])
