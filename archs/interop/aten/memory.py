"""Values of a program's nodes under in-place operators: which nodes are views of one memory, and what a write changes.

Nodes whose fake tensors have one storage are one memory. A write into a view is put into the tensors that it is a view
of, as a new value; the other views of the memory are computed again when they are next read. No operators here but
those that put a written part back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archs.interop.aten.call import AtenCall, UnsupportedCall
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
        self._joined: dict[int, int] = {}  # storage of an inner graph's placeholder → the outer storage

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
            self._values[node] = self._replay(node) if node in self._viewed else self._values[node]
        return self._values[node]

    def constants(self, storage: int) -> list[Constant]:
        """The constants whose elements are in a memory of the real tensors."""
        found = []
        for value in self._values.values():
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Constant) and part.tensor.untyped_storage()._cdata == storage:
                    found.append(part)
        return found

    def write(self, target: fx.Node, value: Any, call: AtenCall) -> None:
        """After an in-place operator: the value of the target, and of the tensor that it is a view of.

        Raises UnsupportedCall for a view into which no operator here can put a part back.
        """
        base = target
        while (parent := self._viewed.get(base)) is not None:
            base = parent
        key = self.storage(target)
        assert key is not None
        whole = value if base is target else _put_back(call, base, target, self[base], value)
        self._version[key] = self._version.get(key, 0) + 1
        for node, new in ((base, whole), (target, value)):
            self._values[node], self._seen[node] = new, self._version[key]


def _put_back(call: AtenCall, base: fx.Node, target: fx.Node, old: Any, part: Any) -> Any:
    """The value of `base` with `part` in the place of its view `target`."""
    whole, view = base.meta["val"], target.meta["val"]
    if isinstance(whole, (list, tuple)) or isinstance(view, (list, tuple)):
        raise UnsupportedCall
    if tuple(view.shape) == tuple(whole.shape) and view.stride() == whole.stride():
        return part
    if not isinstance(part, Step) or not isinstance(old, Step) or part.folded or old.folded:
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


def _inserted(call: AtenCall, old: Step, part: Step, whole: Any, view: Any) -> Step:
    """A part that is a range along one dimension or several, put back by concatenation."""
    sizes, strides = list(view.shape), list(view.stride())
    for dim in range(1, whole.dim()):  # a selection: its dimension comes back with a side of 1
        if len(sizes) < whole.dim() and (dim >= len(sizes) or strides[dim] != whole.stride(dim)):
            sizes, strides = [*sizes[:dim], 1, *sizes[dim:]], [*strides[:dim], whole.stride(dim), *strides[dim:]]
    if strides != list(whole.stride()) or sizes[0] != whole.shape[0]:
        raise UnsupportedCall
    offset = view.storage_offset() - whole.storage_offset()
    ranges = []
    for axis, (size, stride, side) in enumerate(zip(sizes[1:], strides[1:], whole.shape[1:])):
        if size < side:
            start, offset = divmod(offset, stride)
            ranges.append((axis, start, size))
    if offset:
        raise UnsupportedCall
    if tuple(part.shape) != tuple(sizes[1:]):
        part = call.step(ops.View(tuple(sizes[1:])), part)
    return _filled(call, old, part, ranges)


def _filled(call: AtenCall, old: Step, part: Step, ranges: list[tuple[int, int, int]]) -> Step:
    """`old` with `part` at (axis, start, size) of each of the axes."""
    if not ranges:
        return part
    (axis, start, size), *rest = ranges
    stop, side = start + size, old.shape[axis]
    middle = _filled(call, call.step(ops.Slice(axis, start, stop), old) if rest else old, part, rest)
    pieces = [middle]
    if start:
        pieces.insert(0, call.step(ops.Slice(axis, 0, start), old))
    if stop < side:
        pieces.append(call.step(ops.Slice(axis, stop, side), old))
    return call.step(ops.Concat(axis), *pieces)
