"""Emits ATen calls on fake tensors into an fx graph, so that torch itself says every shape.

Values that do not depend on the image are computed at once, within bounds. What ONNX operators become is in the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.interop.aten.steps import BATCH
from archs.interop.unique_names import UniqueNames

if TYPE_CHECKING:
    from torch import Tensor, fx

Stack = dict[str, tuple[str, str]]
"""OnnxCall of a module → its path and class, outermost first: torch's `nn_module_stack`."""

MAX_COMPUTED = 2**26
"""Elements that operators on constants may give in all, beyond those of the file's tensors."""


class UnsupportedNode(Exception):
    """An operator, or a use of one, that has no counterpart in ATen here."""


@dataclass(eq=False)
class Known:
    """A tensor that does not depend on the image: an initialiser, or what is computed of constants."""

    tensor: Tensor
    name: str = ""
    """The initialiser whose elements it has, in whatever shape; nothing for what is computed."""


Value = Any
"""An `fx.Node`, a `Known`, or None for an input that is left out."""


class Untranslated:
    """An operator that torch has not, in the place of an ATen one: it is never called."""

    def __init__(self, name: str):
        self.__name__ = self.__qualname__ = self.name = name
        self.__module__ = "onnx"

    def __str__(self) -> str:
        return self.name

    def __call__(self, *args: object) -> None:
        raise UnsupportedNode


