"""An ONNX model → a program of ATen calls, which the importer then reads as it reads one that torch has exported.

Each node is rewritten as the ATen calls that do the same (`archs.interop.onnx.compute_rules`,
`archs.interop.onnx.layout_rules`), on fake tensors, so
that torch itself says every shape. Tensors that do not depend on the image, the sums over shapes that exporters leave
behind among them, are computed at once, within bounds.

A file made for one image runs here for `archs.interop.aten.steps.BATCH` of them, as all programs do: what an
operator does with the
first dimension would else be unknown. Sizes that have the file's batch written into them are put right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.interop.aten.program import Program
from archs.interop.aten.steps import BATCH
from archs.interop.onnx.files import tensor, tensors
from archs.interop.onnx.scopes import scopes
from archs.interop.rule_registry import Rulebook
from archs.ir.operator import Shape

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, fx

MAX_NODES = 20_000
MAX_COMPUTED = 2**26
"""Elements that operators on constants may give in all, beyond those of the file's tensors."""
MAX_SIDE = 16384
MAX_INTS = 4096


class Unknown(Exception):
    """An operator, or a use of one, that has no counterpart in ATen here."""


@dataclass(eq=False)
class Known:
    """A tensor that does not depend on the image: an initialiser, or what is computed of constants."""

    tensor: Tensor
    name: str = ""
    """The initialiser whose elements it has, in whatever shape; nothing for what is computed."""


Value = Any
"""An `fx.Node`, a `Known`, or None for an input that is left out."""


@dataclass
class Call:
    """One node of the file: its inputs and attributes, and ATen calls in its name."""

    trace: Trace
    proto: Any
    inputs: list[Value]
    attributes: dict[str, Any]
    stack: dict[str, tuple[str, str]]

    def __getitem__(self, index: int) -> Value:
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def op(self) -> str:
        return str(self.proto.op_type)

    @property
    def opset(self) -> int:
        return self.trace.opset

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def known(self, index: int) -> Tensor:
        """An input that must be a constant with its elements at hand."""
        value = self[index]
        if not isinstance(value, Known) or value.tensor.is_meta:
            raise Unknown
        return value.tensor

    def ints(self, index: int) -> list[int] | None:
        """An input of whole numbers; None where it is left out."""
        if self[index] is None:
            return None
        found = self.known(index)
        if found.numel() > MAX_INTS:
            raise Unknown
        return [int(v) for v in found.reshape(-1).tolist()]

    def number(self, index: int) -> float | None:
        """An input of one number, as its shortest spelling; None where it is left out."""
        if self[index] is None:
            return None
        found = self.known(index)
        if found.numel() != 1:
            raise Unknown
        return shortest(found.item())

    def shape(self, index: int = 0) -> tuple[int, ...]:
        return self.trace.shape(self[index])

    def aten(self, name: str, *args: Any, overload: str = "default", **kwargs: Any) -> Value:
        """An ATen call: its value, at once where no argument depends on the image."""
        return self.trace.aten(self, name, args, overload, kwargs)

    def item(self, value: Value, index: int) -> Value:
        """One of the tensors that a call gave."""
        return self.trace.item(self, value, index)


RULES = Rulebook()
"""By ONNX names."""
rule = RULES.rule


def shortest(value: Any) -> Any:
    """The number that a float of 32 bits was written as: 1e-05 for 9.99999974e-06."""
    import numpy

    return float(str(numpy.float32(value))) if isinstance(value, float) and abs(value) < 3e38 else value


class Foreign:
    """An operator that torch has not, in the place of an ATen one: it is never called."""

    def __init__(self, name: str):
        self.__name__ = self.__qualname__ = self.name = name
        self.__module__ = "onnx"

    def __str__(self) -> str:
        return self.name

    def __call__(self, *args: object) -> None:
        raise Unknown


