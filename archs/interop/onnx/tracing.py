"""An ONNX model → a program of ATen calls, which the importer then reads as it reads one that torch has exported.

Each node is rewritten as the ATen calls that do the same, by the rules. A file made for one image is run for
`archs.interop.aten.steps.BATCH` of them, as all programs are, because one image would hide what an operator does to the
first dimension; sizes that have the file's batch written into them are replaced.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.interop.aten.program import Program
from archs.interop.aten.steps import BATCH
from archs.interop.onnx import duplicates, image_count
from archs.interop.onnx.call import RULES, OnnxCall, shortest
from archs.interop.onnx.emitter import Emitter, Known, Stack, UnsupportedNode, Value
from archs.interop.onnx.files import tensor, tensors
from archs.interop.onnx.local_functions import MAX_NODES
from archs.interop.onnx.rules import (  # noqa: F401 they register their rules
    elementwise,
    layer,
    layout,
    pooling,
    quantized,
    recurrent,
    resize,
    shape,
)
from archs.interop.onnx.scopes import scopes
from archs.ir.operator import Shape

if TYPE_CHECKING:
    from torch import Tensor

OWN_PARAMETERS = frozenset(
    ("Conv", "ConvTranspose", "Gemm", "BatchNormalization", "InstanceNormalization", "GroupNormalization",
     "LayerNormalization", "PRelu")
)  # fmt: skip
"""Operators whose constant inputs are parameters of one module."""
MAX_SIDE = 16384
MAX_LISTED = 4
"""Tensors that a note names."""
EVERY = 200  # operators between two reports of progress

Progress = Callable[[float, str], None]


class Trace:
    """Makes a program of a checked model, node by node. `wanted`: the image's shape where the user says it."""

    def __init__(self, model: Any, initializers: dict[str, Tensor], called: str, wanted: Shape | None, images: int):
        graph = model.graph
        self._graph = graph
        self._called = called
        self._bytes = {name: t.numel() * t.element_size() for name, t in initializers.items()}
        self._values: dict[str, Value] = {
            name: Known(t.float() if t.is_floating_point() else t, name) for name, t in initializers.items()
        }
        self._merged = merged(graph.node, initializers)
        self._declared = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.output)}
        image = _only_input([i for i in graph.input if i.name not in initializers])
        self.batch, self.image = _image(image, wanted)
        opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self._emitter = Emitter(called, opset, self.batch, images)
        self._values[image.name] = self._emitter.image(self.image)
        self._again = duplicates.stored_again(initializers)
        for name, (owner, moves) in self._again.same.items():
            value = self._values[owner]
            for move, numbers in moves:
                value = self._emitter.aten({}, move, (value, numbers), "default", {})
            self._values[name] = value

    def program(self, progress: Progress) -> Program:
        import torch
        from torch import fx

        stacks = scopes(self._graph.node)
        with torch.no_grad(), _without_torchs_log():
            for number, (proto, stack) in enumerate(zip(self._graph.node, stacks)):
                if number % EVERY == 0:
                    progress(number / len(stacks), f"operator {number:,} of {len(stacks):,}")
                self._emitter.where = f"{shorten(proto.name or proto.op_type)} ({shorten(proto.op_type)})"
                self._node(proto, stack, self._emitter.where)
        names = [o.name for o in self._graph.output]
        made = self._emitter
        given = [self._values.get(name) for name in names]
        if not any(isinstance(value, fx.Node) for value in given):
            raise ArchError(f"{self._called} gives what does not depend on the image; allowed: a tensor that does")
        made.share_parameters()
        made.graph.output(tuple(map(made.operand, given)))
        stored = sum(self._bytes.get(name, 0) for name in made.trained)
        tensors = made.sources, made.tensors, made.trained
        return Program(self._called, made.graph, *tensors, stored_bytes=stored, outputs=names, note=self._note())

    def _note(self) -> str:
        """What was taken for one parameter, or for several, though the file does not say."""
        same = [(name, owner) for name, (owner, _) in self._again.same.items()]
        said = {
            "read as one parameter, as the file stores it twice": same,
            "counted each, though equal in every element, as copies are before a training": self._again.equal.items(),
        }
        return "; ".join(f"{words}: {_listed(pairs)}" for words, pairs in said.items() if pairs)

    def _node(self, proto: Any, stack: Stack, where: str) -> None:
        missing = [name for name in proto.input if name and name not in self._values]
        if missing:
            raise ArchError(f"{where} reads {shorten(missing[0])}, which nothing before it gives")
        attributes = {a.name: _attribute(a, where) for a in proto.attribute}
        inputs = [self._values[name] if name else None for name in proto.input]
        for place in self._merged.get(proto.output[0] if proto.output else "", ()):
            one = self._values[proto.input[place]]
            inputs[place] = Known(one.tensor, f"{one.name} {place} of {proto.output[0]}")
        call = OnnxCall(self._emitter, proto, inputs, attributes, stack)
        name = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
        try:
            if name not in RULES:
                raise UnsupportedNode
            found = RULES[name](call)
            if call.unread:
                raise UnsupportedNode
        except UnsupportedNode:
            found = self._untranslated(call, where)
        except ArchError:
            raise
        except Exception as error:  # what a hostile or a broken node makes of torch: no traceback
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ArchError(f"{where}: {line[:200]}") from None
        for name, value in zip(proto.output, found if isinstance(found, list) else [found]):
            if name in self._values and name:
                raise ArchError(f"{where} gives {shorten(name)}, which is there already; allowed: one node per name")
            self._values[name] = value

    def _untranslated(self, call: OnnxCall, where: str) -> Any:
        """An operator without a rule: its outputs' shapes are those that the file declares."""
        read = [v for v in call.inputs if v is not None]
        if not self._emitter.depends_on_image(read):
            raise ArchError(f"{where} computes with constants what is not computed here")
        sizes: list[tuple[int, ...]] = []
        for name in call.proto.output:
            declared = self._declared_shape(name)
            if declared is None and name:
                raise ArchError(
                    f"{where} is unknown here and the file does not say its output's shape; allowed: a file with "
                    "shapes (onnx.shape_inference.infer_shapes writes them)"
                )
            sizes.append(declared or (self._emitter.images, 1))
        domain = f"{call.proto.domain}." if call.proto.domain else ""
        return self._emitter.untranslated(f"{domain}{call.op}", read, sizes, call.stack)

    def _declared_shape(self, name: str) -> tuple[int, ...] | None:
        if name not in self._declared or not self._declared[name].HasField("shape"):
            return None
        dims = self._declared[name].shape.dim
        sides: list[Any] = [d.dim_value if d.HasField("dim_value") else None for d in dims]  # None: a named size
        first, *rest = sides or [0]
        if any(side is None or not 1 <= side <= MAX_SIDE**2 for side in rest) or prod(rest) >= 2**40:
            return None
        first = self._emitter.images if first == self._emitter.batch or first is None else first
        return (first, *rest) if 1 <= first <= MAX_SIDE**2 else None


