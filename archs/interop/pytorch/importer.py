"""nn.Module → Graph: any convolutional network of torch as ours, with its weights beside it.

The module runs once under `torch.export` on fake tensors, which have shapes and no elements: no memory, no compute.
What comes out, ATen calls in the order of execution, is translated call by call (`archs.interop.aten`), read
for what people
write by hand (`archs.interop.aten.patterns`), named after its modules (`archs.interop.aten.naming`) and built as a
graph like any other.

The module's own `forward` is executed, so this is for code that the user runs anyway, never for what a visitor sends.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.interop.aten.naming import Names, snake, staged
from archs.interop.aten.patterns import recognise
from archs.interop.aten.program import Program
from archs.interop.aten.reader import Reader
from archs.interop.aten.steps import BATCH, Step
from archs.ir.graph import INPUT, Builder, Graph
from archs.ir.operator import Shape
from archs.ir.ops import Opaque
from archs.ir.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram


def from_module(module: nn.Module, input_shape: tuple[int, int, int], name: str | None = None) -> Graph:
    """The graph of a module that takes N×C×H×W and gives one tensor, with `graph.weights` beside it.

    `input_shape` is that of one image. The module is put into eval mode for the time of the call and is otherwise
    left as it is. What has no operator here becomes an `Opaque` node. Raises ArchError for a module that branches on
    data, whose shapes depend on data, or that takes or gives several tensors.
    """
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ArchError(f"found {shorten(type(module).__name__)}; allowed: an nn.Module")
    shape = image_shape(input_shape)
    _one_image(module)
    with _evaluated(module):
        program = _export(module, shape)
    steps = recognise(Reader(_program(module, program), shape).read())
    parameters = dict(module.named_parameters(remove_duplicate=False))
    return assemble(name or snake(type(module).__name__), shape, steps, staged(module), parameters)


def image_shape(shape: Any) -> Shape:
    found = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(found) != 3 or any(type(side) is not int or not 1 <= side <= 16384 for side in found):
        raise ArchError(f"the input shape is {shorten(shape)}; allowed: channels, height, width, each from 1 to 16384")
    return Shape(*found)


def _one_image(module: nn.Module) -> None:
    parameters = inspect.signature(module.forward).parameters.values()
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise ArchError(f"{type(module).__name__}.forward takes {', '.join(needed)}; allowed: one tensor of images")


@contextmanager
def _evaluated(module: nn.Module) -> Iterator[None]:
    training = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for child, was in training:
            child.training = was


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's own report of what it could not trace: the error that follows says it in a line."""
    loggers = [logging.getLogger(name) for name in ("torch.fx.experimental.symbolic_shapes", "torch._export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def _export(module: nn.Module, shape: Shape) -> ExportedProgram:
    import torch
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    tensors = [t for t in module.parameters() if t.is_floating_point()]
    like = {"dtype": tensors[0].dtype, "device": tensors[0].device} if tensors else {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        images = torch.empty(BATCH, *shape, **like)
    called = type(module).__name__
    with _quiet(), torch.no_grad():
        try:
            return torch.export.export(module, (images,), strict=False)
        except GuardOnDataDependentSymNode as error:
            raise ArchError(
                f"{called} branches on what the image holds ({_line(error)}); allowed: one path for all images"
            ) from None
        except Exception as error:
            first = error
        try:  # a symbolic trace leaves Python's side effects out, which export refuses
            return torch.export.export(torch.fx.symbolic_trace(module), (images,), strict=False)
        except Exception:
            raise ArchError(f"{called} does not run on {shape} images: {_line(first)}") from None


def _line(error: Exception) -> str:
    """The one line of a torch error that says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    code = [after for line, after in pairwise(lines) if line.startswith('File "')]
    text = code[-1] if code else lines[0] if lines else type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"


def _program(module: nn.Module, program: ExportedProgram) -> Program:
    signature = program.graph_signature
    tensors = dict(module.named_parameters(remove_duplicate=False))
    trained = set(tensors)
    tensors |= dict(module.named_buffers(remove_duplicate=False)) | program.constants
    tensors = {**program.state_dict, **tensors}  # the module's own, as an exported one may be a copy
    sources: dict[str, str] = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    return Program(type(module).__name__, program.graph, sources, tensors, trained)


def assemble(
    name: str, shape: Shape, steps: list[Step], stages: frozenset[str], parameters: Mapping[str, Tensor]
) -> Graph:
    """The graph of steps, named after where they run; `parameters` are all that the original has."""
    names = Names(stages)
    paths = {id(step): path for step, path in zip(steps, names.paths(steps))}
    b = Builder(name, shape)
    weights: dict[str, dict[str, Tensor]] = {}
    owners: dict[tuple[tuple[str, ...], ...], str] = {}
    shared: list[tuple[str, str]] = []
    for step in steps:
        path = paths[id(step)]
        assert step.op is not None
        b.add(path, step.op, *[INPUT if x.op is None else paths[id(x)] for x in step.inputs])
        if step.weights:
            weights[path] = {role: c.tensor for role, c in step.weights.items()}
            sources = tuple(c.sources for c in step.weights.values())
            if any(c.trained for c in step.weights.values()) and owners.setdefault(sources, path) != path:
                shared.append((path, owners[sources]))
    graph = b.graph()
    read = {s for step in steps for c in step.weights.values() for s in c.sources}
    unread = {} if any(isinstance(step.op, Opaque) for step in steps) else _unread(parameters, read)
    kinds = tuple((path, kind) for path, kind in names.kinds.items() if kind)
    return Graph(graph.name, graph.input, graph.nodes, kinds, shared=tuple(shared), weights=Weights(weights, unread))


def _unread(parameters: Mapping[str, Tensor], read: set[str]) -> dict[str, int]:
    """The parameters that no step has, under any of their names."""
    used = {id(parameters[name]) for name in read if name in parameters}
    once = {id(p): (name, p) for name, p in reversed(parameters.items())}
    return {name: p.numel() for name, p in reversed(once.values()) if id(p) not in used}
