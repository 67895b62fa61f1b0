"""Values of a program's nodes under in-place operators: which nodes are views of one memory, and what a write changes.

Nodes whose fake tensors have one storage are one memory. A write into a view is put into the tensors that it is a view
of, as a new value; the other views of the memory are computed again when they are next read. No operators here but
those that put a written part back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from archs.interop.aten.call import AtenCall, UnsupportedCall
from archs.interop.aten.rules.layout import alike
from archs.interop.aten.steps import Constant, Step
from archs.ir import ops

if TYPE_CHECKING:
    from torch import fx


class Memory:
    """Node → value, each as of the last write into its memory. `replay` computes a view of other values again."""

    def __init__(self, replay: Callable[[fx.Node], Any]):
        self._replay = replay
        self._values: dict[fx.Node, Any] = {}
        self._seen: dict[fx.Node, int] = {}
        self._version: dict[int, int] = {}
        self._viewed: dict[fx.Node, fx.Node] = {}
        self._joined: dict[int, int] = {}  # storage of another name of a tensor → the tensor's storage
        self._named_again: set[fx.Node] = set()

    def storage(self, node: fx.Node) -> int | None:
        """A number per memory; None for what is no tensor."""
        value: Any = node.meta.get("val")
        while isinstance(value, (list, tuple)) and value:
            value = value[0]
        if not hasattr(value, "untyped_storage"):
            return None
        key = value.untyped_storage()._cdata
        return self._joined.get(key, key)

    def place(self, node: fx.Node, value: Any, source: fx.Node | None = None) -> None:
        """The value of a new node; `source`: the node that it is another name of."""
        if source is not None and (outer := self.storage(source)) is not None and node.meta.get("val") is not None:
            inner = self.storage(node)
            if inner is not None and inner != outer:
                self._joined[inner] = outer
            self._named_again.add(node)
        self._values[node] = value
        key = self.storage(node)
        if key is None:
            return
        self._seen[node] = self._version.get(key, 0)
        parent = source or next((n for n in node.all_input_nodes if self.storage(n) == key), None)
        if parent is not None:
            self._viewed[node] = parent

    def __getitem__(self, node: fx.Node) -> Any:
        key = self.storage(node)
        if key is not None and self._seen[node] < self._version.get(key, 0):
            self._seen[node] = self._version[key]
            if node in self._named_again:
                self._values[node] = self[self._viewed[node]]
            elif node in self._viewed:
                self._values[node] = self._replay(node)
        return self._values[node]

    def write(self, target: fx.Node, value: Any, call: AtenCall) -> None:
        """After an in-place operator: the value of the target, and of the tensors that it is a view of.

        Raises UnsupportedCall for a view into which no operator here can put a part back.
        """
        key = self.storage(target)
        assert key is not None
        parents = self._parents(target)
        written = {target: value}
        try:  # at once, else from each view to the one before it
            if parents:
                written[parents[-1]] = _put_back(call, parents[-1], target, self[parents[-1]], value)
        except UnsupportedCall:
            for child, parent in pairwise([target, *parents]):
                written[parent] = _put_back(call, parent, child, self[parent], written[child])
        self._version[key] = self._version.get(key, 0) + 1
        for node, new in written.items():
            self._values[node], self._seen[node] = new, self._version[key]

    def _parents(self, node: fx.Node) -> list[fx.Node]:
        """The tensors that a node is a view of, the nearest first."""
        found = []
        parent = self._viewed.get(node)
        while parent is not None:
            if not isinstance(parent.meta["val"], (list, tuple)):
                found.append(parent)
            parent = self._viewed.get(parent)
        return found


def _put_back(call: AtenCall, base: fx.Node, target: fx.Node, old: Any, part: Any) -> Any:
    """The value of `base` with `part` in the place of its view `target`."""
    whole, view = base.meta["val"], target.meta["val"]
    if isinstance(whole, (list, tuple)) or isinstance(view, (list, tuple)):
        raise UnsupportedCall
    if tuple(view.shape) == tuple(whole.shape) and view.stride() == whole.stride():
        return part
    if isinstance(part, Constant) and isinstance(old, Constant):
        return _scattered(old, part, whole, view)
    if not isinstance(part, Step) or part.folded or (isinstance(old, Step) and old.folded):
        raise UnsupportedCall
    if view.numel() == whole.numel():
        if view.is_contiguous() and whole.is_contiguous() and view.shape[0] == whole.shape[0]:
            sizes = tuple(whole.shape[1:])
            return call.step(ops.View(sizes) if len(sizes) > 1 else ops.Flatten(), part)
        if view.dim() == whole.dim() and view.stride(0) == whole.stride(0):  # a permutation
            left = list(zip(view.shape, view.stride()))[1:]
            axes = [left.index(wanted) for wanted in list(zip(whole.shape, whole.stride()))[1:] if wanted in left]
            if sorted(axes) == list(range(len(left))):
                return call.step(ops.Permute(tuple(axes)), part)
        raise UnsupportedCall
    return _inserted(call, old, part, whole, view)


def _scattered(old: Constant, part: Constant, whole: Any, view: Any) -> Constant:
    """A constant with another one in the place of a view of it."""
    import torch

    scatter = torch.ops.aten.as_strided_scatter.default
    places = list(view.shape), list(view.stride()), view.storage_offset() - whole.storage_offset()
    if not whole.is_contiguous() or part.tensor.shape != view.shape:
        raise UnsupportedCall
    tensor = scatter(old.tensor.clone(memory_format=torch.contiguous_format), part.tensor, *places)
    sources = tuple(dict.fromkeys((*old.sources, *part.sources)))
    depends = old.depends_on_parameters or part.depends_on_parameters
    return Constant(tensor, sources, depends_on_parameters=depends, made=(scatter, (old, part, *places), {}))


def _inserted(call: AtenCall, old: Any, part: Step, whole: Any, view: Any) -> Step:
    """A part that is a range along one dimension or several, put back by concatenation."""
    sizes, strides = list(view.shape), list(view.stride())
    for dim in range(1, whole.dim()):  # a selection: its dimension comes back with a side of 1
        if len(sizes) < whole.dim() and (dim >= len(sizes) or strides[dim] != whole.stride(dim)):
            sizes, strides = [*sizes[:dim], 1, *sizes[dim:]], [*strides[:dim], whole.stride(dim), *strides[dim:]]
    if len(strides) != whole.dim() or sizes[0] != whole.shape[0] or strides[0] != whole.stride(0):
        raise UnsupportedCall
    offset = view.storage_offset() - whole.storage_offset()
    ranges = {}
    for axis in sorted(range(whole.dim() - 1), key=lambda a: -whole.stride(a + 1)):
        size, side, stride = sizes[axis + 1], whole.shape[axis + 1], whole.stride(axis + 1)
        step, rest = divmod(strides[axis + 1] if size > 1 else stride, stride)
        if rest:
            raise UnsupportedCall
        start, offset = divmod(offset, stride) if size < side else (0, offset)
        if start + (size - 1) * step >= side:  # along two axes at once, as a diagonal
            raise UnsupportedCall
        if size < side:
            ranges[axis] = slice(start, start + (size - 1) * step + 1, step)
    if offset:
        raise UnsupportedCall
    if tuple(part.shape) != tuple(sizes[1:]):
        part = call.step(ops.View(tuple(sizes[1:])), part)
    old = alike(call, part, old) if isinstance(old, Constant) else old
    return _filled(call, old, part, sorted(ranges.items()))


def _filled(call: AtenCall, old: Step, part: Step, ranges: list[tuple[int, slice]]) -> Step:
    """`old` with `part` in a range of each of the axes."""
    if not ranges:
        return part
    (axis, places), *rest = ranges
    start, stop, step, side = places.start, places.stop, places.step, old.shape[axis]
    middle = _filled(call, call.step(ops.Slice(axis, start, stop, step), old) if rest else old, part, rest)
    if step > 1:
        arguments = ("$0", "$1", axis + 1, start, stop, step)
        return call.step(ops.TensorFunction("slice_scatter.default", old.shape, arguments), old, middle)
    pieces = [middle]
    if start:
        pieces.insert(0, call.step(ops.Slice(axis, 0, start), old))
    if stop < side:
        pieces.append(call.step(ops.Slice(axis, stop, side), old))
    return call.step(ops.Concat(axis), *pieces)