def _listed(pairs: Collection[tuple[str, str]]) -> str:
    shown = [f"{shorten(name)} as {shorten(owner)}" for name, owner in islice(pairs, MAX_LISTED)]
    return ", ".join([*shown, "…"] if len(pairs) > MAX_LISTED else shown)


def merged(nodes: Any, initializers: dict[str, Tensor]) -> dict[str, list[int]]:
    """First output of a node → its inputs that are parameters of its own, though the file has one tensor for many.

    An exporter that merges equal tensors leaves one set of ones and one of zeros for all norms of a network that was
    not trained. Nodes that share a tensor of different elements share their other parameters as well.
    """
    readers: dict[str, list[str]] = {}
    names = {name: name for name in initializers}  # and others for the same tensor
    for proto in nodes:
        if proto.op_type == "Identity" and proto.output and proto.input and proto.input[0] in names:
            names[proto.output[0]] = names[proto.input[0]]
        for name in proto.input[1:]:
            if name in names and proto.output:
                readers.setdefault(names[name], []).append(proto.output[0])
    uniform = {
        name
        for name, by in readers.items()
        if len(by) > 1
        and initializers[name].dim() == 1
        and not initializers[name].is_meta
        and len(initializers[name].unique()) == 1
    }
    found: dict[str, list[int]] = {}
    for proto in nodes if uniform else ():
        given = [names.get(name, "") for name in proto.input]
        tied = any(len(set(readers[name])) > 1 for name in given[1:] if name in readers and name not in uniform)
        places = [i for i, name in enumerate(given) if i and name in uniform]
        if proto.op_type in OWN_PARAMETERS and places and not tied:
            found[proto.output[0]] = places
    return found


