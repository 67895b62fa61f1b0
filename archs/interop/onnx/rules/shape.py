"""ONNX operators on constants and shapes, the arithmetic that exporters leave behind: computed at once.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from math import ceil, prod
from typing import Any, cast

from archs.interop.onnx.call import OnnxCall, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

MAX_FILLED = 2**24
MAX_SUMS = 4096
"""Elements of what exporters compute of shapes."""


def _numbers(values: Any) -> Known:
    import torch

    return Known(torch.tensor(values, dtype=torch.int64))


@rule("Constant")
def _constant(call: OnnxCall) -> Known:
    import torch

    for name in call.attributes:
        value = call.get(name)
        if name == "value":
            return Known(value.float() if value.is_floating_point() else value)
        if name in ("value_float", "value_floats"):
            return Known(torch.tensor(value, dtype=torch.float32))
        if name in ("value_int", "value_ints"):
            return _numbers(value)
    raise UnsupportedNode


@rule("ConstantOfShape")
def _constant_of_shape(call: OnnxCall) -> Known:
    import torch

    sizes, value = call.ints(0) or [], call.get("value")
    if not 0 <= prod(sizes) <= MAX_FILLED or min(sizes, default=1) < 0:
        raise UnsupportedNode
    number = 0.0 if value is None else value.item()
    return Known(torch.full(sizes, number, dtype=torch.float32 if isinstance(number, float) else torch.int64))


@rule("Shape")
def _shape(call: OnnxCall) -> Known:
    sizes = list(call.shape())
    return _numbers(sizes[call.get("start", 0) : call.get("end", len(sizes))])


@rule("Size")
def _size(call: OnnxCall) -> Known:
    return _numbers(prod(call.shape()))


@rule("Range")
def _range(call: OnnxCall) -> Known:
    import torch

    start, stop, step = (cast("float", call.number(i)) for i in range(3))  # required, so not None
    if not step or (stop - start) / step > 2**16:
        raise UnsupportedNode
    count, kind = max(0, ceil((stop - start) / step)), call.known(0).dtype
    return Known((start + step * torch.arange(count, dtype=torch.float64)).to(kind))


@rule("Cast")
def _cast(call: OnnxCall) -> Value:
    import torch
    from onnx import TensorProto as T

    floats = (T.FLOAT, T.FLOAT16, T.DOUBLE, T.BFLOAT16)
    to, x = call.get("to"), call[0]
    if isinstance(x, Known):
        if to in floats:
            return x if x.tensor.is_floating_point() else Known(x.tensor.float())
        kinds = {T.INT64: torch.int64, T.INT32: torch.int64, T.BOOL: torch.bool}
        if to not in kinds:
            raise UnsupportedNode
        return Known(x.tensor.to(kinds[to]))
    floating = x.meta["val"].is_floating_point()
    if to in floats:
        return x if floating else call.aten("_to_copy", x, dtype=torch.float32)  # all floats are of 32 bits here
    kinds = {T.INT64: torch.int64, T.INT32: torch.int32, T.BOOL: torch.bool}
    if to not in kinds:
        raise UnsupportedNode
    return call.aten("_to_copy", x, dtype=kinds[to])


@rule("CastLike")
def _cast_like(call: OnnxCall) -> Value:
    value, like = call[0], call[1]
    if isinstance(like, Known) and not like.tensor.is_floating_point():
        raise UnsupportedNode
    return Known(value.tensor.float()) if isinstance(value, Known) else value


@rule("Where")
def _where(call: OnnxCall) -> Value:
    """Between shapes, as `expand` is exported; between tensors only where it is one for all."""
    import torch

    if _softplus(call):
        return call[2]
    if not isinstance(call[0], Known):
        return call.aten("where", *call.inputs, overload="self")
    chosen = call.known(0)
    if isinstance(call[1], Known) and isinstance(call[2], Known):
        a, b = call.known(1), call.known(2)
        if max(t.numel() for t in (chosen, a, b)) > MAX_SUMS:
            raise UnsupportedNode
        return Known(torch.where(chosen.bool(), a, b))
    if chosen.numel() != 1:
        return call.aten("where", *call.inputs, overload="self")
    sizes = torch.broadcast_shapes(*map(call.shape, range(3)))
    place = 1 if bool(chosen) else 2
    return call[place] if call.shape(place) == sizes else call.aten("expand", call[place], list(sizes))


def _softplus(call: OnnxCall) -> bool:
    """`Where(x > 20, x, softplus(x))`, which is softplus as torch computes it."""
    condition, x, y = (call[i] for i in range(3))
    if any(isinstance(v, Known) or v is None for v in (condition, x, y)):
        return False
    above = str(condition.target) == "aten.gt.Scalar" and condition.args == (x, 20.0)
    return above and str(y.target) == "aten.softplus.default" and y.args[0] is x
