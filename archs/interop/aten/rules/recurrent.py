"""ATen's recurrent layers → one operator, whichever of its outputs and last states are read.

The contract of rules is in `archs.interop.aten.call`. `one_call` is called before `archs.interop.aten.patterns`.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from archs.errors import ArchError
from archs.interop.aten.call import AtenCall, UnsupportedCall, rule
from archs.interop.aten.permutation import permuted, put_back, rows_behind_batch
from archs.interop.aten.steps import Constant, Step, is_parameter
from archs.ir import ops
from archs.ir.operator import Op, Shape
from archs.ir.ops import Opaque
from archs.ir.ops.recurrent import GATES, GIVES

BATCH_FIRST = [1, 0, 2]


@rule(*GATES)
def _recurrent(call: AtenCall) -> list[Step]:
    x, given = call["input"], call["hx"]
    states = list(given) if isinstance(given, (list, tuple)) else [given]
    if call["train"] or not isinstance(x, Step):
        raise UnsupportedCall
    front = x if call["batch_first"] else permuted(call, x, BATCH_FIRST)
    started = [_batch_first(call, state) for state in states if not _zeros(state)]
    if started and len(started) != len(states):
        raise UnsupportedCall
    sizes = [tuple((s.tensor if isinstance(s, Constant) else s).shape) for s in states]
    projected = sizes[0][-1] if call.name == "lstm" and sizes[0][-1] != sizes[1][-1] else 0
    op = ops.Recurrent(
        call.name,
        sizes[-1][-1],
        call["num_layers"],
        call["bidirectional"],
        call["has_biases"],
        projected,
    )
    weights = dict(zip(_roles(op), call["params"]))
    if len(weights) != len(call["params"]) or not all(is_parameter(c) for c in weights.values()):
        raise UnsupportedCall
    if not call["batch_first"] and not x.folded:
        raise ArchError(
            "a recurrent layer runs along the images of a batch, so it mixes images; allowed: batch_first=True, or the "
            "places in the first dimension and the images in the second"
        )
    if front.folded:
        if started:
            raise UnsupportedCall
        return _of_several(call, op, front, weights)
    found = []
    for gives in GIVES[: 1 + len(states)]:
        step = call.step(replace(op, gives=gives), front, *started, weights=weights)
        last = gives != "outputs" or not call["batch_first"]
        found.append(permuted(call, step, BATCH_FIRST) if last else step)
    return found


def _of_several(call: AtenCall, op: ops.Recurrent, x: Step, weights: dict[str, Constant]) -> list[Step]:
    """The layer on several sequences of each image, as the rows and the columns of a map are. States stay unknown."""
    rows, place = rows_behind_batch(call, x)
    layer = call.step(op, rows, weights=weights)
    outputs = put_back(call, layer, place)
    states = [
        Step(Opaque(f"aten.{call.name}", tuple(value.shape)), [layer], Shape(*value.shape), call.scope, folded=True)
        for value in call.value[1:]
    ]
    return [outputs if call["batch_first"] else permuted(call, outputs, BATCH_FIRST), *states]


def _batch_first(call: AtenCall, x: Any) -> Step:
    """A tensor of places, images and features, or of layers, images and features, with the images in front."""
    if not isinstance(x, Step):
        raise UnsupportedCall
    found = permuted(call, x, BATCH_FIRST)
    if found.folded:
        raise UnsupportedCall
    return found


def _zeros(state: Any) -> bool:
    if not isinstance(state, Constant) or state.depends_on_parameters:
        return False
    if state.tensor.is_meta:  # without elements: by what made it
        return state.made is not None and getattr(state.made[0], "__name__", "").startswith("zeros")
    return not bool(state.tensor.any())


def _roles(op: ops.Recurrent) -> list[str]:
    """The names of the parameters in torch's module, in the order in which ATen takes them."""
    kinds = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if op.bias else [])]
    kinds += ["weight_hr"] if op.projected else []
    ways = ("", "_reverse")[: op.directions]
    return [f"layer.{kind}_l{layer}{way}" for layer in range(op.layers) for way in ways for kind in kinds]


def one_call(steps: list[Step]) -> None:
    """Steps that give different results of one call, as parts of all of them: the layer runs once."""
    calls: dict[object, list[Step]] = {}
    for step in steps:
        if isinstance(step.op, ops.Recurrent):
            tensors = tuple(id(c.tensor) for c in step.weights.values())
            key = (replace(step.op, gives="all"), tuple(map(id, step.inputs)), tensors)
            calls.setdefault(key, []).append(step)
    for same in calls.values():
        if len(same) == 1:
            continue
        first = same[0]
        assert isinstance(first.op, ops.Recurrent)
        shapes = [x.shape for x in first.inputs]
        whole: Op = replace(first.op, gives="all")
        row = Step(whole, list(first.inputs), whole.output(*shapes), first.scope, dict(first.weights))
        starts, start = {}, 0
        for gives, shape in first.op.parts(*shapes).items():
            starts[gives] = start
            start += prod(shape)
        for step in same:
            assert isinstance(step.op, ops.Recurrent)
            start = starts[step.op.gives]
            size = prod(step.shape)
            part = Step(ops.Slice(0, start, start + size), [row], Shape(size), step.scope)
            step.becomes(ops.View(tuple(step.shape)), part)
