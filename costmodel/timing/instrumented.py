"""Node times inside the running network: the exported text, executed with a clock reading after each operator.

Operators timed alone find inputs, output memory and code in the caches and come out 15 to 30 % too low. Nothing is
reordered and no tensor lives longer than in the export. Start at `InPlace`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import to_module
from archs.interop.pytorch.helper_functions import HELPERS
from archs.ir.graph import Graph
from costmodel.errors import CostError
from costmodel.timing.stopwatch import Stopwatch

if TYPE_CHECKING:
    from torch import Tensor, nn


class InPlace:
    """A graph as the module that it exports (`module`), and the same with clocks in it (`nodes_us`).

    Make it while the stopwatch is running. Raises CostError where the exported text does not run the graph's operators
    one by one in their order.
    """

    def __init__(self, graph: Graph, watch: Stopwatch, batch: int = 1):
        self.graph = graph
        self.watch = watch
        self._ticks: list[object] = []
        self._seen: list[tuple[int, ...]] | None = None
        self.module = watch.place(to_module(graph))
        self.x = watch.images((batch, *graph.input))
        self._timed = watch.place(self._instrumented())
        self._check()

    def call(self) -> Tensor:
        return self.module(self.x)

    def move(self) -> None:
        """Weights and images to other places in memory, as far as the allocator has others."""
        for plain, timed in zip(self.module.parameters(), self._timed.parameters()):
            plain.data = timed.data = plain.data.clone()
        self.x = self.x.clone()

    def nodes_us(self) -> list[float]:
        """Microseconds of each node, in the graph's order, in one run, as it comes."""
        self._ticks = [self.watch.tick()]
        self._timed(self.x)
        return self.watch.spans(self._ticks)

    def _instrumented(self) -> nn.Module:
        import torch

        tree = ast.fix_missing_locations(_Clocks().visit(ast.parse(to_source(self.graph))))
        # The exported text is ours: archs.interop.pytorch.execute says why executing it is safe.
        namespace: dict[str, object] = {"__name__": "exported", "_clocked": self._clocked}
        exec(compile(tree, "<exported, with clocks>", "exec"), namespace)
        network = [value for value in namespace.values() if isinstance(value, type)][-1]
        with torch.device("meta"):  # the weights are those of the plain module
            module = network()
        module.load_state_dict(self.module.state_dict(), assign=True)
        helpers = [child for child in module.modules() if type(child).__name__ in HELPERS]
        inner = {id(part) for helper in helpers for part in helper.modules() if part is not helper}
        for leaf in module.modules():
            whole = type(leaf).__name__ in HELPERS or not any(True for _ in leaf.children())
            if leaf is not module and whole and id(leaf) not in inner:
                leaf.forward = self._wrapped(leaf.forward)
        return module

    def _wrapped(self, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def clocked(*inputs: Tensor) -> Tensor:
            return self._clocked(forward(*inputs))

        return clocked

    def _clocked(self, value, nodes: int = 1):
        """Note the time; a split is as many nodes as it has parts that are used, the first takes its time."""
        for _ in range(nodes):
            self._ticks.append(self.watch.tick())
        if self._seen is not None:
            self._seen += [tuple(v.shape[1:]) for v in (value if isinstance(value, tuple) else [value])]
        return value

    def _check(self) -> None:
        self._seen = []
        spans = self.nodes_us()
        if len(spans) != len(self.graph.nodes) or not self._same_shapes(self._seen):
            raise CostError(
                f"{self.graph.name}: the exported text runs {len(spans)} operators where the graph has "
                f"{len(self.graph.nodes)}, or in another order; it cannot be timed node by node"
            )
        self._seen = None

    def _same_shapes(self, seen: list[tuple[int, ...]]) -> bool:
        expected = [tuple(node.output) for node in self.graph.nodes]
        return len(seen) != len(expected) or seen == expected


class _Clocks(ast.NodeTransformer):
    """Puts `_clocked(...)` around what a `forward` computes itself; calls of `self.…` are modules.

    What a helper class computes is one operator, whose module is clocked from outside.
    """

    def __init__(self) -> None:
        self._forward = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node if node.name in HELPERS else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._forward = node.name == "forward"
        self.generic_visit(node)
        self._forward = False
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        target = node.targets[0]
        if self._forward and isinstance(target, ast.Tuple):
            used = sum(isinstance(name, ast.Name) and name.id != "_" for name in target.elts)
            cast(ast.Call, node.value).args.append(ast.Constant(used))  # the split has become _clocked(split)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._clock(node) if self._forward else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        return self._clock(node) if self._forward else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        of_self = isinstance(owner, ast.Name) and owner.id == "self"
        return node if of_self or not self._forward else self._clock(node)

    def _clock(self, value: ast.expr) -> ast.Call:
        return ast.Call(ast.Name("_clocked", ast.Load()), [value], [])
