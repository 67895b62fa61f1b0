"""Runs the exported module beside the original: outputs, parameters and multiply-adds, and where they first differ.

In float32 at two image sizes and two batches, as far as both take them; where rounding is in doubt, in float64. Graphs
with opaque operators have no module and are not compared. Nothing is imported here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.execute import to_module
from archs.ir.graph import Graph
from archs.ir.ops import Attention, MatMul, Opaque

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_ELEMENTS = 2**28
"""Parameters of the original; larger ones are not run."""
RELATIVE = 1e-3
"""Of the largest output; float32 sums in another order differ by less."""
RELATIVE_DOUBLE = 1e-6

Run = Callable[["Tensor"], "Tensor"]


def verify(graph: Graph, original: nn.Module, places: Mapping[str, str]) -> str:
    """What was compared, in a few words, "" where nothing could be. Raises ArchError where the two differ.

    `original` is run in eval mode and may be written to: give it a copy. `places`: node path → the original module
    whose output the node gives, where that is known.
    """
    import torch

    if any(isinstance(node.op, Opaque) for node in graph.nodes):
        return ""
    parameters = {id(p): p for p in original.parameters()}
    if any(p.is_meta for p in (*parameters.values(), *original.buffers())):
        return ""
    if sum(p.numel() for p in parameters.values()) > MAX_ELEMENTS:
        return ""
    devices = {str(p.device) for p in parameters.values()}
    if devices - {"cpu"}:
        return ""
    original.eval()
    exported = to_module(graph).eval()
    _same_parameters(graph, parameters.values(), exported)
    compared = []
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        for size in (graph.input, _smaller(graph)):
            for batch in (1, 3):
                x = torch.randn(batch, *size)
                want = _run(original, x, parameters.values())
                if want is None:
                    continue
                again = _run(original, x, parameters.values())
                if again is None or not _close(again, want, RELATIVE):
                    return ""  # the original is not determined by its input
                if size != graph.input and _fixed(graph):
                    continue
                got = _run(exported, x, ())
                if got is None:
                    raise ArchError(f"{graph.name}: the exported module does not run on {tuple(x.shape)}")
                if got.shape != want.shape or not _close(got, want, RELATIVE):
                    _in_double(graph, original, exported, x, places)
                compared.append(f"{batch}×{'×'.join(map(str, size))}")
    if compared:
        _same_products(graph, original)
    return ", ".join(compared)


def _run(module: nn.Module, x: Tensor, parameters: Any) -> Tensor | None:
    kinds = {p.dtype for p in parameters if p.is_floating_point()}
    try:
        found = module(x.clone().to(next(iter(kinds))) if len(kinds) == 1 else x.clone())
    except Exception:
        return None
    return first_tensor(found).float()


def first_tensor(value: Any) -> Tensor:
    import torch
    import torch.utils._pytree as pytree

    return next(leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor))


def _smaller(graph: Graph) -> tuple[int, int, int]:
    channels, height, width = graph.input
    return channels, max(1, height // 2), max(1, width // 2)


def _fixed(graph: Graph) -> bool:
    """Whether the text has sizes written into it that follow the image's."""
    from archs.ir import ops

    written = (
        *(ops.View, ops.Reshape, ops.Expand, ops.Upsample, ops.Slice, ops.AdaptiveAvgPool, ops.AvgPool, ops.MaxPool),
        *(ops.ZeroPad, ops.ConstantPad, ops.Pad, ops.Shift, ops.Scale, ops.LayerNorm),
        *(ops.ComputedTensor, ops.TensorFunction),
    )
    return any(isinstance(node.op, written) for node in graph.nodes)


def _close(got: Tensor, want: Tensor, relative: float) -> bool:
    import torch

    if got.shape != want.shape:
        return False
    finite = torch.isfinite(want)
    if not torch.equal(finite, torch.isfinite(got)):
        return False
    if not finite.any():
        return True
    scale = float(want[finite].abs().max())
    return float((got[finite].double() - want[finite].double()).abs().max()) <= relative * max(scale, 1e-30)


