"""Graph → ONNX file, by torch's own exporter from the module that `to_module` gives.

Of the exporter's optimizations only the folding of constants is used: its others fold batch norms into convolutions and
merge equal tensors, so that the file had fewer parameters than the network. To have them folded, fold the graph.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.pytorch.execute import to_module
from archs.ir.ops import AdaptiveAvgPool, AdaptiveMaxPool, Opaque

if TYPE_CHECKING:
    from archs.ir.graph import Graph

INPUT, OUTPUT = "image", "output"
SEED = 0
MAX_BYTES = 2**31 - 2**20  # what protobuf holds in one piece, with room for the graph itself


def to_onnx(graph: Graph) -> bytes:
    """The network as an ONNX file: input `image` N×C×H×W, output `output`, any number N of images.

    With the graph's weights where it has some, else with torch's initial ones of a fixed seed. Parameters have the
    names that they have in the exported module. Raises ArchError for a network that no ONNX file holds.
    """
    unknown = next((node for node in graph.nodes if isinstance(node.op, Opaque)), None)
    if unknown is not None:
        raise ArchError(
            f"{unknown.path} is {unknown.op.describe()}, which an ONNX file cannot hold as a stub; allowed: the "
            "PyTorch file, whose stub of that name can be replaced"
        )
    size = 4 * sum(graph.params(node) for node in graph.nodes)
    if size > MAX_BYTES:
        raise ArchError(f"{graph.name} has {size:,} bytes of parameters; allowed in an ONNX file: up to {MAX_BYTES:,}")
    import torch
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass, RemoveUnusedOpsetsPass
    from onnxscript import optimizer

    with torch.random.fork_rng([]), _quiet():
        torch.manual_seed(SEED)
        module = to_module(graph).eval()
        parameters = dict(module.named_parameters())
        try:
            program: Any = torch.onnx.export(  # the stubs allow None for it and for its values
                module,
                (torch.zeros(2, *graph.input),),  # two, as the exporter takes a batch of one for a constant
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("images")},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                optimize=False,
                external_data=False,
                verbose=False,
            )
        except Exception as error:
            raise ArchError(f"{graph.name}: {_refusal(graph, error)}; allowed: the PyTorch file") from None
        model = program.model
        optimizer.inline(model)
        _merge_transposed(model.graph)
        optimizer.fold_constants(model)
        for node in model.graph:  # the exporter gives every convolution a bias, of zeros where it has none
            if node.op_type == "Conv" and len(node.inputs) == 3 and node.inputs[2].name not in parameters:
                node.resize_inputs(2)
        optimizer.remove_unused_nodes(model)
        ClearMetadataAndDocStringPass()(model)  # stack traces, with this machine's paths
        RemoveUnusedOpsetsPass()(model)
        model.graph.name = graph.name
        return program.model_proto.SerializeToString()


def _merge_transposed(graph: Any) -> None:
    """One transposed matrix for a layer that is called twice: folding would store one for each call."""
    seen: dict[object, Any] = {}
    for node in list(graph):
        if node.op_type == "Transpose" and node.inputs[0].is_initializer():
            axes = tuple(node.attributes["perm"].as_ints()) if "perm" in node.attributes else ()
            first = seen.setdefault((node.inputs[0].name, axes), node)
            if first is not node:
                node.outputs[0].replace_all_uses_with(first.outputs[0])


def _refusal(graph: Graph, error: Exception) -> str:
    """Which node torch's exporter cannot write, as far as its error tells."""
    for node in graph.nodes:
        if isinstance(node.op, (AdaptiveAvgPool, AdaptiveMaxPool)):
            (x,) = graph.input_shapes(node)
            if x.height % node.op.height or x.width % node.op.width:
                return (
                    f"{node.path} pools {x.height}×{x.width} to {node.op.height}×{node.op.width}, and ONNX has only "
                    "windows of one size"
                )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"torch's ONNX exporter refuses it: {(lines or [type(error).__name__])[0][:160]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on itself: that torchvision is missing, and which parts of torch it will not use."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
