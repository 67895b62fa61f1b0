"""Tensors that a file stores again, as exporters do that compute a transposed weight at once.

Two tensors of the same elements in the same order and shape are one parameter only where both have the names that an
exporter gives to what it computed: of weights that it kept it writes a tied one once, and copies of a layer that was
not trained have equal elements too.
"""

from __future__ import annotations

import re
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

MIN_ELEMENTS = 16
MIN_DISTINCT = 256
"""Different elements, or half of all: identities and bilinear kernels are equal without being one parameter."""
MAX_AXES = 4
MAX_PAIRS = 1024
"""Pairs of tensors of equal sums that are compared; a file can be made of nothing else."""
COMPUTED = re.compile(r"val_\d+")
"""The names of torch's exporter for what it computed, transposed weights among them."""

Moves = list[tuple[str, list[int]]]
"""ATen operators and their arguments; none for a tensor as it is."""


class StoredAgain(NamedTuple):
    """The tensors of a file that are there before, each by its name."""

    same: dict[str, tuple[str, Moves]]
    """The one before it that is the same parameter, and what is done to that one."""
    equal: dict[str, str]
    """The one before it that is equal, and is taken for another parameter."""


def stored_again(tensors: Mapping[str, Tensor]) -> StoredAgain:
    """The tensors that have the elements of one before them."""
    import torch

    alike: dict[object, list[str]] = {}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.is_meta and tensor.dim() > 1 and tensor.numel() >= MIN_ELEMENTS:
            bits = tensor.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()])
            alike.setdefault((tensor.dtype, tensor.numel(), int(bits.sum(dtype=torch.int64))), []).append(name)
    found = StoredAgain({}, {})
    left = MAX_PAIRS
    for names in alike.values():
        own: list[str] = []
        for name in names:
            for before in own[:left]:
                left -= 1
                moves = _moves(tensors[before], tensors[name])
                if moves is None:
                    continue
                if moves or (COMPUTED.fullmatch(name) and COMPUTED.fullmatch(before)):
                    found.same[name] = before, moves
                    break
                found.equal.setdefault(name, before)
            else:
                own.append(name)
    for name in found.same:
        found.equal.pop(name, None)
    return found


def _moves(source: Tensor, wanted: Tensor) -> Moves | None:
    """How one tensor is made of another's elements; None where it is not."""
    import torch

    if len(source.unique()) < min(MIN_DISTINCT, source.numel() // 2):
        return None
    if source.shape == wanted.shape and torch.equal(source, wanted):
        return []
    sides = [side for side in source.shape if side > 1]
    target = [side for side in wanted.shape if side > 1]
    if sorted(sides) != sorted(target) or len(sides) > MAX_AXES:
        return [("reshape", list(wanted.shape))] if torch.equal(source.flatten(), wanted.flatten()) else None
    source, compared = source.reshape(sides), wanted.reshape(target)
    for order, mirrored in _forms(len(sides)):
        if [sides[axis] for axis in order] != target:
            continue
        view = source.permute(order)
        first = tuple(side - 1 if axis in mirrored else 0 for axis, side in enumerate(target))
        if view[first] == compared[(0,) * len(target)] and torch.equal(view.flip(mirrored), compared):
            named = [("reshape", sides), ("permute", list(order)), ("flip", mirrored), ("reshape", list(wanted.shape))]
            return [move for move in named if _changes(move)]
    return None


def _forms(axes: int) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Orders of axes, and the axes that are then mirrored: none, or those of a kernel."""
    for order in permutations(range(axes)):
        yield order, []
        if axes > 2:
            yield order, list(range(2, axes))


def _changes(move: tuple[str, list[int]]) -> bool:
    name, numbers = move
    return numbers != list(range(len(numbers))) if name == "permute" else name != "flip" or bool(numbers)