class Emitter:
    """The program so far: an fx graph, and the tensors that its placeholders stand for."""

    def __init__(self, called: str, opset: int, batch: int | None, images: int = BATCH):
        from torch import fx
        from torch._subclasses import FakeTensorMode

        self.called = called
        self.opset = opset
        self.batch = batch
        """How many images the file is made for; None where it leaves that open."""
        self.images = images
        """How many images the program is made for."""
        self.where = ""
        """The node of the file that is emitted."""
        self.graph, self.mode = fx.Graph(), FakeTensorMode()
        self.sources: dict[str, str] = {}
        self.tensors: dict[str, Tensor] = {}
        self.trained: set[str] = set()
        self._computed_elements = 0
        self._made: dict[object, tuple[list[Known], Known]] = {}
        self._moves: dict[int, tuple[Any, tuple[Any, ...]]] = {}  # id of what moves elements → how it is made
        self._parts: dict[object, tuple[Known, Known]] = {}
        self._matrices: dict[tuple[int, ...], list[tuple[Known, bool]]] = {}
        self._taken = UniqueNames()
        self._source_of: dict[tuple[str, int], str] = {}  # name and identity of a tensor → its name in `tensors`
        # the constant too, so that its id stays its own
        self._placeholders: dict[int, tuple[Known, fx.Node]] = {}

    @contextmanager
    def _faking(self) -> Iterator[None]:
        """Calls on fake tensors. Without inference mode each view of a chain keeps functions of all before it."""
        import torch

        with torch.inference_mode(), self.mode:
            yield

    def image(self, sides: tuple[int, ...]) -> Value:
        """The placeholder of the batch of images."""
        import torch

        node = self.graph.placeholder("image")
        with self._faking():
            node.meta["val"] = torch.empty(self.images, *sides)
        return node

    def untranslated(self, name: str, read: list[Value], sizes: list[tuple[int, ...]], stack: Stack) -> Value:
        """An operator without a counterpart, which the reader shows as opaque; a list where it has several outputs."""
        import torch

        with self._faking():
            values = [torch.empty(size) for size in sizes]
        node = self.graph.call_function(Untranslated(name), tuple(self.operand(v) for v in read))
        node.meta |= {"val": values[0] if len(values) == 1 else values, "nn_module_stack": stack, "where": self.where}
        return node if len(values) == 1 else [self.item(stack, node, i) for i in range(len(values))]

    def shaped(
        self, stack: Stack, name: str, args: tuple[Any, ...], overload: str, sizes: Sequence[Sequence[int]]
    ) -> Value:
        """A call whose tensors have known sizes: torch would go through a layer's places one by one to say them."""
        import torch

        target = getattr(getattr(torch.ops.aten, name), overload)
        node = self.graph.call_function(target, tuple(self._map(args, self.operand)))
        with self._faking():
            values = [torch.empty(tuple(size)) for size in sizes]
        node.meta |= {"val": values, "nn_module_stack": stack, "where": self.where}
        return node

    def aten(self, stack: Stack, name: str, args: tuple[Any, ...], overload: str, kwargs: dict[str, Any]) -> Value:
        import torch

        target = getattr(getattr(torch.ops.aten, name), overload)
        fake = self._map(args, lambda v: v.meta["val"] if not isinstance(v, Known) else self._fake(v.tensor))
        with self._faking():
            value = target(*fake, **kwargs)
        if not self.depends_on_image(args):
            return self._computed(target, args, value)
        node = self.graph.call_function(target, tuple(self._map(args, self.operand)), kwargs)
        node.meta |= {"val": value, "nn_module_stack": stack, "where": self.where}
        return node

    def item(self, stack: Stack, value: Value, index: int) -> Value:
        import operator

        if isinstance(value, list):
            return value[index]
        node = self.graph.call_function(operator.getitem, (value, index))
        node.meta |= {"val": value.meta["val"][index], "nn_module_stack": stack, "where": self.where}
        return node

    def shape(self, value: Value) -> tuple[int, ...]:
        if value is None:
            raise UnsupportedNode
        return tuple(value.tensor.shape if isinstance(value, Known) else value.meta["val"].shape)

    def _computed(self, target: Any, args: tuple[Any, ...], fake: Any) -> Value:
        """A call on constants alone, done at once. What only moves one initialiser's elements keeps its name."""
        leaves = self._constants(args)
        moves = target.overloadpacket.__name__ in ("view", "reshape", "permute", "t", "squeeze", "unsqueeze", "flip")
        key = (target, tuple(map(id, leaves)), repr(self._map(args, lambda v: None)))
        if key in self._made:  # one parameter that several nodes read in this form stays one
            return self._made[key][1]
        results = fake if isinstance(fake, (list, tuple)) else [fake]
        self._computed_elements += sum(r.numel() for r in results)
        if self._computed_elements > MAX_COMPUTED:
            raise ArchError(
                f"{self.called} computes over {MAX_COMPUTED:,} numbers of its constants; allowed: that many"
            )
        found = target(*self._map(args, lambda v: v.tensor))
        names = {leaf.name for leaf in leaves}
        name = next(iter(names)) if moves and len(names) == 1 else ""
        if isinstance(found, (list, tuple)):
            return [Known(t) for t in found]
        made = Known(found, name)
        if name:
            self._moves[id(made)] = target, args
        self._made[key] = leaves, made  # the leaves too, so that their ids stay their own
        return made

    def weight(self, value: Value, trained: bool = True) -> Value:
        """A constant as a parameter of the network, as far as an ONNX file says what is one."""
        if isinstance(value, Known):
            self.operand(value)
            if trained:
                self.trained.add(self.sources[self._placeholders[id(value)][1].name])
        return value

    def share_parameters(self) -> None:
        """Lets a parameter that is read in several forms be one: the other forms become calls on it."""
        first = next((node for node in self.graph.nodes if node.op != "placeholder"), None)
        forms: dict[str, list[Known]] = {}
        for known, node in self._placeholders.values():
            if known.name and self.sources[node.name] in self.trained:
                forms.setdefault(known.name, []).append(known)
        for known in [known for group in forms.values() if len(group) > 1 for known in group]:
            if id(known) in self._moves and first is not None:
                self._computed_from_parameter(known, first)

    def _computed_from_parameter(self, known: Known, first: fx.Node) -> None:
        """Makes a form a call before `first`, behind those of the forms that it is made of."""
        target, args = self._moves[id(known)]
        held = self.operand(known)
        if held.op != "placeholder":  # made for another form
            return
        for leaf in self._constants(args):
            if id(leaf) in self._moves:
                self._computed_from_parameter(leaf, first)
            else:
                self.weight(leaf)
        with self.graph.inserting_before(first):
            made = self.graph.call_function(target, tuple(self._map(args, self.operand)))
        made.meta |= {"val": held.meta["val"], "nn_module_stack": {}, "where": held.meta["where"]}
        held.replace_all_uses_with(made)
        self.trained.discard(self.sources.pop(held.name))
        self.graph.erase_node(held)
        self._placeholders[id(known)] = known, made

    def part(self, value: Known, key: object, made: Known) -> Known:
        """A part of a constant, just made: the first one that was made of the same part, where there is one."""
        # the constant too, so that its id stays its own
        return self._parts.setdefault((id(value), key), (value, made))[1]

    def matrix(self, value: Value, turned: bool) -> Value:
        """The weight of a linear layer, which exporters store a second time where it is also read `turned`."""
        import torch

        if not isinstance(value, Known) or value.tensor.is_meta:
            return value
        same = self._matrices.setdefault(self.shape(value), [])
        for known, way in same:
            if way != turned and torch.equal(known.tensor, value.tensor) and len(value.tensor.unique()) > 1:
                return known
        same.append((value, turned))
        return value

    def operand(self, value: Value) -> fx.Node:
        """What stands for a value in the program: a constant is a placeholder with a tensor."""
        if not isinstance(value, Known):
            return value
        if id(value) not in self._placeholders:
            source = self._source(value)
            with self.graph.inserting_before(next(iter(self.graph.nodes))):
                node = self.graph.placeholder(f"held_{len(self._placeholders)}")
            node.meta |= {"val": self._fake(value.tensor), "where": self.where}
            self.sources[node.name], self.tensors[source] = source, value.tensor
            self._placeholders[id(value)] = value, node
        return self._placeholders[id(value)][1]

    def _source(self, value: Known) -> str:
        """The name of a constant's tensor, unique among the tensors of the program."""
        key = value.name, id(value.tensor)
        if key not in self._source_of:
            self._source_of[key] = self._taken.take(value.name or f"constant_{len(self.tensors)}")
        return self._source_of[key]

    def _fake(self, tensor: Tensor) -> Tensor:
        import torch

        with self._faking():
            return torch.empty(tuple(tensor.shape), dtype=tensor.dtype)

    def _map(self, value: Any, change: Callable[[Any], Any]) -> Any:
        from torch import fx

        if isinstance(value, (list, tuple)):
            return type(value)(self._map(v, change) for v in value)
        return change(value) if isinstance(value, (Known, fx.Node)) else value

    def depends_on_image(self, value: Any) -> bool:
        """Whether a value, or one of a list of them, is no constant."""
        if isinstance(value, (list, tuple)):
            return any(self.depends_on_image(v) for v in value)
        return hasattr(value, "meta")

    def _constants(self, value: Any) -> list[Known]:
        if isinstance(value, (list, tuple)):
            return [leaf for v in value for leaf in self._constants(v)]
        return [value] if isinstance(value, Known) else []

    def for_batch(self, shape: tuple[int, ...], target: list[int]) -> list[int]:
        """Sizes that have the file's own batch written into them, for a tensor of `shape` with the batch here."""
        if self.batch is None or not shape or 0 in target:
            return target
        if shape[0] == self.images and target[0] == self.batch:
            return [self.images, *target[1:]]
        if -1 in target or prod(target) == prod(shape):
            return target
        axis = next((i for i, side in enumerate(shape) if side % self.images == 0), None)
        if axis is None:
            return target
        before, covered = prod(shape[:axis]), shape[axis] // self.images * self.batch
        places = [place for place in range(len(target)) if prod(target[:place]) == before]
        if not places:
            return target
        parts = [p for p in range(places[0], len(target)) if prod(target[places[0] : p + 1]) <= covered]
        for place in [p for p in parts if target[p] == self.batch] + places:
            side = target[place]
            if side % self.batch == 0:
                if place and place == len(target) - 1 and side > self.batch:  # features are no images' parts
                    place, side = place - 1, target[place - 1] * self.batch
                return [*target[:place], side // self.batch * self.images, *target[place + 1 :]]
        return target
