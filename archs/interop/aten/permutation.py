"""Tensors whose first dimension is not the batch: where each of their elements comes from, until the batch is back.

Code moves the batch out of the way for a call or two: `qkv.permute(2, 0, 3, 1, 4)[i]`, a channel shuffle as
`reshape(n * c // 2, 2, h * w)` and `permute(1, 0, 2)`. Views, permutations and selections are followed as what they do
to the axes of the last tensor that had its batch in front; once it is in front again, that is spelled as our operators.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from archs.interop.aten.call import AtenCall, UnsupportedCall
from archs.interop.aten.steps import BATCH, Constant, Factor, Permutation, Step, reshaped_constant, steps_in
from archs.ir import ops
from archs.ir.operator import Shape


def permutation(x: Step) -> Permutation:
    """A step as the movement of nothing. Raises UnsupportedCall for one whose batch is lost."""
    if x.permutation is not None:
        return x.permutation
    if x.folded:
        raise UnsupportedCall
    return Permutation(x, tuple((Factor(i, size, 1),) for i, size in enumerate((BATCH, *x.shape))))


def permuted(call: AtenCall, x: Step, order: list[int]) -> Step:
    """The axes of a tensor in another order."""
    found = permutation(x)
    return _placed(call, Permutation(found.base, tuple(found.dims[i] for i in order), found.fixed))


def viewed(call: AtenCall, x: Step, sizes: tuple[int, ...]) -> Step:
    """In other dimensions: factors are joined, and cut where they divide."""
    found = permutation(x)
    left = [f for dim in found.dims for f in dim][::-1]
    dims = []
    for size in sizes:
        dim: list[Factor] = []
        while (have := prod(f.size for f in dim)) != size:
            if not left or size % have:
                raise UnsupportedCall
            factor, need = left.pop(), size // have
            if need % factor.size:
                if factor.axis == 0 or factor.size % need:
                    raise UnsupportedCall
                inner = factor.size // need
                left.append(Factor(factor.axis, inner, factor.weight))
                factor = Factor(factor.axis, need, factor.weight * inner)
            dim.append(factor)
        dims.append(tuple(dim))
    if any(f.size > 1 for f in left):
        raise UnsupportedCall
    return _placed(call, Permutation(found.base, tuple(dims), found.fixed))


def selected(call: AtenCall, x: Step, dim: int, index: int, keep: bool = False) -> Step:
    """At one index of a dimension, which stays with a side of 1 where it is to be kept."""
    found = permutation(x)
    fixed = list(found.fixed)
    for factor in reversed(found.dims[dim]):
        if factor.axis == 0:
            raise UnsupportedCall
        fixed.append((factor, index % factor.size))
        index //= factor.size
    rest = [(() if i == dim else d) for i, d in enumerate(found.dims) if keep or i != dim]
    return _placed(call, Permutation(found.base, tuple(rest), tuple(fixed)))


def _placed(call: AtenCall, found: Permutation) -> Step:
    """Our operators where the batch is in front, else a step that waits for it."""
    if found.dims and [f.axis for f in found.dims[0] if f.size > 1] == [0]:
        return _spelled(call, found)
    waits = ops.Opaque(f"aten.{call.name}", found.sizes)
    return Step(waits, [found.base], Shape(*found.sizes), call.scope, folded=True, permutation=found)


def _spelled(call: AtenCall, found: Permutation) -> Step:
    """Cut into factors, selected, permuted and joined."""
    x, sizes = found.base, found.sizes[1:]
    fixed = dict(found.fixed)
    wanted = [f for dim in found.dims[1:] for f in dim if f.size > 1]
    here = sorted({*wanted, *[f for f in fixed if f.size > 1]}, key=lambda f: (f.axis, -f.weight))
    for axis in range(1, len(x.shape) + 1):  # an axis with one fixed factor, as a slice with a step
        factors = [f for f in here if f.axis == axis]
        if len(factors) == 2 and len(chosen := [f for f in factors if f in fixed]) == 1:
            start, (rest,) = fixed[chosen[0]] * chosen[0].weight, [f for f in factors if f not in fixed]
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


def _reshaped(call: AtenCall, x: Step, shape: Shape) -> Step:
    return x if x.shape == shape else call.step(ops.View(shape), x)


# Operators that take a tensor with the batch among other dimensions, as windows of a map are

EACH = (
    *("relu", "relu6", "sigmoid", "hardsigmoid", "silu", "hardswish", "mish", "tanh", "exp", "sqrt", "rsqrt", "neg"),
    *("square", "reciprocal", "gelu", "leaky_relu", "elu", "softplus", "hardtanh", "clamp", "pow", "abs", "dropout"),
    *("add", "sub", "mul", "div", "maximum"),
)
"""Operators on single elements."""
ROWS = {"linear": 1, "matmul": 2, "bmm": 2, "mm": 2, "scaled_dot_product_attention": 2}
"""Operators on the last dimensions, with their number."""
REDUCED = ("mean", "sum", "amax")
"""Operators over some dimensions."""
ALONG = ("softmax", "log_softmax", "slice", "cat")
"""Operators along one dimension."""
Place = tuple[int, int, int, int]
"""Rank, the dimension with the batch, and how many elements of it stand before and behind the batch."""


def with_batch_first(call: AtenCall, rule: Callable[[AtenCall], Any]) -> Step:
    """A call on tensors whose batch is in another place, with the batch in front, and its result put back.

    Raises UnsupportedCall for an operator that does something along the dimension in which the batch is.
    """
    inputs = steps_in(list(call.args.values()))
    if call.name not in (*ROWS, *EACH, *ALONG, *REDUCED, "layer_norm", "rms_norm", "constant_pad_nd", "pad", "expand"):
        raise UnsupportedCall
    found = {_place(x) for x in inputs}
    if len(found) != 1:
        raise UnsupportedCall
    ((rank, dim, before, after),) = found
    rest = before * after
    acted = len(call["normalized_shape"]) if call.name.endswith("_norm") else ROWS.get(call.name, 0)
    other = call.args.get("other", call.args.get("mat2"))
    if acted == 2 and isinstance(other, Constant):
        acted = 1  # each row of the first one by itself
    args = dict(call.args)
    if call.name.endswith("pad") or call.name == "constant_pad_nd":
        acted = len(call["pad"]) // 2
    if call.name in ALONG:
        along = args["dim"] % rank
        if along == dim:
            raise UnsupportedCall
        args["dim"] = 1 + along - (along > dim and rest == 1)
    place = dim  # of the batch in the result
    if call.name in REDUCED:
        over = sorted(d % rank for d in args.get("dim") or ())
        if dim in over or not over:
            raise UnsupportedCall
        args["dim"] = [1 + d - (d > dim and rest == 1) for d in over]
        if not args.get("keepdim"):
            place, rank = dim - sum(d < dim for d in over), rank - len(over)
    if place >= rank - acted or call.value.dim() != rank:
        raise UnsupportedCall
    for name, value in args.items():
        if isinstance(value, Step):
            args[name] = _front(call, value, dim, rest)
        elif isinstance(value, (list, tuple)) and any(isinstance(v, Step) for v in value):
            args[name] = [_front(call, v, dim, rest) if isinstance(v, Step) else v for v in value]
        elif isinstance(value, Constant) and call.name in EACH and value.tensor.dim() == rank:
            sizes = tuple(value.tensor.shape)
            if sizes[dim] != 1:
                raise UnsupportedCall
            args[name] = value if rest > 1 else reshaped_constant(value, sizes[:dim] + sizes[dim + 1 :])
    sizes = tuple(call.value.shape)
    middle = (rest,) if rest > 1 else ()
    value = call.value.new_empty((BATCH, *sizes[:place], *middle, *sizes[place + 1 :]), device="meta")
    result = rule(AtenCall(call.name, args, value, call.scope))
    if not isinstance(result, Step) or result.folded or tuple(result.shape) != tuple(value.shape[1:]):
        raise UnsupportedCall
    return put_back(call, result, (rank, place, before, after))


def rows_behind_batch(call: AtenCall, x: Step) -> tuple[Step, Place]:
    """A tensor whose first dimension is the batch and others, with the others behind the batch; where they were."""
    place = _place(x)
    _, dim, before, after = place
    if dim:
        raise UnsupportedCall
    return _front(call, x, dim, before * after), place


def put_back(call: AtenCall, x: Step, place: Place) -> Step:
    """What was computed with the batch in front, with the batch where it was."""
    rank, dim, before, after = place
    rest = before * after
    dims: list[tuple[Factor, ...]] = []
    for i in range(rank):
        axis = 1 + i - (i > dim and rest == 1)
        if i != dim:
            dims.append((Factor(axis, x.shape[axis - 1], 1),))
            continue
        within = (Factor(dim + 1, before, after), Factor(0, BATCH, 1), Factor(dim + 1, after, 1))
        dims.append(tuple(f for f in within if f.size > 1))
    return _placed(call, Permutation(x, tuple(dims)))


def _place(x: Step) -> Place:
    dims = permutation(x).dims
    found = [(i, place) for i, dim in enumerate(dims) for place, f in enumerate(dim) if f.axis == 0 and f.size > 1]
    if not x.folded or len(found) != 1:
        raise UnsupportedCall
    ((dim, place),) = found
    before, after = (prod(f.size for f in part) for part in (dims[dim][:place], dims[dim][place + 1 :]))
    return len(dims), dim, before, after


def batch_moved(x: Step) -> Step:
    """An output whose images are one whole dimension behind others, as a tensor with the images in front, moved."""
    dims = permutation(x).dims
    place = next((i for i, dim in enumerate(dims) if [f.axis for f in dim if f.size > 1] == [0]), 0)
    if not place:
        raise UnsupportedCall
    call = AtenCall("movedim", {}, None, x.scope)  # type: ignore[arg-type]  # it has no value to look at
    front = permuted(call, x, [place, *[i for i in range(len(dims)) if i != place]])
    return call.step(ops.BatchMoved(place), front)


def _front(call: AtenCall, x: Step, dim: int, rest: int) -> Step:
    found = permutation(x)
    left = tuple(f for f in found.dims[dim] if f.axis and f.size > 1)
    middle = (left,) if rest > 1 else ()
    dims = ((Factor(0, BATCH, 1),), *found.dims[:dim], *middle, *found.dims[dim + 1 :])
    return _placed(call, Permutation(found.base, dims, found.fixed))
