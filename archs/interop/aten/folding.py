"""Calls on constants alone, executed while the program is read; each result states what it was made from.

No tensor is written to: an in-place operator gives a new constant, and `archs.interop.aten.memory` puts it in place.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from archs.interop.aten.computed import standardized_by
from archs.interop.aten.fx_nodes import operator_name, written_to
from archs.interop.aten.memory import Memory
from archs.interop.aten.steps import Constant, constants_in

if TYPE_CHECKING:
    from torch import fx

SHAPING = (
    *("view", "reshape", "_unsafe_view", "flatten", "squeeze", "unsqueeze", "reshape_as", "view_as"),
    *("alias", "detach", "clone", "contiguous", "to", "_to_copy", "type_as", "lift_fresh_copy"),
)
"""Calls that keep a constant's elements as they are."""


def folded(node: fx.Node, args: dict[str, Any], values: Memory) -> Any:
    """What a call on constants gives: a constant, a list of them, or what is no tensor."""
    import torch
    from torch import fx

    name, constants = operator_name(node), constants_in(list(args.values()))
    standardized = standardized_by(name, args) if constants else None
    written = written_to(node)

    def tensor(n: fx.Node) -> Any:
        value = values[n]
        if isinstance(value, Constant):
            return value.tensor.clone() if n in written else value.tensor
        return [c.tensor if isinstance(c, Constant) else c for c in value] if isinstance(value, list) else value

    given = fx.map_arg(node.args, tensor), fx.map_arg(dict(node.kwargs), tensor)
    with torch.no_grad():
        result = cast("Callable[..., Any]", node.target)(*given[0], **given[1])
    sources = tuple(dict.fromkeys(source for c in constants for source in c.sources))
    first = constants[0] if constants and next(iter(args.values())) is constants[0] else None
    shape_only = name in SHAPING and first is not None
    factor = first.factor if shape_only and first else 1.0
    if shape_only and first:
        standardized = first.standardized
    pure = bool(shape_only and first and first.pure and result.dtype == first.tensor.dtype)
    alone = bool(pure and first and first.whole)
    if alone and first and result.shape != first.tensor.shape:
        pure = alone = False
    if name == "mul" and len(constants) == 1 and first and first.pure and isinstance(args["other"], (int, float)):
        pure, factor = True, first.factor * args["other"]
    depends = any(c.depends_on_parameters for c in constants)
    target = _without_writing(node) if written else node.target
    arguments = fx.map_arg(node.args, lambda n: values[n]), fx.map_arg(dict(node.kwargs), lambda n: values[n])
    made = None if target is None else (target, *arguments)

    def constant(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        trained = bool(pure and first and first.trained)
        return Constant(value, sources, trained, pure, factor, standardized, depends, made, alone)

    if not isinstance(result, (list, tuple)):
        return constant(result)
    whole = Constant(torch.empty(0), sources, depends_on_parameters=depends, made=made)
    parts = [constant(v) for v in result]
    for i, part in enumerate(parts):
        if isinstance(part, Constant):
            part.made = (operator.getitem, (whole, i), {})
    return parts


def _without_writing(node: fx.Node) -> Any:
    """The operator that gives what an in-place operator writes; None where torch has none."""
    import torch

    packet = getattr(torch.ops.aten, operator_name(node), None)
    return getattr(packet, node.target._schema.overload_name or "default", None)  # type: ignore[union-attr]
