"""Tensors whose first dimension is not the batch: where each of their elements comes from, until the batch is back.

Code moves the batch out of the way for a call or two: `qkv.permute(2, 0, 3, 1, 4)[i]`, a channel shuffle as
`reshape(n * c // 2, 2, h * w)` and `permute(1, 0, 2)`. Views, permutations and selections are followed as what they do
to the axes of the last tensor that had its batch in front; once it is in front again, that is spelled as our operators.
"""

from __future__ import annotations

from math import prod

from archs.interop.aten.call import Call, Unsupported
from archs.interop.aten.steps import BATCH, Factor, Permutation, Step
from archs.ir import ops
from archs.ir.operator import Shape


def permutation(x: Step) -> Permutation:
    """A step as the movement of nothing. Raises Unsupported for one whose batch is lost."""
    if x.permutation is not None:
        return x.permutation
    if x.folded:
        raise Unsupported
    return Permutation(x, tuple((Factor(i, size, 1),) for i, size in enumerate((BATCH, *x.shape))))


def permuted(call: Call, x: Step, order: list[int]) -> Step:
    found = permutation(x)
    return _placed(call, Permutation(found.base, tuple(found.dims[i] for i in order), found.fixed))


def viewed(call: Call, x: Step, sizes: tuple[int, ...]) -> Step:
    """In other dimensions: factors are joined, and cut where they divide."""
    found = permutation(x)
    left = [f for dim in found.dims for f in dim][::-1]
    dims = []
    for size in sizes:
        dim: list[Factor] = []
        while (have := prod(f.size for f in dim)) != size:
            if not left or size % have:
                raise Unsupported
            factor, need = left.pop(), size // have
            if need % factor.size:
                if factor.axis == 0 or factor.size % need:
                    raise Unsupported
                inner = factor.size // need
                left.append(Factor(factor.axis, inner, factor.weight))
                factor = Factor(factor.axis, need, factor.weight * inner)
            dim.append(factor)
        dims.append(tuple(dim))
    if any(f.size > 1 for f in left):
        raise Unsupported
    return _placed(call, Permutation(found.base, tuple(dims), found.fixed))


def selected(call: Call, x: Step, dim: int, index: int, keep: bool = False) -> Step:
    """At one index of a dimension, which stays with a side of 1 where it is to be kept."""
    found = permutation(x)
    fixed = list(found.fixed)
    for factor in reversed(found.dims[dim]):
        if factor.axis == 0:
            raise Unsupported
        fixed.append((factor, index % factor.size))
        index //= factor.size
    rest = [(() if i == dim else d) for i, d in enumerate(found.dims) if keep or i != dim]
    return _placed(call, Permutation(found.base, tuple(rest), tuple(fixed)))


def _placed(call: Call, found: Permutation) -> Step:
    """Our operators where the batch is in front, else a step that waits for it."""
    if found.dims and [f.axis for f in found.dims[0] if f.size > 1] == [0]:
        return _spelled(call, found)
    waits = ops.Opaque(f"aten.{call.name}", found.sizes)
    return Step(waits, [found.base], Shape(*found.sizes), call.scope, folded=True, permutation=found)


def _spelled(call: Call, found: Permutation) -> Step:
    """Cut into factors, selected, permuted and joined."""
    x, sizes = found.base, found.sizes[1:]
    fixed = dict(found.fixed)
    wanted = [f for dim in found.dims[1:] for f in dim if f.size > 1]
    here = sorted({*wanted, *[f for f in fixed if f.size > 1]}, key=lambda f: (f.axis, -f.weight))
    for axis in range(1, len(x.shape) + 1):  # what is left of an axis as a slice with a step
        own = [f for f in here if f.axis == axis]
        if len(own) == 2 and len(chosen := [f for f in own if f in fixed]) == 1:
            start, (rest,) = fixed[chosen[0]] * chosen[0].weight, [f for f in own if f not in fixed]
            stop = start + (rest.size - 1) * rest.weight + 1
            x = call.step(ops.Slice(axis - 1, start, stop, rest.weight), x)
            here = [f for f in here if f not in chosen]
    cut = Shape(*[f.size for f in here])
    x = _reshaped(call, x, cut)
    for place, factor in enumerate(here):
        if factor in fixed:
            x = call.step(ops.Slice(place, fixed[factor], fixed[factor] + 1), x)
    if any(f in fixed for f in here):
        here = [f for f in here if f not in fixed]
        x = _reshaped(call, x, Shape(*[f.size for f in here]))
    axes = tuple(here.index(f) for f in wanted)
    if axes != tuple(range(len(axes))):
        x = call.step(ops.Permute(axes), x)
        x.strides = ()
        if x.shape != sizes:
            return call.step(ops.Reshape(sizes), x)
    return _reshaped(call, x, Shape(*sizes))


def _reshaped(call: Call, x: Step, shape: Shape) -> Step:
    return x if x.shape == shape else call.step(ops.View(shape), x)
