"""The graph: operators placed in a network, in execution order, each with its output shape; the last is the output.

A node has a path ("stage/block/name"), an operator, the paths of its inputs ("input" is the image) and an output shape.
Sums, exported classes and error messages follow the paths. No costs, no torch, no mutation: `Builder` makes a graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from archs.errors import ArchError
from archs.guessed_words import OF_A_GRAPH
from archs.guidance import Guided
from archs.ir.ops import Op, Shape

if TYPE_CHECKING:
    import networkx

    from archs.ir.weights import Weights

INPUT = "input"


class Table(Protocol):
    """What a graph can be built from: `archs.tables.table.Spec`. The IR keeps it and reads nothing of it."""

    @property
    def name(self) -> str: ...


class Node(NamedTuple):
    """An operator placed in a graph.

    >>> import archs
    >>> archs.build("mobilenet_v2").nodes[0][2:]  # its inputs and the shape of its output
    (('input',), (32, 112, 112))
    """

    path: str  # "stage3/block2/expand"
    op: Op
    inputs: tuple[str, ...]  # paths of the nodes whose outputs it reads, or "input"
    output: Shape  # of one image

    @property
    def stage(self) -> str:
        """`stage3` of `stage3/block2/expand`."""
        return self.path.partition("/")[0]

    @property
    def block(self) -> str:
        """`stage3/block2` of `stage3/block2/expand`; `head/pool` is a block of its own."""
        return "/".join(self.path.split("/", 2)[:2])


@dataclass(frozen=True, eq=False)
class Subgraph:
    """Consecutive nodes that several graphs hold as one object: compared by identity.

    An edit leaves most blocks of a network unchanged, so results per subgraph are cached across networks.
    """

    nodes: tuple[Node, ...]
    shapes: dict[str, Shape]
    """Path → shape, of its inputs and of its nodes."""
    kinds: tuple[tuple[str, str], ...]
    alike: Subgraph | None = None
    """The one that `behind` was called on: equal but for the path of the tensor that it reads."""

    @cached_property
    def stage(self) -> str:
        return self.nodes[0].stage

    @property
    def key(self) -> Subgraph:
        """What results are cached by that do not depend on the path of the tensor that it reads."""
        return self.alike or self

    def behind(self, path: str, other: str) -> Subgraph:
        """The same nodes, reading the tensor `other` where they read `path`; itself where they do not."""
        if path not in self.shapes or path == other:
            return self
        nodes = [
            node._replace(inputs=tuple([other if source == path else source for source in node.inputs]))
            if path in node.inputs
            else node
            for node in self.nodes
        ]
        shapes = {other if source == path else source: shape for source, shape in self.shapes.items()}
        return Subgraph(tuple(nodes), shapes, self.kinds, self.key)


class Tie(NamedTuple):
    """A parameter of one node that is a parameter of an earlier node: counted there, and one tensor in a module."""

    path: str
    role: str
    """Its name in the node's module: "weight"."""
    owner: str
    owner_role: str
    elements: int


