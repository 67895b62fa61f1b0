"""ATen calls without a rule → `TensorFunction`, where the operator is in its table and leaves the images apart."""

from __future__ import annotations

from typing import Any

from archs.interop.aten.call import AtenCall, UnsupportedCall, batched
from archs.interop.aten.computed import computed, for_all_images
from archs.interop.aten.steps import Constant, Step, steps_in
from archs.ir import ops
from archs.ir.operator import Shape
from archs.ir.ops.functions import ALIGNED, FUNCTIONS, KINDS

MAX_RANK = 8
INDEXED = ("index.Tensor", "index_select.default", "index_put.default", "index_add.default", "index_copy.default")


def function(call: AtenCall) -> Any:
    """A call as the function that the table has under its name. Raises UnsupportedCall for all others."""
    name = f"{call.name}.{call.overload}"
    several = isinstance(call.value, (list, tuple))
    values = list(call.value) if several else [call.value]
    if name not in FUNCTIONS or not all(batched(value) and value.dim() <= MAX_RANK for value in values):
        raise UnsupportedCall
    read = steps_in(list(call.args.values()))
    ranks = {1 + len(x.shape) for x in read}
    if len(ranks) != 1 or any(x.folded for x in read):
        raise UnsupportedCall
    (rank,) = ranks
    for key in ("dim", "dims", "dim1", "dim2"):
        if key in call.args:
            _apart(call[key], rank)
    inputs: list[Step] = []
    given = {key: _argument(call, name, value, rank, inputs) for key, value in call.args.items()}
    chosen = call["indices"] if name in ("index.Tensor", "index_put.default") else [None]
    if chosen[0] is not None or any(isinstance(x, Step) for x in chosen):
        raise UnsupportedCall  # images are chosen, or places by what an image holds
    if name == "repeat.default" and (call["repeats"][0] != 1 or len(call["repeats"]) != rank):
        raise UnsupportedCall
    keywords = tuple((k, given[k]) for k in call.keywords if call[k] is not None)
    arguments = tuple(value for key, value in given.items() if key not in call.keywords)
    found = []
    for i, value in enumerate(values):
        op = ops.TensorFunction(name, tuple(value.shape[1:]), arguments, keywords, i if several else None)
        found.append(Step(op, list(inputs), Shape(*value.shape[1:]), call.scope))
    return found if several else found[0]


def _apart(dims: Any, rank: int) -> None:
    """Raises UnsupportedCall for an operator along the dimension of the batch, or along all dimensions."""
    listed = dims if isinstance(dims, (list, tuple)) else [dims]
    if not listed or any(d is None or d % rank == 0 for d in listed):
        raise UnsupportedCall


def _argument(call: AtenCall, name: str, value: Any, rank: int, inputs: list[Step]) -> Any:
    """An argument as the operator has it; tensors become inputs."""
    if isinstance(value, Constant):
        if name in ALIGNED:
            value = for_all_images(call, value, rank)
        elif name in INDEXED:
            index = value.tensor.dim() < rank or not value.tensor.is_floating_point()
            value = computed(call, value) if index else for_all_images(call, value, rank)
        else:
            raise UnsupportedCall
    if isinstance(value, Step):
        inputs.append(value)
        return f"${len(inputs) - 1}"
    if isinstance(value, (list, tuple)):
        return tuple(_argument(call, name, v, rank, inputs) for v in value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    word = str(value).removeprefix("torch.")
    if word not in KINDS:
        raise UnsupportedCall
    return word
