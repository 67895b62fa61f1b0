"""Runs an import of an ONNX file beside ONNX Runtime, if that is installed: outputs, and the first node that differs.

Only for files that the user runs anyway: the runtime is native code, and what a visitor sends is never given to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.execute import to_module
from archs.interop.pytorch.oracle import NOT_COMPARED, RELATIVE, all_close, close, outputs_of, tensors_of
from archs.ir.ops import Opaque

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from archs.ir.graph import Graph

MAX_ELEMENTS = 2**28
"""Of all activations of one image, and of the weights."""


def verify(graph: Graph, source: Path | str | bytes, outputs: Sequence[str]) -> str:
    """What was compared, in a sentence, or why nothing was. Raises ArchError where the outputs differ.

    `outputs`: the names in the file of what the graph gives.
    """
    try:
        import onnxruntime
    except ImportError:
        return NOT_COMPARED.format("onnxruntime is not installed")
    opaque = [node.path for node in graph.nodes if isinstance(node.op, Opaque)]
    if opaque:
        return NOT_COMPARED.format(f"{opaque[0]} is an operator that the importer does not know")
    elements = sum(node.output.elements + graph.params(node) for node in graph.nodes)
    if elements > MAX_ELEMENTS:
        return NOT_COMPARED.format(f"it has {elements:,} elements in all; compared are up to {MAX_ELEMENTS:,}")
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        data = source if isinstance(source, bytes) else str(source)
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        image = session.get_inputs()[0]
        batch = image.shape[0] if isinstance(image.shape[0], int) else 1
        x = torch.randn(batch, *graph.input, generator=torch.Generator().manual_seed(0))
        kind = {"tensor(float16)": torch.float16, "tensor(double)": torch.float64}.get(image.type, torch.float32)
        given = session.run(list(outputs), {image.name: x.to(kind).numpy()})
        want = [torch.from_numpy(tensor).float() for tensor in given]
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return NOT_COMPARED.format(f"ONNX Runtime does not run it ({line[:120]})")
    try:
        module = to_module(graph).eval()
        with torch.no_grad():
            got = tensors_of(module(x))
    except Exception as error:
        raise ArchError(f"{graph.name}: its import does not run on {tuple(x.shape)} ({str(error)[:120]})") from None
    if batch == 1:  # a Squeeze without axes drops the images' dimension in a file of one image
        got = [a[0] if a.shape[1:] == b.shape != a.shape else a for a, b in zip(got, want)]
    relative = RELATIVE if kind != torch.float16 else 3e-2
    if all_close(got, want, relative):
        return f"outputs are equal to ONNX Runtime's on {'×'.join(map(str, x.shape))}"
    place = _first_difference(graph, source, module, x, relative)
    raise ArchError(
        f"{graph.name}: its import gives another output than ONNX Runtime on {tuple(x.shape)}"
        f"{f', first at {place}' if place else ''}; verify=False imports the network all the same"
    )


def _first_difference(graph: Graph, source: Path | str | bytes, module: Any, x: Tensor, relative: float) -> str:
    """The first module whose output equals no tensor that ONNX Runtime computes; empty where that cannot be told.

    Exporters merge and split operators, so that names do not tell which tensor is whose.
    """
    import onnx
    import onnxruntime
    import torch

    try:
        model = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)
        known = {o.name for o in model.graph.output}
        extra = [name for node in model.graph.node for name in node.output if name and name not in known]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        theirs = [torch.from_numpy(t).float() for t in session.run(None, {session.get_inputs()[0].name: x.numpy()})]
    except Exception:
        return ""
    places = attributes(graph)
    with torch.no_grad():
        ours = outputs_of(module, x)
    for node in graph.nodes:
        found = ours.get(places.get(node.path, ""))
        if found and not any(close(found[0], one, relative) for one in theirs):
            return node.path
    return ""
