"""What an fx node says: the name of its operator, its arguments, what it writes into, where it runs; its parts.

The parts are torch's own decomposition of an operator, as a graph of simpler calls.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from archs.interop.aten.call import AtenCall
from archs.interop.aten.steps import Scope

if TYPE_CHECKING:
    from torch import fx


def symbolic(value: Any) -> bool:
    """Whether a value is one of torch's symbolic numbers."""
    import torch

    return isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool))


def operator_name(node: fx.Node) -> str:
    """`relu` of `aten.relu_.default`: the name without overload and without the sign of a write."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return getattr(node.target, "__name__", str(node.target))
    name = schema.name.partition("::")[2]
    in_place = name.endswith("_") and not name.endswith("__")
    return name[:-1] if in_place else name


def written_to(node: fx.Node) -> list[fx.Node]:
    """The arguments that a call writes into."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or not schema.is_mutable:
        return []
    given = dict(zip((a.name for a in schema.arguments), node.args)) | dict(node.kwargs)
    names = [a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return [given[name] for name in names if hasattr(given.get(name), "all_input_nodes")]


def gives_its_input(name: str, args: dict[str, Any]) -> bool:
    """Whether a call gives the very tensor that it is given, which torch.export does not show: a dropout in eval."""
    return "dropout" in name and args.get("train") is False


def is_random(node: fx.Node, args: dict[str, Any]) -> bool:
    """Whether a call draws numbers."""
    import torch

    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    switches = args.get("train"), args.get("training"), args.get("dropout_p")
    return not any(switch is not None and not switch for switch in switches)


def scope_of(node: fx.Node) -> Scope:
    """The modules around a call, from the outermost: name of the call, path, class."""
    stack = node.meta.get("nn_module_stack") or {}
    found = []
    for call, (path, kind, *_) in stack.items():
        if path:
            found.append((call, path, kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__))
    return tuple(found)


def arguments_of(node: fx.Node) -> dict[str, Any]:
    """The arguments by name, with nodes for tensors; defaults are filled in."""
    schema = getattr(node.target, "_schema", None)
    python = ("a", "b") if node.target is operator.getitem else ("self", "other")  # operators of Python have no schema
    names = [a.name for a in schema.arguments] if schema else [*python, *map(str, range(len(node.args)))]
    found = dict(zip(names, node.args)) | dict(node.kwargs)
    if schema:
        found = {a.name: found.get(a.name, a.default_value) for a in schema.arguments}
    return found


def call_of(node: fx.Node, args: dict[str, Any]) -> AtenCall:
    """A node as the rules see it, its arguments looked up."""
    schema = getattr(node.target, "_schema", None)
    keywords = tuple(a.name for a in schema.arguments if a.kwarg_only) if schema else ()
    overload = schema.overload_name or "default" if schema else ""
    value: Any = node.meta.get("val")
    return AtenCall(operator_name(node), args, value, scope_of(node), overload, keywords)


def decomposed(node: fx.Node) -> tuple[fx.Graph, list[fx.Node]] | None:
    """The calls that torch makes of an operator, and the nodes whose tensors their placeholders stand for.

    None for an operator that is not made of others.
    """
    import torch
    from torch import fx
    from torch._decomp import decomposition_table
    from torch.fx.experimental.proxy_tensor import make_fx

    target: Any = node.target
    if not isinstance(target, torch._ops.OpOverload) or target._schema.is_mutable or target.namespace != "aten":
        return None
    composite = target.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd)
    if not composite and target not in decomposition_table:
        return None
    given = list(node.all_input_nodes)
    fakes = [n.meta.get("val") for n in given]
    if not all(isinstance(fake, torch.Tensor) for fake in fakes):
        return None

    def run(*tensors: Any) -> Any:
        known = dict(zip(given, tensors))
        args, kwargs = fx.map_arg((node.args, dict(node.kwargs)), known.__getitem__)
        return target(*args, **kwargs)

    table = {} if composite else {target: decomposition_table[target]}
    try:
        found = make_fx(run, decomposition_table=table)(*fakes).graph
    except Exception:  # whatever a decomposition makes of fake tensors: the operator stays whole
        return None
    calls = [n for n in found.nodes if n.op == "call_function"]
    if any(n.target is target for n in calls):
        return None
    for n in calls:
        n.meta["nn_module_stack"] = node.meta.get("nn_module_stack") or {}
    return found, given
