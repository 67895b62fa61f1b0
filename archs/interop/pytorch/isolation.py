"""Running a user's module without changing it: a copy with the same parameters, out of its wrappers, in eval mode.

What a forward writes to itself, to its buffers, or through its hooks stays out of the original.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.interop.aten.fx_nodes import arguments_of, operator_name

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


def unwrapped(module: Any) -> nn.Module:
    """The module that a wrapper runs. Raises ArchError for what is no module that can be traced."""
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    if isinstance(module, torch.export.ExportedProgram):
        _check_mode(module)
        module = module.module(check_guards=False)  # guards refuse other batches than the example's
        module._forward_pre_hooks.clear()
    while True:
        if hasattr(module, "_orig_mod"):  # torch.compile
            module = module._orig_mod
        elif isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            module = module.module
        else:
            break
    if isinstance(module, Mapping):
        raise ArchError(
            f"found a {type(module).__name__}, and a state dict or checkpoint holds no graph; allowed: the nn.Module "
            "that it was saved from, after load_state_dict"
        )
    if not isinstance(module, nn.Module):
        raise ArchError(f"found {shorten(type(module).__name__)}; allowed: an nn.Module")
    if isinstance(module, torch.jit.ScriptModule):
        raise ArchError(
            f"{module.original_name} is a scripted module, which has no Python forward to trace; allowed: the module "
            "that it was scripted from, or an ONNX file exported from it"
        )
    lazy = [name for name, p in module.named_parameters() if is_lazy(p)]
    if lazy:
        raise ArchError(
            f"{type(module).__name__}.{lazy[0]} has no size yet, as the module is lazy; allowed: run it once on a "
            "tensor of images before it is imported"
        )
    for name, child in module.named_modules():
        if hasattr(child, "_packed_params"):
            raise ArchError(
                f"{name or type(module).__name__} ({type(child).__name__}) is quantised by torch.ao, whose packed "
                "weights cannot be traced; allowed: the float module before its conversion, or an ONNX file of the "
                "quantised one"
            )
    return module


def _check_mode(program: ExportedProgram) -> None:
    """Raises ArchError for a program that was exported in training mode, which no `eval` changes any more."""
    for node in program.graph.nodes:
        given = arguments_of(node) if node.op == "call_function" else {}
        batch_alone = "running_mean" in given and given["running_mean"] is None  # a norm that keeps no statistics
        if (given.get("training") is True or given.get("train") is True) and not batch_alone:
            raise ArchError(
                f"the program was exported in training mode ({operator_name(node)}); allowed: one of module.eval()"
            )


def example_shape(module: Any) -> tuple[int, int, int]:
    """The shape of one image in an exported program's own example. Raises ArchError for what has none."""
    import torch
    import torch.utils._pytree as pytree

    given = pytree.tree_leaves(getattr(module, "example_inputs", None))
    images = [t for t in given if isinstance(t, torch.Tensor) and t.dim() == 4]
    if isinstance(module, torch.export.ExportedProgram) and not images:
        shapes = " and ".join("×".join(map(str, t.shape)) for t in given if isinstance(t, torch.Tensor))
        raise ArchError(f"the program was exported with {shapes or 'no tensor'}; allowed: a tensor of images, N×C×H×W")
    if not images:
        raise ArchError("input_shape is missing; allowed: channels, height, width of one image")
    _, channels, height, width = images[0].shape
    return channels, height, width


@contextmanager
def isolated(module: nn.Module, own: bool = False) -> Iterator[nn.Module]:
    """A copy of a module in eval mode that has the module's own parameters; random state and hooks' stores return.

    `own`: the copy has parameters of its own, as a forward may write to them; without scripted modules, whose ties a
    copy would lose.
    """
    import torch

    stores = [(store, copy.copy(store)) for store in _stores(module)]
    with torch.random.fork_rng([]):
        try:
            yield _copied(module, own and not any(isinstance(m, torch.jit.ScriptModule) for m in module.modules()))
        finally:
            for store, before in stores:
                store.clear()
                store.update(before) if isinstance(store, (dict, set)) else store.extend(before)