def _same_parameters(graph: Graph, parameters: Any, exported: nn.Module) -> None:
    unused = sum(graph.weights.unused.values()) if graph.weights is not None else 0
    found = sum(p.numel() for p in exported.parameters()) + unused
    want = sum(p.numel() for p in parameters)
    counted = sum(graph.params(node) for node in graph.nodes) + unused
    if not found == counted == want:
        raise ArchError(
            f"{graph.name} has {want:,} parameters, its import {counted:,} and the exported module {found:,}; "
            "the network has a structure that the importer gets wrong: verify=False imports it all the same"
        )


def _same_products(graph: Graph, original: nn.Module) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    x = torch.zeros(1, *graph.input)
    kinds = {p.dtype for p in original.parameters() if p.is_floating_point()}
    exported = to_module(graph).eval().requires_grad_(False)  # the counter hooks gradients, which a view may lack
    with FlopCounterMode(display=False) as theirs, torch.no_grad():
        original(x.to(next(iter(kinds))) if len(kinds) == 1 else x)
    with FlopCounterMode(display=False) as ours, torch.no_grad():
        exported(x)
    counted = sum(node.op.mult_adds(*graph.input_shapes(node)) for node in graph.nodes)
    found, want = ours.get_total_flops() // 2, theirs.get_total_flops() // 2
    if any(isinstance(node.op, (Attention, MatMul)) for node in graph.nodes):
        return  # torch's fused attention operators are not seen by the counter
    if not found == counted == want:
        raise ArchError(
            f"{graph.name} makes {want:,} multiply-adds, its import counts {counted:,} and the exported module makes "
            f"{found:,}; verify=False imports it all the same"
        )


def _in_double(graph: Graph, original: nn.Module, exported: nn.Module, x: Tensor, places: Mapping[str, str]) -> None:
    """The comparison in float64, which rounding does not reach; raises ArchError with the first place."""
    first, second = copy.deepcopy(original).double(), copy.deepcopy(exported).double()
    want: Tensor | None
    got: Tensor | None
    try:
        want, got = first_tensor(first(x.double())), first_tensor(second(x.double()))
    except Exception:
        want = got = None
    if want is not None and got is not None and _close(got, want, RELATIVE_DOUBLE):
        return
    place = _first_difference(graph, original, exported, x, places)
    where = f", first at {place}" if place else ""
    raise ArchError(
        f"{graph.name}: the exported module gives another output than the original on {tuple(x.shape)}{where}; "
        "the importer reads an operator wrongly there: verify=False imports the network all the same"
    )


def _first_difference(
    graph: Graph, original: nn.Module, exported: nn.Module, x: Tensor, places: Mapping[str, str]
) -> str:
    """The first node whose module gives another output than the original module in its place."""
    theirs, ours = _outputs(original, x), _outputs(exported, x)
    own = attributes(graph)
    for node in graph.nodes:
        a, b = theirs.get(places.get(node.path, "")), ours.get(own.get(node.path, ""))
        if a is None or b is None or len(a) != len(b):
            continue
        if any(p.numel() == q.numel() and not _close(q.reshape(p.shape), p, RELATIVE) for p, q in zip(a, b)):
            return node.path
    return ""


def _outputs(module: nn.Module, x: Tensor) -> dict[str, list[Tensor]]:
    """What each module of a network gives in one run, in order."""
    import torch

    found: dict[str, list[Tensor]] = {}
    hooks = []
    for name, child in module.named_modules():
        if not isinstance(child, torch.jit.ScriptModule):

            def keep(_m: Any, _i: Any, output: Any, name: str = name) -> None:
                if isinstance(output, torch.Tensor):
                    found.setdefault(name, []).append(output.detach().float().clone())

            hooks.append(child.register_forward_hook(keep))
    try:
        module(x.clone())
    except Exception:
        return {}
    finally:
        for hook in hooks:
            hook.remove()
    return found
