"""Numbers of a traced program that follow the size or the number of its images, which its text would fix."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from math import isclose
from typing import TYPE_CHECKING, Any, NamedTuple

from archs.errors import ArchError
from archs.interop.aten.fx_nodes import operator_name
from archs.interop.aten.steps import BATCH

if TYPE_CHECKING:
    from torch import fx

    from archs.ir.operator import Shape

OTHER = 2
"""Images of a second trace."""
SIZES = ("view", "reshape", "expand", "repeat", "arange", "zeros", "ones", "full", "empty", "rand", "new_")
"""Calls whose whole numbers are sizes, by what their names begin with."""
ARITHMETIC = ("add", "sub", "rsub", "mul", "div", "pow", "clamp", "floor_divide", "remainder", "fmod")


class Call(NamedTuple):
    """An ATen call of a trace, without its tensors."""

    name: str
    numbers: tuple[Any, ...]
    where: str


def calls_of(graph: fx.Graph) -> list[Call]:
    """The calls of a trace, in order."""
    return [
        Call(operator_name(node), tuple(_numbers((node.args, node.kwargs))), _where(node))
        for node in graph.nodes
        if node.op == "call_function"
    ]


class WrittenNumbers:
    """The numbers of one trace; `again` traces the module for another size and number of images."""

    def __init__(self, calls: list[Call], shape: Shape, again: Callable[[Shape, int], list[Call]]):
        self._calls, self._shape, self._again = calls, shape, again

    def follow_size(self, shape: Shape) -> bool:
        """Whether a call, other than one that brings a tensor to a size, is another for images of that shape."""
        pairs = zip_longest(self._calls, self._other(shape, BATCH))
        return any(a is None or b is None or (not a.name.startswith(SIZES) and _differ(a, b)) for a, b in pairs)

    def check_images(self, suspected: bool) -> None:
        """Raises ArchError where the number of images is computed with; looked for where that is `suspected`."""
        given = [n for call in self._calls if call.name in ARITHMETIC for n in call.numbers]
        if not suspected and not any(map(_of_images, given)):
            return
        for a, b in zip(self._calls, self._other(self._shape, OTHER)):
            if a.name in ARITHMETIC and _differ(a, b):
                raise ArchError(
                    f"{a.where} computes with the number of images in the batch, which its import would fix; allowed: "
                    "sizes of the batch only where a tensor is reshaped or expanded to them"
                )

    def _other(self, shape: Shape, images: int) -> list[Call]:
        try:
            return self._again(shape, images)
        except ArchError:  # it does not run on them
            return self._calls


def _of_images(number: Any) -> bool:
    """Whether a number is a multiple of those images that are traced, its root, or the inverse of one."""
    if not isinstance(number, (int, float)) or not 1e-12 < abs(number) < 1e12:
        return False
    whole = [(power, round(power)) for power in (number, number**2, 1 / number, 1 / number**2)]
    return any(near and near % BATCH == 0 and isclose(power, near, rel_tol=1e-9) for power, near in whole)


def _differ(one: Call, other: Call) -> bool:
    return one.name != other.name or repr(one.numbers) != repr(other.numbers)


def _where(node: fx.Node) -> str:
    modules = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
    return f"{modules[-1]} ({operator_name(node)})" if modules else operator_name(node)


def _numbers(value: Any) -> list[Any]:
    """The arguments of a call that are no tensors, one after another."""
    if hasattr(value, "all_input_nodes"):
        return []
    if isinstance(value, (list, tuple)):
        return [number for v in value for number in _numbers(v)]
    if hasattr(value, "items"):
        return [number for v in value.values() for number in _numbers(v)]
    return [value]
