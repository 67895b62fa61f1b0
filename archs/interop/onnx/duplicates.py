"""Tensors that a file stores again in another form, as exporters do that compute a transposed weight at once.

Two tensors of the same elements in the same order and shape are not taken for one: torch's exporters write a tied
parameter once, and copies of a layer that was not trained have equal elements too.
"""

from __future__ import annotations

from itertools import islice, permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

MIN_ELEMENTS = 16
MIN_DISTINCT = 256
"""Different elements, or half of all: identities and bilinear kernels are equal without being one parameter."""
MAX_AXES = 4
MAX_PAIRS = 1024
"""Pairs of tensors of equal sums that are compared; a file can be made of nothing else."""

Moves = list[tuple[str, list[int]]]
"""ATen operators and their arguments."""


def stored_again(tensors: Mapping[str, Tensor]) -> dict[str, tuple[str, Moves]]:
    """Name of a tensor → the one before it that has its elements, and what is done to that one."""
    import torch

    alike: dict[object, list[str]] = {}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.is_meta and tensor.dim() > 1 and tensor.numel() >= MIN_ELEMENTS:
            bits = tensor.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()])
            alike.setdefault((tensor.dtype, tensor.numel(), int(bits.sum(dtype=torch.int64))), []).append(name)
    found: dict[str, tuple[str, Moves]] = {}
    pairs = ((name, before) for names in alike.values() for i, name in enumerate(names) for before in names[:i])
    for name, before in islice(pairs, MAX_PAIRS):
        if name not in found and before not in found and (moves := _moves(tensors[before], tensors[name])):
            found[name] = before, moves
    return found


def _moves(source: Tensor, wanted: Tensor) -> Moves:
    """How one tensor is made of another's elements; empty where it is not, or is the same."""
    import torch

    if source.shape == wanted.shape and torch.equal(source, wanted):
        return []
    if len(source.unique()) < min(MIN_DISTINCT, source.numel() // 2):
        return []
    sides = [side for side in source.shape if side > 1]
    target = [side for side in wanted.shape if side > 1]
    if sorted(sides) != sorted(target) or len(sides) > MAX_AXES:
        return [("reshape", list(wanted.shape))] if torch.equal(source.flatten(), wanted.flatten()) else []
    source, compared = source.reshape(sides), wanted.reshape(target)
    for order, mirrored in _forms(len(sides)):
        if [sides[axis] for axis in order] != target:
            continue
        view = source.permute(order)
        first = tuple(side - 1 if axis in mirrored else 0 for axis, side in enumerate(target))
        if view[first] == compared[(0,) * len(target)] and torch.equal(view.flip(mirrored), compared):
            named = [("reshape", sides), ("permute", list(order)), ("flip", mirrored), ("reshape", list(wanted.shape))]
            return [move for move in named if _changes(move)]
    return []


def _forms(axes: int) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Orders of axes, and the axes that are then mirrored: none, or those of a kernel."""
    for order in permutations(range(axes)):
        yield order, []
        if axes > 2:
            yield order, list(range(2, axes))


def _changes(move: tuple[str, list[int]]) -> bool:
    name, numbers = move
    return numbers != list(range(len(numbers))) if name == "permute" else name != "flip" or bool(numbers)