@dataclass(frozen=True, repr=False)
class Graph(Guided):
    """A network of one image input and one output. Made by `Builder`; equal and hashable by value.

    >>> import archs
    >>> archs.build("mobilenet_v2")["stage2/block1/dw"].op.kernel
    (3, 3)
    """

    _INSTEAD: ClassVar = OF_A_GRAPH
    _ITEMS: ClassVar = "nodes"
    name: str
    input: Shape
    nodes: tuple[Node, ...]
    kinds: tuple[tuple[str, str], ...] = ()
    """The kind of each scope, from which exported classes are named: ("stage3/block2", "inverted_residual")."""
    spec: Table | None = field(default=None, compare=False, repr=False)
    """The spec that the graph was built from, None for an imported or edited graph; the export cites it."""
    shared: tuple[tuple[str, str], ...] = ()
    """Nodes that run with the weights of an earlier node: (path, that node's path)."""
    ties: tuple[Tie, ...] = ()
    """Single parameters that nodes have in common whose other parameters or numbers differ."""
    weights: Weights | None = field(default=None, compare=False, repr=False)
    """The trained tensors, of all layers or of some; None where the network has its initial ones."""
    verification: str = field(default="", compare=False, repr=False)
    """Of an import: on which images its module gave what the original gives, or why the two were not compared."""
    in_place: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Of an import: nodes that write over their first input in the original; in the exported text none does."""
    subgraphs: tuple[Subgraph, ...] = field(default=(), init=False, compare=False, repr=False)
    """A partition of the nodes, or empty; `dataclasses.replace` gives a graph without one."""

    @property
    def output(self) -> Shape:
        """The shape of the last node's output, of one image."""
        return self.nodes[-1].output

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Path → output shape, the input included."""
        shapes = {INPUT: self.input}
        for subgraph in self.subgraphs:
            shapes.update(subgraph.shapes)
        if not self.subgraphs:
            shapes.update((path, output) for path, _, _, output in self.nodes)
        return shapes

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes that `node` reads, in the order of its inputs."""
        shapes = self.shapes
        return tuple([shapes[path] for path in node.inputs])

    def params(self, node: Node) -> int:
        """Trainable parameters that the node has; 0 where it shares those of an earlier one."""
        if node.path in self.owners:
            return 0
        return node.op.params(*self.input_shapes(node)) - self.tied_elements.get(node.path, 0)

    @cached_property
    def tied_elements(self) -> dict[str, int]:
        """Path → the elements of its parameters that are those of earlier nodes."""
        found: dict[str, int] = {}
        for tie in self.ties:
            found[tie.path] = found.get(tie.path, 0) + tie.elements
        return found

    @cached_property
    def owners(self) -> dict[str, str]:
        """Path of each node that shares weights → path of the earlier node that has them."""
        return dict(self.shared)

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """Path of each node whose weights others share → paths of these nodes."""
        found: dict[str, list[str]] = {}
        for user, owner in self.shared:
            found.setdefault(owner, []).append(user)
        return {owner: tuple(users) for owner, users in found.items()}

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """Path → the nodes that read it, in order."""
        readers: dict[str, list[Node]] = {path: [] for path in self.shapes}
        for node in self.nodes:
            for path in node.inputs:
                readers[path].append(node)
        return {path: tuple(nodes) for path, nodes in readers.items()}

    @cached_property
    def _by_path(self) -> dict[str, Node]:
        return {node.path: node for node in self.nodes}

    def __getitem__(self, path: str) -> Node:
        """The node at a path. Raises KeyError that names the nodes of a block or stage."""
        try:
            return self._by_path[path]
        except KeyError:
            inside = [node.path for node in self.nodes if node.path.startswith(f"{path}/")]
            hint = f"; its nodes: {', '.join(inside)}" if inside else "; graph.nodes has them all"
            raise KeyError(f"{path!r} is no node of {self.name}{hint}") from None

    def to_networkx(self) -> networkx.DiGraph:
        """A networkx copy, for algorithms: nodes are paths (and "input"), with the attribute `node`."""
        import networkx

        digraph = networkx.DiGraph(name=self.name)
        digraph.add_node(INPUT, node=None)
        for node in self.nodes:
            digraph.add_node(node.path, node=node)
            digraph.add_edges_from((path, node.path) for path in node.inputs)
        return digraph

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {self.input} → {self.output}, {len(self.nodes)} nodes>"

    def _repr_html_(self) -> str:
        lines = ["<tr><th>node</th><th>operator</th><th>output</th><th>params</th><th>mult-adds</th></tr>"]
        for node in self.nodes:
            shapes = self.input_shapes(node)
            cells = [escape(node.path), escape(node.op.describe(*shapes)), str(node.output)]
            cells += [f"{self.params(node):,}", f"{node.op.mult_adds(*shapes):,}"]
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        return f"<p>{escape(repr(self))}</p><table>{''.join(lines)}</table>"

    def __str__(self) -> str:
        """One line per node: a diff of two such texts shows a reviewer what an edit did."""
        lines = [f"{self.name}   {self.input} → {self.output}"]
        before = INPUT
        for node in self.nodes:
            shapes = self.input_shapes(node)
            line = f"{node.path}   {node.op.describe(*shapes)}   {' , '.join(map(str, shapes))} → {node.output}"
            if params := self.params(node):
                line += f"   weights {params:,}"
            if mult_adds := node.op.mult_adds(*shapes):
                line += f"   mult-adds {mult_adds:,}"
            if node.inputs != (before,):
                line += f"   ← {', '.join(node.inputs)}"
            lines.append(line)
            before = node.path
        return "\n".join(lines)


