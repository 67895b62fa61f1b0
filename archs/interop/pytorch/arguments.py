"""What a module is called with and what it gives: the batch of images among other inputs, one output among several.

Further inputs are given by example. No tracing here: `archs.interop.pytorch.importer` exports with these arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.ir.operator import Shape
from archs.tables.validation import plain

if TYPE_CHECKING:
    from torch import Tensor, nn

Inputs = Mapping[str, Any] | Sequence[Any] | None
"""Values of a forward's arguments, by name or in order; None stands where the images go."""


def image_shape(shape: Any) -> Shape:
    """Channels, height and width, from a tensor or a shape with or without a batch of 1. Raises ArchError.

    >>> image_shape((1, 3, 224, 224))
    (3, 224, 224)
    """
    shape = getattr(shape, "shape", shape)
    found = tuple([plain(side) for side in shape]) if isinstance(shape, (tuple, list)) else (shape,)
    found = found[1:] if len(found) == 4 and found[0] == 1 else found
    if len(found) != 3 or any(type(side) is not int or not 1 <= side <= 16384 for side in found):
        raise ArchError(
            f"the input shape is {shorten(shape)}; allowed: channels, height, width, each from 1 to 16384, with or "
            "without a batch of 1 before them"
        )
    return Shape(*found)


class Arguments:
    """The arguments of a module's forward for any batch of images."""

    def __init__(self, module: nn.Module, inputs: Inputs = None):
        """Raises ArchError for a forward that needs more than the images and what `inputs` has."""
        self.called = type(module).__name__
        try:
            parameters = list(inspect.signature(module.forward).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        needed = [p.name for p in named if p.default is p.empty]
        if inputs is None:
            if len(needed) > 1:
                others = ", ".join(f"{name!r}: …" for name in needed[1:])
                raise ArchError(
                    f"{self.called}.forward takes {', '.join(needed)}; allowed: one tensor of images, or the others by "
                    f"example: inputs={{{others}}}"
                )
            self.given: dict[str, Any] | list[Any] = [None]
        elif isinstance(inputs, Mapping):
            names = [p.name for p in named]
            open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
            if unknown := [name for name in inputs if name not in names and not open_ended]:
                raise ArchError(f"inputs has {shorten(unknown[0])}; {self.called}.forward takes {', '.join(names)}")
            self.given = dict(inputs)
            left = [name for name in needed if name not in inputs]
            if _holes(self.given) == 0 and left:
                self.given = {left[0]: None, **self.given}
                left = left[1:]
            if left:
                raise ArchError(f"{self.called}.forward needs {', '.join(left)} too; allowed: examples in inputs")
        elif isinstance(inputs, Sequence) and not isinstance(inputs, str):
            self.given = list(inputs) if _holes(list(inputs)) else [None, *inputs]
        else:
            raise ArchError(f"inputs is {shorten(inputs)}; allowed: a dict by name, or a list in order")
        if _holes(self.given) != 1:
            raise ArchError(f"inputs has {_holes(self.given)} places for the images; allowed: one None where they go")

    @property
    def plain(self) -> bool:
        """Whether the images are the only argument."""
        return self.given == [None]

    def call(self, images: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with this batch of images; examples of one image are repeated for each."""
        filled = _mapped(self.given, lambda value: images if value is None else _repeated(value, len(images)))
        return (tuple(filled), {}) if isinstance(filled, list) else ((), filled)

    def installed(self, module: nn.Module) -> nn.Module:
        """The module itself, made to take the images alone by a hook. Give it a copy."""
        if not self.plain:
            module.register_forward_pre_hook(lambda _, args, __: self.call(args[0]), with_kwargs=True)
        return module


def choose(module: nn.Module, numbers: tuple[int, ...]) -> nn.Module:
    """The module itself, made to give only these of its outputs by a hook. Give it a copy."""
    import torch.utils._pytree as pytree

    def chosen(_module: nn.Module, _args: Any, output: Any) -> Any:
        leaves = pytree.tree_leaves(output)
        return tuple(leaves[i] for i in numbers)

    module.register_forward_hook(chosen)
    return module


def _holes(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_holes, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_holes, value))
    return int(value is None)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _mapped(v, change) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(v, change) for v in value)
    return change(value)


def _repeated(value: Any, batch: int) -> Any:
    import torch

    if isinstance(value, torch.Tensor) and value.dim() > 1 and value.shape[0] == 1:
        return value.expand(batch, *value.shape[1:])
    return value