def _unguarded() -> nn.Module:
    """Takes the place of the checks that torch.export puts into a module, which refuse other batches."""
    from torch import nn

    class Unguarded(nn.Module):
        def forward(self, *args: Any) -> None:
            return None

    return Unguarded()


def _copied(module: nn.Module, own: bool) -> nn.Module:
    import torch

    # what was made in inference mode cannot be traced outside of it; its copy can
    memo: dict[int, Any] = {id(p): p for p in module.parameters() if not (own or p.is_inference())}
    try:
        made = copy.deepcopy(module, memo)
    except Exception:  # a handle, a lock, a tensor with a history: what cannot be copied is shared
        made = _shallow(module, {}, {} if own else memo)
    for child in made.modules():
        child.training = False
    if not own:
        _share_scripted(module, made)
    if isinstance(made, torch.fx.GraphModule) and hasattr(made, "_guards_fn"):  # torch.export's, for one batch
        made._guards_fn = _unguarded()
        made._forward_pre_hooks.clear()
    return made


def _share_scripted(module: nn.Module, made: nn.Module) -> None:
    """Gives the scripted modules of a copy the parameters of the original, which a deep copy does not recognise."""
    import torch

    copies = dict(made.named_modules(remove_duplicate=False))
    for path, child in module.named_modules(remove_duplicate=False):
        if isinstance(child, torch.jit.ScriptModule) and isinstance(copies.get(path), torch.jit.ScriptModule):
            for name, parameter in child.named_parameters(recurse=False):
                setattr(copies[path], name, parameter)


def _shallow(module: nn.Module, known: dict[int, nn.Module], parameters: dict[int, Any]) -> nn.Module:
    """A copy whose modules are copied, whose buffers are cloned and whose other attributes are shared.

    `parameters`: those of the copy, by the identity of the original's; what is missing is cloned.
    """
    if id(module) in known:
        return known[id(module)]
    made = known[id(module)] = module.__class__.__new__(module.__class__)
    made.__dict__.update(module.__dict__)
    for name, value in module.__dict__.items():  # hooks of the copy are none of the original's
        if "_hooks" in name and isinstance(value, dict):
            made.__dict__[name] = copy.copy(value)
    for name in ("_parameters", "_modules", "_buffers"):
        made.__dict__[name] = dict(module.__dict__[name])
    for name, buffer in made._buffers.items():
        made._buffers[name] = None if buffer is None else buffer.detach().clone()
    for name, parameter in made._parameters.items():
        if parameter is not None:
            made._parameters[name] = parameters.setdefault(id(parameter), copy.deepcopy(parameter))
    for name, child in made._modules.items():
        made._modules[name] = None if child is None else _shallow(child, known, parameters)
    return made


def _stores(module: nn.Module) -> list[Any]:
    """Lists, dicts and sets that a hook writes to outside of the module."""
    found: dict[int, Any] = {}
    for child in module.modules():
        for hooks in (child._forward_hooks, child._forward_pre_hooks):
            for hook in hooks.values():
                function = getattr(hook, "func", hook)
                reachable = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
                reachable += [*(getattr(function, "__defaults__", None) or ()), *getattr(hook, "args", ())]
                names = getattr(getattr(function, "__code__", None), "co_names", ())
                reachable += [
                    function.__globals__[name] for name in names if name in getattr(function, "__globals__", {})
                ]
                reachable = [one for one in reachable if not isinstance(one, (ModuleType, type))]  # they hold more
                for value in [
                    *reachable,
                    *[v for one in reachable if hasattr(one, "__dict__") for v in vars(one).values()],
                ]:
                    if type(value) in (list, dict, set):
                        found[id(value)] = value
    return list(found.values())
