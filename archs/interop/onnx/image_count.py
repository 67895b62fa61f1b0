"""Refuses a file that computes with the number of images: a program is for any number, and its numbers are of one.

A file that reads shapes is traced for two numbers of images. What differs between the two programs may only be the
sizes that a tensor is brought to.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.aten.steps import BATCH
from archs.interop.onnx.emitter import Untranslated

if TYPE_CHECKING:
    from torch import Tensor, fx

    from archs.interop.aten.program import Program

FEW = 2
"""Images of the second trace, so that a slice of as many channels is a part of them."""
READERS = ("Shape", "Size")
SIZES = ("view", "reshape", "expand", "repeat")
"""Calls whose whole numbers are the sizes of what they give."""


def second(batch: int | None) -> int:
    """How many images the second trace has, of a file that is made for `batch`."""
    return FEW if batch is None else batch


def check(program: Program, other: Program) -> None:
    """Raises ArchError naming the first node that computes with the number of images.

    `other` is traced for another number of images than BATCH.
    """
    pairs = zip_longest(_read(program), _read(other))
    for one, two in pairs:
        if one is None or two is None or not _alike(program, other, one, two):
            where = next(node.meta["where"] for node in (one, two) if node and "where" in node.meta)
            raise ArchError(
                f"{where} computes with the number of images in the batch, which its import would fix; allowed: "
                "sizes of the batch only where a tensor is reshaped or expanded to them"
            )


def _read(program: Program) -> list[fx.Node]:
    """The nodes that the outputs depend on, in order."""
    nodes = list(program.graph.nodes)
    needed = {nodes[-1]}
    for node in reversed(nodes):
        if node in needed:  # nothing is computed with the constants of a stub, or with those that are given
            idle = node.op == "output" or isinstance(node.target, Untranslated)
            needed.update(x for x in node.all_input_nodes if not (idle and x.name in program.sources))
    needed.remove(nodes[-1])
    return [node for node in nodes if node in needed]


def _alike(program: Program, other: Program, one: fx.Node, two: fx.Node) -> bool:
    if one.op == "placeholder" or two.op == "placeholder":
        if one.name not in program.sources or two.name not in other.sources:
            return one.op == two.op
        return _same(program.tensors[program.sources[one.name]], other.tensors[other.sources[two.name]])
    if isinstance(one.target, Untranslated):
        return isinstance(two.target, Untranslated)
    if one.target != two.target or not _same_sides(one.meta["val"], two.meta["val"]):
        return False
    name = getattr(one.target, "__name__", "").partition(".")[0]
    return name in SIZES or repr(_numbers((one.args, one.kwargs))) == repr(_numbers((two.args, two.kwargs)))


def _numbers(value: Any) -> Any:
    """Arguments without tensors."""
    if isinstance(value, (list, tuple)):
        return [_numbers(v) for v in value]
    if hasattr(value, "items"):
        return {key: _numbers(v) for key, v in value.items()}
    return None if hasattr(value, "all_input_nodes") else value


def _same_sides(one: Any, two: Any) -> bool:
    """Whether tensors with the batch first have the same other sides."""
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(_same_sides, one, two))
    return one.dim() == two.dim() and (tuple(one.shape[:1]) != (BATCH,) or one.shape[1:] == two.shape[1:])


def _same(one: Tensor, two: Tensor) -> bool:
    """Whether two constants are equal, or repeat the same elements for each image."""
    import torch

    if one is two or one.is_meta or two.is_meta:
        return one.shape == two.shape
    if one.dim() != two.dim():
        return False
    for axis, (side, other) in enumerate(zip(one.shape, two.shape)):
        if side != other:
            first = one.narrow(axis, 0, 1)
            if side != BATCH or bool((one != first).any()):
                return False
            one, two = first, two.narrow(axis, 0, 1)
    return one.dtype == two.dtype and torch.allclose(one, two, rtol=0, atol=0, equal_nan=True)