@contextmanager
def _without_torchs_log() -> Iterator[None]:
    """Torch logs a traceback for a call that does not fit its shapes, before it raises."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _attribute(a: Any, where: str) -> Any:
    if a.type in (a.GRAPH, a.GRAPHS):
        raise ArchError(f"{where} chooses or repeats graphs; allowed: one path for all images")
    if a.type == a.TENSOR:
        return tensor(a.t)
    if a.type == a.STRING:
        return a.s.decode("utf-8", "replace")
    if a.type == a.STRINGS:
        return [s.decode("utf-8", "replace") for s in a.strings]
    if a.type == a.FLOAT:
        return shortest(a.f)
    if a.type == a.INT:
        return a.i
    if a.type == a.INTS:
        return list(a.ints)
    if a.type == a.FLOATS:
        return [shortest(v) for v in a.floats]
    return None


def _only_input(inputs: list[Any]) -> Any:
    from onnx import TensorProto

    if len(inputs) != 1:
        names = shorten(", ".join(i.name for i in inputs))
        raise ArchError(f"the file takes {len(inputs)} inputs {names}; allowed: one, a batch of images")
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in floats:
        name = TensorProto.DataType.Name(kind) if 0 <= kind < 20 else "unknown"
        raise ArchError(f"input {shorten(inputs[0].name)} has elements of kind {name}; allowed: floats")
    return inputs[0]


def _image(image: Any, wanted: Shape | None) -> tuple[int | None, Shape]:
    """The batch that the file is made for, None where it leaves that open, and the shape of one image."""
    dims = [d.dim_value if d.HasField("dim_value") else None for d in image.type.tensor_type.shape.dim]
    if len(dims) != 4:
        raise ArchError(f"the input has {len(dims)} dimensions; allowed: 4, a batch of images")
    batch, *sides = dims
    found: list[int] = []
    for i, (name, side) in enumerate(zip(("channels", "height", "width"), sides)):
        if wanted:
            if side is not None and side != wanted[i]:
                if [wanted[1], wanted[2], wanted[0]] == sides:
                    raise ArchError(
                        f"the file takes images as height, width, channels ({', '.join(map(str, sides))}), found the "
                        f"shape {wanted} of channels, height, width; allowed: a file of channels first, which tf2onnx "
                        f"writes with --inputs-as-nchw {shorten(image.name)}"
                    )
                raise ArchError(f"the file is made for {name} {side}, found {wanted[i]} in the input shape")
            side = wanted[i]
        if side is None:
            raise ArchError(f"the file leaves the image's {name} open; allowed: give the input shape beside it")
        if not 1 <= side <= MAX_SIDE:
            raise ArchError(f"the image's {name} is {side}; allowed: 1 to {MAX_SIDE}")
        found.append(side)
    return (batch if batch is not None and batch >= 1 else None), Shape(*found)


def trace(
    model: Any, folder: Path | None, called: str, wanted: Shape | None, progress: Progress
) -> tuple[Program, Shape]:
    """The program of a checked model, and its image's shape."""
    graph = model.graph
    if len(graph.node) > MAX_NODES:
        raise ArchError(f"the file has {len(graph.node):,} operators; allowed: up to {MAX_NODES:,}")
    if graph.sparse_initializer:
        raise ArchError("the file has sparse weights; allowed: dense ones")
    if not graph.output:
        raise ArchError("the file gives no tensor; allowed: one or several")
    initializers = tensors(graph.initializer, folder)
    tracer = Trace(model, initializers, called, wanted, BATCH)
    program = tracer.program(progress)
    if any(node.op_type in image_count.READERS for node in graph.node):
        other = Trace(model, initializers, called, wanted, image_count.second(tracer.batch))
        image_count.check(program, other.program(lambda share, step: None))
    return program, tracer.image