@dataclass
class Trace:
    """Makes a program of a checked model, node by node."""

    model: Any
    folder: Path | None
    called: str
    wanted: Shape | None
    """The image's shape where the user says it; a file may leave its height and width open."""
    image: Shape = field(init=False)
    opset: int = field(init=False)
    batch: int | None = field(init=False)
    """How many images the file is made for; None where it leaves that open."""
    sources: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)
    values: dict[str, Value] = field(default_factory=dict)
    computed: int = 0

    def program(self) -> Program:
        import torch
        from torch import fx
        from torch._subclasses import FakeTensorMode

        graph = self.model.graph
        if len(graph.node) > MAX_NODES:
            raise ArchError(f"the file has {len(graph.node):,} operators; allowed: up to {MAX_NODES:,}")
        if graph.sparse_initializer:
            raise ArchError("the file has sparse weights; allowed: dense ones")
        if len(graph.output) != 1:
            found = ", ".join(o.name for o in graph.output)
            raise ArchError(f"the file gives {len(graph.output)} tensors ({shorten(found)}); allowed: one")
        self.opset = max(o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx"))
        self.graph, self.mode = fx.Graph(), FakeTensorMode()
        held = tensors(graph.initializer, self.folder)
        self.values = {name: Known(t.float() if t.is_floating_point() else t, name) for name, t in held.items()}
        self.declared = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.output)}
        self._placeholders: dict[int, tuple[Known, fx.Node]] = {}  # the constant too, so that its id stays its own
        self._image([i for i in graph.input if i.name not in held])
        stacks = scopes(graph.node)
        with torch.no_grad():
            for number, proto in enumerate(graph.node):
                self._node(proto, stacks[number], f"{shorten(proto.name or proto.op_type)} ({shorten(proto.op_type)})")
        output = self.values.get(graph.output[0].name)
        if not isinstance(output, fx.Node):
            raise ArchError(f"{self.called} gives what does not depend on the image; allowed: one tensor that does")
        self.graph.output((output,))
        return Program(self.called, self.graph, self.sources, self.tensors, self.trained)

    def _image(self, inputs: list[Any]) -> None:
        import torch
        from onnx import TensorProto

        if len(inputs) != 1:
            names = shorten(", ".join(i.name for i in inputs))
            raise ArchError(f"the file takes {len(inputs)} inputs {names}; allowed: one, a batch of images")
        tensor_type = inputs[0].type.tensor_type
        floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
        if tensor_type.elem_type not in floats:
            kind = TensorProto.DataType.Name(tensor_type.elem_type) if 0 <= tensor_type.elem_type < 20 else "unknown"
            raise ArchError(f"input {shorten(inputs[0].name)} has elements of kind {kind}; allowed: floats")
        dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor_type.shape.dim]
        if len(dims) != 4:
            raise ArchError(f"the input has {len(dims)} dimensions; allowed: 4, a batch of images")
        self.batch, *sides = dims
        names = ("channels", "height", "width")
        if self.wanted:
            for name, side, own in zip(names, sides, self.wanted):
                if side is not None and side != own:
                    raise ArchError(f"the file is made for {name} {side}, found {own} in the input shape")
            sides = list(self.wanted)
        for name, side in zip(names, sides):
            if side is None:
                raise ArchError(f"the file leaves the image's {name} open; allowed: give the input shape beside it")
            if not 1 <= side <= MAX_SIDE:
                raise ArchError(f"the image's {name} is {side}; allowed: 1 to {MAX_SIDE}")
        if self.batch is not None and self.batch < 1:
            self.batch = None
        self.image = Shape(*sides)
        node = self.graph.placeholder("image")
        with self.mode:
            node.meta["val"] = torch.empty(BATCH, *sides)
        self.values[inputs[0].name] = node

    def _node(self, proto: Any, stack: dict[str, tuple[str, str]], where: str) -> None:
        missing = [name for name in proto.input if name and name not in self.values]
        if missing:
            raise ArchError(f"{where} reads {shorten(missing[0])}, which nothing before it gives")
        attributes = {a.name: self._attribute(a, where) for a in proto.attribute}
        inputs = [self.values[name] if name else None for name in proto.input]
        call = Call(self, proto, inputs, attributes, stack)
        own = proto.domain in ("", "ai.onnx")
        try:
            if not own or proto.op_type not in RULES:
                raise Unknown
            found = RULES[proto.op_type](call)
        except Unknown:
            found = self._foreign(call, where)
        except ArchError:
            raise
        except Exception as error:  # what a hostile or a broken node makes of torch: no traceback
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ArchError(f"{where}: {line[:200]}") from None
        for name, value in zip(proto.output, found if isinstance(found, list) else [found]):
            if name in self.values and name:
                raise ArchError(f"{where} gives {shorten(name)}, which is there already; allowed: one node per name")
            self.values[name] = value

    def _attribute(self, a: Any, where: str) -> Any:
        if a.type in (a.GRAPH, a.GRAPHS):
            raise ArchError(f"{where} chooses or repeats graphs; allowed: one path for all images")
        if a.type == a.TENSOR:
            return tensor(a.t)
        if a.type == a.STRING:
            return a.s.decode("utf-8", "replace")
        if a.type == a.FLOAT:
            return shortest(a.f)
        if a.type == a.INT:
            return a.i
        if a.type == a.INTS:
            return list(a.ints)
        if a.type == a.FLOATS:
            return [shortest(v) for v in a.floats]
        return None

    # Calls

    def aten(self, call: Call, name: str, args: tuple[Any, ...], overload: str, kwargs: dict[str, Any]) -> Value:
        import torch

        target = getattr(getattr(torch.ops.aten, name), overload)
        fake = self._map(args, lambda v: v.meta["val"] if not isinstance(v, Known) else self._fake(v.tensor))
        with self.mode:
            value = target(*fake, **kwargs)
        if not any(self._leaves(args)):
            return self._computed(target, args, value)
        node = self.graph.call_function(target, tuple(self._map(args, self._operand)), kwargs)
        node.meta |= {"val": value, "nn_module_stack": call.stack}
        return node

    def item(self, call: Call, value: Value, index: int) -> Value:
        import operator

        if isinstance(value, list):
            return value[index]
        node = self.graph.call_function(operator.getitem, (value, index))
        node.meta |= {"val": value.meta["val"][index], "nn_module_stack": call.stack}
        return node

    def shape(self, value: Value) -> tuple[int, ...]:
        if value is None:
            raise Unknown
        return tuple(value.tensor.shape if isinstance(value, Known) else value.meta["val"].shape)

    def _computed(self, target: Any, args: tuple[Any, ...], fake: Any) -> Value:
        """A call on constants alone, done at once. What only moves one initialiser's elements keeps its name."""
        results = fake if isinstance(fake, (list, tuple)) else [fake]
        self.computed += sum(r.numel() for r in results)
        if self.computed > MAX_COMPUTED:
            raise ArchError(
                f"{self.called} computes over {MAX_COMPUTED:,} numbers of its constants; allowed: that many"
            )
        found = target(*self._map(args, lambda v: v.tensor))
        names = {leaf.name for leaf in self._constants(args)}
        moves = target.overloadpacket.__name__ in ("view", "reshape", "permute", "t", "squeeze", "unsqueeze")
        name = next(iter(names)) if moves and len(names) == 1 else ""
        if isinstance(found, (list, tuple)):
            return [Known(t) for t in found]
        return Known(found, name)

    def weight(self, value: Value, trained: bool = True) -> Value:
        """A constant as a parameter of the network, as far as an ONNX file says what is one."""
        if isinstance(value, Known):
            self._operand(value)
            if trained:
                self.trained.add(self.sources[self._placeholders[id(value)][1].name])
        return value

    def _operand(self, value: Value) -> fx.Node:
        """What stands for a value in the program: a constant is a placeholder with a tensor."""
        if not isinstance(value, Known):
            return value
        if id(value) not in self._placeholders:
            source = value.name or f"constant_{len(self.tensors)}"
            while source in self.tensors and self.tensors[source] is not value.tensor:
                source += "_"
            with self.graph.inserting_before(next(iter(self.graph.nodes))):
                node = self.graph.placeholder(f"held_{len(self._placeholders)}")
            node.meta["val"] = self._fake(value.tensor)
            self.sources[node.name], self.tensors[source] = source, value.tensor
            self._placeholders[id(value)] = value, node
        return self._placeholders[id(value)][1]

    def _fake(self, tensor: Tensor) -> Tensor:
        import torch

        with self.mode:
            return torch.empty(tuple(tensor.shape), dtype=tensor.dtype)

    def _map(self, value: Any, change: Callable[[Any], Any]) -> Any:
        from torch import fx

        if isinstance(value, (list, tuple)):
            return type(value)(self._map(v, change) for v in value)
        return change(value) if isinstance(value, (Known, fx.Node)) else value

    def _leaves(self, value: Any) -> list[bool]:
        """For each tensor among arguments whether it depends on the image."""
        if isinstance(value, (list, tuple)):
            return [leaf for v in value for leaf in self._leaves(v)]
        return [not isinstance(value, Known)] if hasattr(value, "meta") or isinstance(value, Known) else []

    def _constants(self, value: Any) -> list[Known]:
        if isinstance(value, (list, tuple)):
            return [leaf for v in value for leaf in self._constants(v)]
        return [value] if isinstance(value, Known) else []

    # What is unknown

    def _foreign(self, call: Call, where: str) -> Any:
        """An operator that is not translated, as one that the importer shows as opaque: its shape is the file's."""
        import torch

        read = [v for v in call.inputs if v is not None]
        if not any(self._leaves(read)):
            raise ArchError(f"{where} computes with constants what is not computed here")
        domain = f"{call.proto.domain}." if call.proto.domain else ""
        values = []
        for name in call.proto.output:
            sizes = self._declared(name)
            if sizes is None and name:
                raise ArchError(
                    f"{where} is unknown here and the file does not say its output's shape; allowed: a file with "
                    "shapes (onnx.shape_inference.infer_shapes writes them)"
                )
            with self.mode:
                values.append(torch.empty(sizes or (BATCH, 1)))
        node = self.graph.call_function(Foreign(f"{domain}{call.op}"), tuple(self._operand(v) for v in read))
        node.meta |= {"val": values[0] if len(values) == 1 else values, "nn_module_stack": call.stack}
        return node if len(values) == 1 else [self.item(call, node, i) for i in range(len(values))]

    def _declared(self, name: str) -> tuple[int, ...] | None:
        if name not in self.declared or not self.declared[name].HasField("shape"):
            return None
        first, *rest = [d.dim_value if d.HasField("dim_value") else None for d in self.declared[name].shape.dim] or [0]
        if any(side is None or not 1 <= side <= MAX_SIDE**2 for side in rest) or prod(rest) >= 2**40:
            return None
        first = BATCH if first == self.batch or first is None else first
        return (first, *rest) if 1 <= first <= MAX_SIDE**2 else None

    # The batch

    def for_batch(self, shape: tuple[int, ...], target: list[int]) -> list[int]:
        """Sizes that have the file's own batch written into them, for a tensor of `shape` with the batch here."""
        if self.batch is None or not shape or 0 in target:
            return target
        if shape[0] == BATCH and target[0] == self.batch:
            return [BATCH, *target[1:]]
        if -1 in target or prod(target) == prod(shape):
            return target
        axis = next((i for i, side in enumerate(shape) if side % BATCH == 0), None)
        if axis is None:
            return target
        before = prod(shape[:axis])
        for place, side in enumerate(target):
            if prod(target[:place]) == before and side % self.batch == 0:
                return [*target[:place], side // self.batch * BATCH, *target[place + 1 :]]
        return target


def trace(model: Any, folder: Path | None, called: str, wanted: Shape | None) -> tuple[Program, Shape]:
    """The program of a checked model, and its image's shape."""
    # Imported for their effect: they register their rules
    from archs.interop.onnx import compute_rules, layout_rules  # noqa: F401

    tracer = Trace(model, folder, called, wanted)
    return tracer.program(), tracer.image
