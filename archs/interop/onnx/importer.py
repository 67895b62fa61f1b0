"""An ONNX file → Graph, through the same recognition as a module: file → ATen calls → steps → graph.

Nothing in the file is executed; what it holds and what it asks for are bounded (`archs.interop.onnx.files`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.interop.aten.naming import snake
from archs.interop.onnx.files import read
from archs.interop.onnx.local_functions import inline
from archs.interop.onnx.scopes import scopes, stages
from archs.interop.pytorch.arguments import image_shape
from archs.interop.pytorch.importer import assemble, read_steps, said
from archs.interop.pytorch.oracle import NOT_COMPARED
from archs.ir.graph import Graph

MAX_NAME = 40


@guided()
def from_onnx(
    source: str | Path | bytes,
    input_shape: Sequence[int] | None = None,
    name: str | None = None,
    verify: bool = False,
    progress: Callable[[float, str], None] | None = None,
    *,
    output: int | str | None = None,
) -> Graph:
    """The graph of an ONNX file, by its path or its bytes, with `graph.weights` beside it.

    `input_shape` is needed where the file leaves it open. ONNX does not say which tensors were
    trained: those of convolutions, linear layers and norms are taken for it, and those that maps are multiplied with
    or added to, running statistics not. What has no operator here becomes an `Opaque` node. Weights in other files are
    read from beside a path; of bytes alone the graph has none of them. With `verify` ONNX Runtime runs the file beside
    its import, where it is installed (`graph.verification`): not for files of strangers. `output` as in `from_module`.
    Raises ArchError for what is no such file, lies about its sizes, or takes several tensors.

    Args:
        source: a path, or the bytes of a file.
        input_shape: (channels, height, width) of one image, with or without a batch of 1 before it, or None.
        name: of the graph; the file's by default.
        verify: whether to compare the outputs with ONNX Runtime's.
        progress: called with the share done, 0 to 1, and the step.
        output: the name or number of one of several outputs; by default all are counted.

    >>> from onnx import TensorProto, helper
    >>> ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("image", "output")]
    >>> made = helper.make_graph([helper.make_node("Relu", ["image"], ["output"])], "relu", ends[:1], ends[1:])
    >>> from_onnx(helper.make_model(made).SerializeToString())
    <Graph network: 3×8×8 → 3×8×8, 1 nodes>
    """
    from archs.interop.onnx import oracle
    from archs.interop.onnx.rules.quantized import is_quantized
    from archs.interop.onnx.tracing import trace

    report = progress or (lambda share, step: None)
    wanted = None if input_shape is None else image_shape(input_shape)
    if not isinstance(source, (str, os.PathLike, bytes)):
        raise TypeError(
            f"found a {type(source).__name__}; allowed: the path or the bytes of an ONNX file; "
            "a module is for archs.from_module(module, (channels, height, width))"
        )
    model, folder = read(source)
    inline(model)
    stem = "network" if isinstance(source, bytes) else Path(source).stem
    called = snake(name or stem)[:MAX_NAME].strip("_")
    program, image = trace(model, folder, called, wanted, lambda share, step: report(0.6 * share, step))
    staged = stages(scopes(model.graph.node))
    quantized = any(is_quantized(node.op_type) for node in model.graph.node)
    del model
    try:
        report(0.6, "the operators are recognised")
        reader, steps = read_steps(program, image, output, {})
        report(0.9, "the graph is built")
    except RecursionError:
        raise ArchError(f"{shorten(called)} nests too deep") from None
    graph = assemble(called, image, steps, staged, {}, program.stored_bytes)
    notes = reader.left_out, program.note
    if not verify:
        return said(graph, NOT_COMPARED.format("nothing in the file was executed (verify=False)"), *notes)
    if quantized:
        return said(graph, NOT_COMPARED.format("a quantised file is read as its float network"), *notes)
    given = [program.outputs[number] for number in reader.chosen]
    return said(graph, oracle.verify(graph, source, given), *notes)
