"""Runs the exported module beside the original: outputs, parameters and multiply-adds, and where they first differ.

In float32 at two image sizes and two batches, as far as both take them; in float64 where rounding may explain a
difference. A module that is not compared has the reason beside it. Nothing is imported here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.execute import to_module
from archs.interop.pytorch.written_numbers import WrittenNumbers
from archs.ir.graph import Graph
from archs.ir.operator import Shape
from archs.ir.ops import Attention, MatMul, Opaque, Recurrent

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_ELEMENTS = 2**28
"""Parameters of the original; larger ones are not run."""
RELATIVE = 1e-3
"""Of the largest output; float32 sums in another order differ by less."""
RELATIVE_DOUBLE = 1e-6
UNREAD = ", without layers that run and whose output is not read"
NOT_COMPARED = "not compared with the original: {}"


def verify(graph: Graph, original: nn.Module, places: Mapping[str, str], whole: bool, numbers: WrittenNumbers) -> str:
    """What was compared and what was not, in a sentence. Raises ArchError where the two differ.

    `original` is in eval mode and may be written to: give it a copy. `places`: node path → the original module
    whose output the node gives, where that is known. `whole`: whether the graph has all that the original computes.
    `numbers`: those of its trace.
    """
    import torch

    if reason := _not_run(graph, original):
        return NOT_COMPARED.format(reason)
    parameters = {id(p): p for p in original.parameters()}
    exported = to_module(graph).eval()
    _same_parameters(graph, parameters.values(), exported)
    compared: list[str] = []
    fixed = _fixed(graph)
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        for size in (graph.input, _smaller(graph)):
            for batch in (1, 3):
                x = torch.randn(batch, *size)
                want = _run(original, x, parameters.values())
                if want is None:
                    continue
                again = _run(original, x, parameters.values())
                if again is None or not all_close(again, want, RELATIVE):
                    return NOT_COMPARED.format("two runs of the original give different outputs")
                if size != graph.input and fixed:
                    continue
                got = _run(exported, x, ())
                if got is None or not all_close(got, want, RELATIVE):
                    if size == graph.input:
                        numbers.check_images(suspected=True)
                    elif fixed := numbers.follow_size(Shape(*size)):
                        continue
                if got is None:
                    raise ArchError(f"{graph.name}: the exported module does not run on {tuple(x.shape)}")
                if not all_close(got, want, RELATIVE):
                    _in_double(graph, original, exported, x, places)
                compared.append(f"{batch}×{'×'.join(map(str, size))}")
    if not compared:
        return NOT_COMPARED.format("the original does not run on images of its shape")
    seen = whole and _same_products(graph, original, exported)
    equal = "outputs, parameters and multiply-adds" if seen else "outputs and parameters"
    parts = [f"{equal} are equal on {', '.join(compared)}"]
    if not whole:
        parts.append("multiply-adds were not compared, as the original computes other outputs too")
    elif not seen:
        parts.append("multiply-adds were not compared, as torch's counter does not see fused attention")
    if fixed and _smaller(graph) != graph.input:
        parts.append("no second image size was compared, as sizes of the image are written into the module")
    return "; ".join(parts)


def few_enough(original: nn.Module) -> bool:
    """Whether a module has no more parameters than are compared."""
    return sum(p.numel() for p in original.parameters()) <= MAX_ELEMENTS


def _not_run(graph: Graph, original: nn.Module) -> str:
    """Why the two cannot be run side by side; empty where they can."""
    opaque = [node for node in graph.nodes if isinstance(node.op, Opaque)]
    if opaque:
        return f"{opaque[0].path} is an operator that the importer does not know"
    tensors = [*original.parameters(), *original.buffers()]
    if any(t.is_meta for t in tensors):
        return "the original has tensors without elements (device meta)"
    if not few_enough(original):
        elements = sum(p.numel() for p in original.parameters())
        return f"the original has {elements:,} parameters; compared are up to {MAX_ELEMENTS:,}"
    devices = {str(t.device) for t in tensors} - {"cpu"}
    return f"the original is on {', '.join(sorted(devices))}; compared on the CPU alone" if devices else ""


def _run(module: nn.Module, x: Tensor, parameters: Any) -> list[Tensor] | None:
    kinds = {p.dtype for p in parameters if p.is_floating_point()}
    try:
        found = module(x.clone().to(next(iter(kinds))) if len(kinds) == 1 else x.clone())
    except Exception:
        return None
    return [tensor.float() for tensor in tensors_of(found)]


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors that a network gives, in order."""
    import torch
    import torch.utils._pytree as pytree

    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def all_close(got: Sequence[Tensor], want: Sequence[Tensor], relative: float) -> bool:
    """Whether each output differs by less than a share of its own largest element."""
    return len(got) == len(want) and all(close(a, b, relative) for a, b in zip(got, want))


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


def close(got: Tensor, want: Tensor, relative: float) -> bool:
    """Whether two tensors differ by less than a share of the largest element."""
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


def _same_products(graph: Graph, original: nn.Module, exported: nn.Module) -> bool:
    """Whether multiply-adds could be compared. Raises ArchError where they differ."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    if any(isinstance(node.op, (Attention, MatMul)) for node in graph.nodes):
        return False  # torch's fused attention operators are not seen by the counter
    x = torch.zeros(1, *graph.input)
    kinds = {p.dtype for p in original.parameters() if p.is_floating_point()}
    exported.requires_grad_(False)  # the counter hooks gradients, which a view may lack
    fused = any(isinstance(node.op, Recurrent) for node in graph.nodes)
    with _separate_products() if fused else nullcontext():
        with FlopCounterMode(display=False) as theirs, torch.no_grad():
            original(x.to(next(iter(kinds))) if len(kinds) == 1 else x)
        with FlopCounterMode(display=False) as ours, torch.no_grad():
            exported(x)
    counted = sum(node.op.mult_adds(*graph.input_shapes(node)) for node in graph.nodes)
    found, want = ours.get_total_flops() // 2, theirs.get_total_flops() // 2
    if not found == counted == want:
        raise ArchError(
            f"{graph.name} makes {want:,} multiply-adds, its import counts {counted:,} and the exported module makes "
            f"{found:,}{UNREAD if found == counted < want else ''}; verify=False imports it all the same"
        )
    return True


@contextmanager
def _separate_products() -> Iterator[None]:
    """Without oneDNN, so that an LSTM is the linear layers that it is made of."""
    import torch

    before, *_ = torch.backends.mkldnn.set_flags(_enabled=False)
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=before)


def _in_double(graph: Graph, original: nn.Module, exported: nn.Module, x: Tensor, places: Mapping[str, str]) -> None:
    """The comparison in float64, which rounding does not reach; raises ArchError with the first place."""
    first, second = copy.deepcopy(original).double(), copy.deepcopy(exported).double()
    with suppress(Exception):
        if all_close(tensors_of(second(x.double())), tensors_of(first(x.double())), RELATIVE_DOUBLE):
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
    theirs, ours = outputs_of(original, x), outputs_of(exported, x)
    attribute_of = attributes(graph)
    for node in graph.nodes:
        a, b = theirs.get(places.get(node.path, "")), ours.get(attribute_of.get(node.path, ""))
        if a is None or b is None or len(a) != len(b):
            continue
        if any(p.numel() == q.numel() and not close(q.reshape(p.shape), p, RELATIVE) for p, q in zip(a, b)):
            return node.path
    return ""


def outputs_of(module: nn.Module, x: Tensor) -> dict[str, list[Tensor]]:
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
