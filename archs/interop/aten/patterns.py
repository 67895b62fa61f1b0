"""What people write by hand, recognised as what it is: channel shuffle, hard-swish, swish, global pooling, splits.

Each recognition looks at one step and those that it reads, and makes it the operator that we have a name for. What it
leaves unread falls away afterwards. Steps in between that others read too are left standing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import isclose
from typing import Any

from archs.interop.aten.rules.recurrent import one_call
from archs.interop.aten.steps import MAX_SPLIT, Step, live
from archs.ir import ops

Readers = dict[int, list[Step]]
ERF = "erf.default"
MAX_FACTORS = 16
"""Operators of one product that are looked at: a GELU has six, and a chain of any length is linear."""
ROUNDED = 1e-6  # a sixth may come as a float of 32 bits


def recognise(output: Step) -> list[Step]:
    """The live steps of an output with every idiom taken for what it is."""
    steps = live(output)
    one_call(steps)
    _splits(steps)
    _strides(steps)
    changed = True
    while changed:
        steps = live(output)
        readers = _readers(steps, output)
        changed = any([idiom(step, readers) for step in steps for idiom in IDIOMS])
        changed |= _without_undone(steps, readers)
    return live(output)


def _readers(steps: list[Step], output: Step) -> Readers:
    readers: Readers = {id(output): [output]}
    for step in steps:
        for x in step.inputs:
            readers.setdefault(id(x), []).append(step)
    return readers


def _alone(step: Step, readers: Readers) -> bool:
    """Whether one step only reads it."""
    return len(readers.get(id(step), [])) == 1


def _splits(steps: list[Step]) -> None:
    """Slices of channels, `x[:, :c]` and `x[:, c:]`, as the parts of one split; the parts overlap nowhere."""
    slices: dict[int, list[Step]] = {}
    for step in steps:
        op = step.op
        if isinstance(op, ops.Slice) and op.axis == 0 and op.step == 1 and len(step.shape) == 3:
            slices.setdefault(id(step.inputs[0]), []).append(step)
    for group in slices.values():
        total = group[0].inputs[0].shape[0]
        spans = sorted({(step.op.start, step.op.stop) for step in group})  # type: ignore[union-attr]
        if any(before[1] > after[0] for before, after in pairwise(spans)):
            continue
        cuts = sorted({0, total, *[place for span in spans for place in span]})
        if len(cuts) > MAX_SPLIT + 1:
            continue
        sizes = tuple(b - a for a, b in pairwise(cuts))
        for step in group:
            step.becomes(ops.ChannelSplit(sizes, cuts.index(step.op.start)), *step.inputs)  # type: ignore[union-attr]


def _strides(steps: list[Step]) -> None:
    """Every other channel, `x[:, 0::2]` and `x[:, 1::2]`: a shuffle of two in each group, and its halves.

    So the authors of ShuffleNetV2 write their shuffle; of more than two the same.
    """
    slices: dict[tuple[int, int], list[Step]] = {}
    for step in steps:
        op = step.op
        if isinstance(op, ops.Slice) and op.axis == 0 and op.step > 1 and len(step.shape) == 3:
            slices.setdefault((id(step.inputs[0]), op.step), []).append(step)
    for (_, stride), group in slices.items():
        x, starts = group[0].inputs[0], {step.op.start for step in group}  # type: ignore[union-attr]
        if x.shape[0] % stride or starts != set(range(stride)) or len({step.shape for step in group}) > 1:
            continue
        each = x.shape[0] // stride
        shuffled = Step(ops.ChannelShuffle(each), [x], x.shape, group[0].scope)
        for step in group:
            step.becomes(ops.ChannelSplit((each,) * stride, step.op.start), shuffled)  # type: ignore[union-attr]


def _shuffle(step: Step, readers: Readers) -> bool:
    """C×H×W as groups×C/groups×H×W, the first two axes exchanged, and flat again (ShuffleNetV1, section 3.1)."""
    if not isinstance(step.op, (ops.View, ops.Reshape)):
        return False
    permuted = step.inputs[0]
    if not isinstance(permuted.op, ops.Permute) or permuted.op.axes[:2] != (1, 0) or not _alone(permuted, readers):
        return False
    cut = permuted.inputs[0]
    if not isinstance(cut.op, (ops.View, ops.Reshape)) or not _alone(cut, readers):
        return False
    x = cut.inputs[0]
    rest = tuple(range(2, len(permuted.shape)))
    if x.shape != step.shape or len(x.shape) != 3 or permuted.op.axes != (1, 0, *rest):
        return False
    groups = cut.shape[0]
    if cut.shape[0] * cut.shape[1] != x.shape[0]:
        return False
    step.becomes(ops.ChannelShuffle(groups), x)
    return True


def _hard_sigmoid(step: Step, readers: Readers) -> bool:
    """relu6(x + 3) / 6."""
    if not (isinstance(step.op, ops.MultiplyConstant) and isclose(step.op.value, 1 / 6, rel_tol=ROUNDED)):
        return False
    x = _relu6_of_plus_3(step.inputs[0])
    if x is None or not _alone(step.inputs[0], readers):
        return False
    step.becomes(ops.HardSigmoid(), x)
    return True


def _relu6_of_plus_3(step: Step) -> Step | None:
    if isinstance(step.op, ops.ReLU6):
        plus = step.inputs[0]
        if isinstance(plus.op, ops.AddConstant) and plus.op.value == 3:
            return plus.inputs[0]
    return None


GATES: dict[type, ops.Op] = {ops.HardSigmoid: ops.HardSwish(), ops.Sigmoid: ops.SiLU()}


def _gated(step: Step, readers: Readers) -> bool:
    """Swish by hand, x · gate(x): swish, hard-swish, mish."""
    if not isinstance(step.op, ops.Multiply):
        return False
    for x, gate in (step.inputs, step.inputs[::-1]):
        if not gate.inputs or not _alone(gate, readers):
            continue
        if type(gate.op) in GATES and gate.inputs[0] is x:
            step.becomes(GATES[type(gate.op)], x)
            return True
        inner = gate.inputs[0]
        if isinstance(gate.op, ops.Tanh) and isinstance(inner.op, ops.Softplus) and inner.inputs[0] is x:
            step.becomes(ops.Mish(), x)
            return True
    return False


def _hard_swish(step: Step, readers: Readers) -> bool:
    """Hard-swish by hand, x · relu6(x + 3) / 6, the division last."""
    if not (isinstance(step.op, ops.MultiplyConstant) and isclose(step.op.value, 1 / 6, rel_tol=ROUNDED)):
        return False
    product = step.inputs[0]
    if not isinstance(product.op, ops.Multiply) or not _alone(product, readers):
        return False
    for x, gate in (product.inputs, product.inputs[::-1]):
        if gate.op is not None and _relu6_of_plus_3(gate) is x and _alone(gate, readers):
            step.becomes(ops.HardSwish(), x)
            return True
    return False


def _global_pool(step: Step, readers: Readers) -> bool:
    """The mean of maps that were flattened first, or one side after the other."""
    if not isinstance(step.op, ops.Mean):
        return False
    before = step.inputs[0]
    if not before.inputs or not _alone(before, readers):
        return False
    x = before.inputs[0]
    flattened = isinstance(before.op, (ops.View, ops.Reshape)) and before.shape == (
        x.shape[0],
        x.shape.elements // x.shape[0],
    )
    sides = isinstance(before.op, ops.Mean) and not before.op.keep and before.op.axes in ((1,), (2,))
    if len(x.shape) != 3 or len(before.shape) != 2 or step.op.axes != (1,) or step.op.keep:
        return False
    if not (flattened or sides):
        return False
    step.becomes(ops.GlobalAvgPool(flat=True), x)
    return True


RESHAPES = (ops.View, ops.Flatten)


def _no_reshape(step: Step, readers: Readers) -> bool:
    """A shape that the input of the step before had: two views that undo each other, a flatten of what is flat."""
    if not isinstance(step.op, RESHAPES):
        return False
    before = step.inputs[0]
    if not isinstance(before.op, RESHAPES) or not _alone(before, readers):
        return False
    x = before.inputs[0]
    if x.shape == step.shape:
        return False  # `_without_undone` takes it away
    step.becomes(step.op, x)
    return True


def _without_undone(steps: list[Step], readers: Readers) -> bool:
    """Let readers of a reshape that undoes the one before it read what both began with."""
    instead: dict[int, Step] = {}
    for step in steps:
        if any(id(x) in instead for x in step.inputs):
            step.inputs = [instead.get(id(x), x) for x in step.inputs]
        if not isinstance(step.op, RESHAPES) or step is steps[-1]:
            continue
        before = step.inputs[0]
        if isinstance(before.op, RESHAPES) and _alone(before, readers) and before.inputs[0].shape == step.shape:
            instead[id(step)] = before.inputs[0]
    return bool(instead)


def _gelu(step: Step, readers: Readers) -> bool:
    """X · (1 + erf(x / √2)) / 2, its factors in any order, as exporters write it that have no GELU."""
    if not isinstance(step.op, (ops.Multiply, ops.MultiplyConstant)):
        return False
    factors: list[Step] = []
    constant, stack = 1.0, [step]
    for _ in range(MAX_FACTORS):
        if not stack:
            break
        part = stack.pop()
        if isinstance(part.op, ops.Multiply) and (part is step or _alone(part, readers)):
            stack += part.inputs
        elif isinstance(part.op, ops.MultiplyConstant) and (part is step or _alone(part, readers)):
            constant *= part.op.value
            stack += part.inputs
        else:
            factors.append(part)
    if stack or len(factors) != 2 or not isclose(constant, 0.5, rel_tol=ROUNDED):
        return False
    for x, plus in (factors, factors[::-1]):
        if not (isinstance(plus.op, ops.AddConstant) and plus.op.value == 1 and _alone(plus, readers)):
            continue
        erf = plus.inputs[0]
        if not (isinstance(erf.op, ops.TensorFunction) and erf.op.name == ERF and _alone(erf, readers)):
            continue
        inner = erf.inputs[0]
        halved = isinstance(inner.op, ops.MultiplyConstant) and isclose(inner.op.value, 0.5**0.5, rel_tol=ROUNDED)
        if halved and inner.inputs[0] is x:
            step.becomes(ops.GELU(), x)
            return True
    return False


def _biased(step: Step, readers: Readers) -> bool:
    """A product without bias and a learned shift behind it: the layer with its bias."""
    if not (isinstance(step.op, ops.Shift) and step.op.trained):
        return False
    before, weights = step.inputs[0], step.inputs[0].weights
    layer: Any = before.op  # mypy does not narrow by the exact type
    if type(layer) not in (ops.Linear, ops.LinearLast, ops.Conv2d) or layer.bias or not _alone(before, readers):
        return False
    places = 2 if isinstance(layer, ops.Conv2d) else 0
    if step.op.sizes != (before.shape[-1 - places], *[1] * places):
        return False
    shift = step.weights["weight"]
    bias = replace(shift, tensor=shift.tensor.reshape(-1))
    step.becomes(replace(layer, bias=True), *before.inputs)
    step.weights = {**weights, "bias": bias}
    return True


IDIOMS: tuple[Callable[[Step, Readers], bool], ...] = (
    _shuffle,
    _hard_sigmoid,
    _hard_swish,
    _gated,
    _gelu,
    _biased,
    _global_pool,
    _no_reshape,
)