class _Scope:
    """The context manager of `Builder.scope`; a generator-based one takes four times as long."""

    __slots__ = ("builder", "kind", "name", "outer")

    def __init__(self, builder: Builder, name: str, kind: str | None):
        self.builder, self.name, self.kind = builder, name, kind

    def __enter__(self) -> None:
        builder = self.builder
        self.outer = builder._prefix
        path = f"{self.outer}{self.name}"
        builder._prefix = f"{path}/"
        if self.kind:
            builder._kinds.append((path, self.kind))

    def __exit__(self, *problem: object) -> None:
        self.builder._prefix = self.outer


class Builder:
    """Makes a graph node by node, and says where in the network an operator did not fit.

    >>> from archs.ir.ops import Conv2d, Shape
    >>> b = Builder("tiny", Shape(3, 8, 8))
    >>> with b.scope("stem", "conv"):
    ...     x = b.add("conv", Conv2d(4, 3, stride=2), "input")
    >>> print(b.graph())
    tiny   3×8×8 → 4×4×4
    stem/conv   conv 3×3 /2   3×8×8 → 4×4×4   weights 108   mult-adds 1,728
    """

    def __init__(self, name: str, input: Shape, at: str = INPUT):
        """`at` is the path of the input, which differs from "input" in a subgraph."""
        self.name = name
        self.input = input
        self._prefix = ""
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {at: input}
        self._kinds: list[tuple[str, str]] = []
        self._subgraphs: list[Subgraph] = []

    def scope(self, name: str, kind: str | None = None) -> _Scope:
        """Everything added inside gets `name/` before its name; `kind` is what the scope is called when exported."""
        return _Scope(self, name, kind)

    def shape(self, path: str) -> Shape:
        return self._shapes[path]

    def add(self, name: str, op: Op, *inputs: str) -> str:
        """Place an operator; returns its path. Raises ArchError with the path in front."""
        path = self._prefix + name
        shapes = self._shapes
        self._check_free(path)
        try:
            output = op.output(*[shapes[i] for i in inputs])
        except ArchError as error:
            raise error.at(path=path) from None
        except KeyError as error:
            raise ArchError(f"reads {error}, which no node before it is called").at(path=path) from None
        shapes[path] = output
        self._nodes.append(Node(path, op, inputs, output))
        return path

    def subgraph(self) -> Subgraph:
        """All nodes added so far."""
        return Subgraph(tuple(self._nodes), self._shapes, tuple(self._kinds))

    def extend(self, subgraph: Subgraph) -> str:
        """Place a subgraph; returns the path of its last node."""
        for path, *_ in subgraph.nodes:
            self._check_free(path)
        self._nodes += subgraph.nodes
        self._shapes.update(subgraph.shapes)
        self._kinds += subgraph.kinds
        self._subgraphs.append(subgraph)
        return subgraph.nodes[-1].path

    def _check_free(self, path: str) -> None:
        if path in self._shapes:
            raise ArchError("the name is taken; a path names one node").at(path=path)

    def graph(self, spec: Table | None = None) -> Graph:
        """The graph of the nodes added so far. Raises ArchError where there are none."""
        if not self._nodes:
            raise ArchError(f"{self.name}: a network without operators; add a row")
        graph = Graph(self.name, self.input, tuple(self._nodes), tuple(self._kinds), spec)
        if sum(len(subgraph.nodes) for subgraph in self._subgraphs) == len(self._nodes):
            object.__setattr__(graph, "subgraphs", tuple(self._subgraphs))
        return graph
