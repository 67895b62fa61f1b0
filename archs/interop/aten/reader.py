"""A program → steps: call by call, the arguments looked up, constants computed, writes in place followed.

What single calls mean is in `archs.interop.aten.call` and `archs.interop.aten.rules.layout`; what several together
mean is in `archs.interop.aten.patterns`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.interop.aten.call import RULES, AtenCall, UnsupportedCall, batched, is_constant
from archs.interop.aten.folding import folded
from archs.interop.aten.functions import function
from archs.interop.aten.fx_nodes import (
    arguments_of,
    call_of,
    decomposed,
    gives_its_input,
    is_random,
    operator_name,
    symbolic,
    written_to,
)
from archs.interop.aten.memory import Memory
from archs.interop.aten.permutation import batch_moved, with_batch_first
from archs.interop.aten.rules import (  # noqa: F401 they register their rules
    elementwise,
    layer,
    layout,
    pooling,
    recurrent,
)
from archs.interop.aten.steps import BATCH, Constant, Step, constants_in, steps_in
from archs.ir import ops
from archs.ir.operator import Shape
from archs.ir.ops import Opaque

if TYPE_CHECKING:
    import torch
    from torch import fx

    from archs.interop.aten.program import Program

MAX_NODES = 20_000
MAX_PARTS = 3
"""Levels of operators that are made of others."""


class Reader:
    """Reads a program call by call."""

    def __init__(
        self, program: Program, shape: Shape, wanted: int | str | None = None, whole: frozenset[str] = frozenset()
    ):
        """`wanted`: which output, by its key or number; None for all of them.

        `whole`: the parameters that are parameters in their own form alone, and computed from in any other.
        """
        self.program = program
        self.whole = whole
        self.wanted = wanted
        self.chosen: tuple[int, ...] = ()
        """The outputs that were read, by their numbers, as soon as they are."""
        self.left_out = ""
        """The outputs that nothing computes of the image, in a sentence; empty where one was asked for."""
        self.called = program.called
        self.image = Step(None, [], shape)
        self.values = Memory(self._replayed)
        self._inner_outputs: dict[fx.Node, list[fx.Node]] = {}
        self._within_parts = 0  # depth of operators that are read by their parts

    def read(self) -> Step:
        nodes = list(self.program.graph.nodes)
        if len(nodes) > MAX_NODES:
            raise ArchError(f"{self.called} makes {len(nodes):,} calls; allowed: up to {MAX_NODES:,}")
        for node in nodes:
            if node.op == "placeholder":
                self.values.place(node, self._placeholder(node))
            elif node.op == "output":
                return self._output(node)
            else:
                self._other(node)
        raise ArchError(f"{self.called} gives nothing")

    def _other(self, node: fx.Node) -> None:
        if node.op == "call_function" and operator_name(node) in WRAPPERS:
            self.values.place(node, self._wrapped(node))
        elif node.op == "call_function":
            self._call(node)
        elif node.op == "get_attr":  # the calls within a wrapper
            self.values.place(node, getattr(node.graph.owning_module, str(node.target)))
        else:
            raise ArchError(f"{self.called}: {node.op} {node.target} is no operator")

    def _wrapped(self, node: fx.Node) -> Any:
        """Calls in a graph of their own, under another autocast or without gradients: as if they stood here."""
        given = node.all_input_nodes
        inner = next(self.values[a] for a in given if hasattr(self.values[a], "graph"))
        return self._inlined(node, inner.graph, [a for a in given if not hasattr(self.values[a], "graph")])

    def _inlined(self, node: fx.Node, graph: fx.Graph, given: list[fx.Node]) -> Any:
        """The values that a graph of its own gives for `node`; `given` are what its placeholders stand for."""
        outer = iter(given)
        for inner in graph.nodes:
            if inner.op == "placeholder":
                source = next(outer)
                self.values.place(inner, self.values[source], source)
            elif inner.op == "output":
                found = inner.args[0]
                self._inner_outputs[node] = list(found) if isinstance(found, (list, tuple)) else [found]
                return [self.values[x] for x in found] if isinstance(found, (list, tuple)) else self.values[found]
            else:
                self._other(inner)
        raise ArchError(f"{self.called}: calls that give nothing")

    def _placeholder(self, node: fx.Node) -> Any:
        if node.name in self.program.sources:
            source = self.program.sources[node.name]
            tensor = self.program.tensors[source].detach()
            trained = source in self.program.trained
            whole = source in self.whole
            return Constant(tensor, (source,), trained, True, depends_on_parameters=trained, whole=whole)
        if node.name in self.program.examples:
            example = self.program.examples[node.name].detach()
            if not batched(example) or not example.is_floating_point():
                return Constant(example, (), False, True)
            constant = Constant(example[:1], (), False, True)
            sizes = Shape(*example.shape[1:])
            return Step(ops.ExampleInput(tuple(sizes)), [self.image], sizes, (), {"constant": constant})
        return self.image if hasattr(node.meta.get("val"), "shape") else None

    def _output(self, node: fx.Node) -> Step:
        import torch.utils._pytree as pytree

        leaves = pytree.tree_leaves(node.args[0])
        values = {i: self.values[leaf] for i, leaf in enumerate(leaves) if hasattr(leaf, "meta")}
        found = {i: value for i, value in values.items() if isinstance(value, Step)}
        if self.wanted is not None:
            found = {i: found[i] for i in [self._number(found)]}
        if not found:
            raise ArchError(f"{self.called} gives what does not depend on the image; allowed: a tensor that does")
        computed = {i: value for i, value in found.items() if value.op is not None}
        if not computed:
            raise ArchError(f"{self.called} gives its input back: a network without operators")
        for i, value in computed.items():
            if value.folded:
                sizes = tuple(leaves[i].meta["val"].shape)
                with suppress(UnsupportedCall):
                    computed[i] = batch_moved(value)
                    continue
                raise ArchError(
                    f"{self.called} gives {sizes} for a batch of {BATCH} traced images: it mixes images, or an unknown "
                    "operator stands between; allowed: outputs with the batch as their first dimension"
                )
        self.chosen = tuple(computed)
        if self.wanted is None:
            self.left_out = self._left_out(values, self.chosen)
        steps = list(computed.values())
        return steps[0] if len(steps) == 1 else Step(ops.Outputs(), steps, steps[0].shape)

    def _left_out(self, values: Mapping[int, Any], chosen: tuple[int, ...]) -> str:
        names = self.program.outputs
        missing = [i for i, value in values.items() if isinstance(value, (Step, Constant)) and i not in chosen]
        called = [(names[i] if i < len(names) else "") or str(i) for i in missing]
        which = ", ".join(map(shorten, called))
        return f"left out of the outputs, as the image itself or a constant: {which}" if missing else ""

    def _number(self, found: dict[int, Step]) -> int:
        """The number of the wanted output."""
        names = self.program.outputs
        known = {(names[i] if i < len(names) else "") or str(i): i for i in found}
        if self.wanted in found:
            return int(self.wanted)  # type: ignore[arg-type]  # it is a number then
        if str(self.wanted) not in known:
            raise ArchError(f"output is {shorten(self.wanted)}; {self.called} gives: {', '.join(known)}")
        return known[str(self.wanted)]

    def _call(self, node: fx.Node) -> None:
        name = operator_name(node)
        operands: tuple[Any, ...] = node.args
        if node.target is operator.getitem and operands[0] in self._inner_outputs:
            source = self._inner_outputs[operands[0]][operands[1]]  # a wrapper's: another name of what is inside
            self.values.place(node, self.values[source], source)
            return
        args = self._arguments(node)
        written = written_to(node)
        out: Any = node.kwargs.get("out")
        if out in written:
            del args["out"]
        if written not in ([], [operands[0]], [out]):
            raise ArchError(
                f"{self.called}: {name} writes into {len(written)} tensors; allowed: its first argument, or one out="
            )
        result = self._evaluated(node, args)
        self.values.place(node, result, operands[0] if gives_its_input(name, args) else None)
        if not written:
            return
        if written == [out] and tuple(out.meta["val"].shape) != tuple(node.meta["val"].shape):
            raise ArchError(f"{self.called}: {name} changes the shape of its out=; allowed: a tensor of its own shape")
        if isinstance(result, Step):
            result.in_place = result.inputs[:1] == [self.values[written[0]]]
        try:
            self.values.write(written[0], result, call_of(node, args))
        except UnsupportedCall:
            raise ArchError(
                f"{self.called}: {name}_ writes into a view of {tuple(written[0].meta['val'].shape)} whose other "
                "elements are read afterwards; allowed: in-place operators on whole tensors, on slices of them and on "
                "single channels, rows or columns"
            ) from None

    def _replayed(self, node: fx.Node) -> Any:
        """A view's value again, after its memory was written to. An in-place operator's is that of its target."""
        if written := written_to(node):
            return self.values[written[0]]
        return self._evaluated(node, self._arguments(node))

    def _evaluated(self, node: fx.Node, args: dict[str, Any]) -> Any:
        """The value of a call, without what it writes."""
        name = operator_name(node)
        if name.startswith(("_assert", "sym_", "_check")) or name in ("ge", "le", "gt", "lt", "eq", "item"):
            self._static(node)
            compares = name in ("ge", "le", "gt", "lt", "eq") and hasattr(node.meta.get("val"), "shape")
            if not compares:
                return None
        value: Any = node.meta.get("val")
        call = call_of(node, args)
        if is_constant(list(args.values())):
            return self._opaque(call, node) if is_random(node, args) else folded(node, args, self.values)
        self._static(node)
        if name == "getitem":
            return RULES[name](call)
        result = self._translated(call, node)
        for step, fake in zip(steps_in(result), value if isinstance(value, (list, tuple)) else [value]):
            if not step.strides and step.op is not None:
                step.strides = tuple(fake.stride()) if tuple(fake.shape[1:]) == tuple(step.shape) else ()
            step.floating = fake.dtype.is_floating_point
        return result

    def _translated(self, call: AtenCall, node: fx.Node) -> Any:
        """What a call becomes: by its rule, as a function of the table, by what torch makes it of, or opaque."""
        attempts: list[Callable[[AtenCall], Any]] = [function, lambda _: self._decomposed(node)]
        if (rule := RULES.get(call.name)) is not None:
            attempts = [rule, lambda c: with_batch_first(c, rule), *attempts]
        for attempt in attempts:
            with suppress(UnsupportedCall):
                return attempt(call)
        if self._within_parts:
            raise UnsupportedCall
        return self._opaque(call, node)

    def _decomposed(self, node: fx.Node) -> Any:
        """The value of an operator by those that torch makes it of. Raises UnsupportedCall where one is unknown."""
        parts = decomposed(node) if self._within_parts < MAX_PARTS else None
        if parts is None:
            raise UnsupportedCall
        self._within_parts += 1
        try:
            return self._inlined(node, *parts)
        except ArchError:  # of a part: the operator stays whole
            raise UnsupportedCall from None
        finally:
            self._within_parts -= 1

    def _arguments(self, node: fx.Node) -> dict[str, Any]:
        from torch import fx

        return {key: fx.map_arg(value, lambda n: self.values[n]) for key, value in arguments_of(node).items()}

    def _static(self, node: fx.Node) -> None:
        value = node.meta.get("val")
        for tensor in value if isinstance(value, (list, tuple)) else [value]:
            if any(type(side) is not int for side in getattr(tensor, "shape", ())) or symbolic(tensor):
                raise ArchError(
                    f"{self.called}: the shape of {operator_name(node)}'s result depends on what the image holds; "
                    "allowed: shapes that the input's shape decides"
                )

    def _opaque(self, call: AtenCall, node: fx.Node) -> Any:
        inputs = [x for x in steps_in(list(call.args.values()))]
        trained = {s for c in constants_in(list(call.args.values())) for s in c.sources if s in self.program.trained}
        weights = sum(self.program.tensors[source].numel() for source in trained)

        def opaque(value: torch.Tensor, weights: int) -> Step:
            alike = batched(value)
            sizes = tuple(value.shape[1:]) if alike else tuple(value.shape)
            step = Step(Opaque(str(node.target), sizes, weights), inputs, Shape(*sizes), call.scope)
            step.folded = not alike
            step.sources = tuple(sorted(trained)) if weights else ()
            return step

        if isinstance(call.value, (list, tuple)):
            return [opaque(v, weights if i == 0 else 0) for i, v in enumerate(call.value)]
        return opaque(call.value, weights)


WRAPPERS = ("wrap_with_autocast", "wrap_with_set_grad_enabled")
