"""What a graph costs before any clock is read: Graph × Convention → Counts per node, and they add.

* `mult_adds`: one multiply-add is one, as in all five papers; convolution and linear layers, no bias, per image.
* Everything is for one image (batch 1), in inference.
* Batch norm is counted where it stands as a node; `archs.fold_batchnorm` takes it away first.
* What is free is listed in `costmodel.counting.kinds`, with its reason. An operator without a rule is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from archs.caching import cached
from archs.guidance import Guided, guided
from archs.ir import ops
from archs.ir.graph import Graph, Node
from archs.ir.ops import Shape
from archs.networks import Text
from costmodel.arguments import Network, as_graph
from costmodel.counting.convention import Convention
from costmodel.counting.kinds import ELEMENTWISE, FIXED, FREE, KINDS, PRODUCTS, WEIGHTED, WHOLE, column_of, kind_of
from costmodel.counting.summary import summary_text
from costmodel.errors import CostError

ONE_IMAGE = "counts are of one image; a profile of costmodel.profiles() has its own batch"
if TYPE_CHECKING:
    import pandas


class Counts(NamedTuple):
    """The costs of a node, a block or a network, of one image. Add them with `+`; `Counts.zero()` is the neutral one.

    `mult_adds` are multiply-adds, `params` parameters, `kernels` and `unknown` operators; all others are elements.

    >>> import costmodel
    >>> total = costmodel.count("mobilenet_v2").total
    >>> total + Counts.zero() == total, total.elementwise
    (True, 13063008)
    """

    mult_adds: int
    """Multiply-adds of convolutions and linear layers, without bias: K²·C_in/g·C_out·H·W (MobileNetV1, section 3.1)."""
    params: int
    """Trainable parameters: weights, biases, batch norm's scale and shift."""
    mem_access: int
    """Memory access cost in elements, full form: inputs + output + parameters of every operator that is not free."""
    mem_access_paper: int
    """Memory access cost in elements, paper form: of convolutions and linear layers only, their weights without bias.
    For a 1×1 convolution h·w·(c1 + c2) + c1·c2/g (ShuffleNetV2, guidelines G1 and G2)."""
    activations: int
    """Elements that convolutions and linear layers write (pycls' definition)."""
    batch_norm: int
    """Element-wise work: elements that batch norms (and the other norms) write."""
    nonlinearity: int
    """Element-wise work: elements that activations (and softmax, powers, limits) write."""
    add: int
    """Element-wise work: elements that additions (and subtractions, maxima) write."""
    multiply: int
    """Element-wise work: elements that multiplications (and divisions) write."""
    pooling: int
    """Element-wise work: window elements that poolings read: K²·C·H·W, for global pooling and sums the input."""
    copy: int
    """Element-wise work: elements that concat, shuffle, padding, resampling (and split, by convention) move."""
    kernels: int
    """Operators that start a kernel."""
    unknown: int
    """Operators of an imported network whose work is not known: where this is not 0, the others mean "at least"."""

    @staticmethod
    def zero() -> Counts:
        """The neutral value of `+`."""
        return _ZERO

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]
        return Counts(*map(int.__add__, self, other))

    @property
    def elementwise(self) -> int:
        """All element-wise work, in elements (ShuffleNetV2, guideline G4)."""
        return self.batch_norm + self.nonlinearity + self.add + self.multiply + self.pooling + self.copy


if not TYPE_CHECKING:  # a NamedTuple has no other base
    Counts.__getattr__ = Guided.__getattr__

_ZERO = Counts(*[0] * len(Counts._fields))

_COLUMN = {name: Counts._fields.index(name) for name in set(ELEMENTWISE.values())}


@cached(1 << 13, "networks repeat operators on the same shapes")
def _count(op: ops.Op, inputs: tuple[Shape, ...], output: Shape, split_copies: bool) -> Counts:
    kind = type(op)
    if kind in FREE and not (split_copies and kind is ops.ChannelSplit):
        return _ZERO
    params = op.params(*inputs)
    elements = prod(output)
    if kind is ops.ChannelSplit:
        return _ZERO._replace(mem_access=2 * elements, copy=elements, kernels=1)
    mem_access = elements + weights_read(op, inputs)
    for x in inputs:
        mem_access += prod(x)
    if kind in WEIGHTED:
        paper = mem_access - _bias(op)
        return Counts(op.mult_adds(*inputs), params, mem_access, paper, elements, 0, 0, 0, 0, 0, 0, 1, 0)
    if kind in PRODUCTS:
        return _ZERO._replace(mult_adds=op.mult_adds(*inputs), params=params, mem_access=mem_access, kernels=1)
    if kind is ops.Opaque:
        return _ZERO._replace(params=params, mem_access=mem_access, kernels=1, unknown=1)
    column = column_of(op)
    if column is None:
        raise CostError(
            f"operator {kind.__name__} has no cost rule; known: {', '.join(t.__name__ for t in ELEMENTWISE)}"
        )
    counts = [0, params, mem_access, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]  # in the order of the fields; one kernel
    counts[_COLUMN[column]] = _window_reads(op, inputs[0], output)
    return Counts._make(counts)


def weights_read(op: ops.Op, inputs: tuple[Shape, ...]) -> int:
    """Elements of the weights that an operator reads, trained or not."""
    if type(op) not in FIXED:
        return op.params(*inputs)
    if type(op) is ops.FixedConv2d:  # not isinstance, which takes longer than the sums where a class is abstract
        return ops.Conv2d.params(op, *inputs)
    return prod(op.sizes)  # type: ignore[attr-defined]


def _bias(op: ops.Op) -> int:
    if not getattr(op, "bias", False):
        return 0
    return op.features if type(op) in (ops.Linear, ops.LinearLast) else op.channels  # type: ignore[attr-defined]


def _window_reads(op: ops.Op, x: Shape, output: Shape) -> int:
    if type(op) in (ops.MaxPool, ops.AvgPool):
        return op.kernel[0] * op.kernel[1] * output.elements  # type: ignore[attr-defined]
    if isinstance(op, ops.TensorFunction) and op.window:
        return op.window * output.elements
    whole = type(op) in WHOLE or column_of(op) == "pooling"
    return x.elements if whole else output.elements


@dataclass(frozen=True, repr=False)
class NetworkCounts(Guided):
    """The costs of a `graph` by a `convention`: `nodes[i]` belongs to `graph.nodes[i]`, `total` is their sum.

    >>> import archs
    >>> count(archs.build(archs.spec("mobilenet_v2")))
    NetworkCounts('mobilenet_v2': 300,774,272 mult-adds, 3,504,872 params, 43,232,144 elements of memory access)
    """

    graph: Graph
    convention: Convention
    nodes: tuple[Counts, ...]
    total: Counts

    @property
    def mult_adds(self) -> int:
        """Multiply-adds of one image; half of what counters of FLOPs report."""
        return self.total.mult_adds

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return self.total.params

    @property
    def mem_bytes(self) -> int:
        """`total.mem_access` in bytes."""
        return self.total.mem_access * self.convention.bytes_per_element

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: multiply-adds per byte of memory access (full form)."""
        return self.total.mult_adds / self.mem_bytes if self.mem_bytes else 0.0

    def __repr__(self) -> str:
        t = self.total
        sizes = f"{t.mult_adds:,} mult-adds, {t.params:,} params, {t.mem_access:,} elements of memory access"
        return f"NetworkCounts({self.graph.name!r}: {sizes})"

    def _repr_html_(self) -> str:
        return self.by("block").to_html(index=False)

    @guided()
    def summary(self, depth: int = 2) -> Text:
        """The network as a tree of stages (depth 1), blocks (2) and operators (3), with its costs."""
        values = {"Params": [c.params for c in self.nodes], "Mult-adds": [c.mult_adds for c in self.nodes]}
        return summary_text(self.graph, values, depth)

    @guided()
    def groups(self, level: str) -> dict[str, Counts]:
        """Path → Counts, summed per `level`: "node", "block", "stage" or "kind". Raises CostError for another level."""
        sums: dict[str, list[Counts]] = {kind: [] for kind in KINDS} if level == "kind" else {}
        for node, counts in zip(self.graph.nodes, self.nodes):
            sums.setdefault(group_of(self.graph, node, level), []).append(counts)
        return {path: _sum(rows) for path, rows in sums.items() if rows}

    def columns(self, level: str, block: str | None = None) -> dict[str, list[Any]]:
        """Column → its values, a row per `level`, "node", "block" or "stage": where, what, shapes, columns of `Counts`.

        `block`: of that block's nodes only. For who shows a few: a DataFrame of them takes longer than the counting.
        """
        nodes: Sequence[Node] = self.graph.nodes
        if level == "node":
            selected = [(n, c) for n, c in zip(nodes, self.nodes) if block is None or n.block == block]
            nodes = [node for node, _ in selected]
            shapes = [self.graph.input_shapes(node) for node in nodes]
            found: dict[str, list[Any]] = {
                "path": [node.path for node in nodes],
                "stage": [node.stage for node in nodes],
                "block": [node.block for node in nodes],
                "operator": [node.op.describe(*inputs) for node, inputs in zip(nodes, shapes)],
                "input": [", ".join(map(str, inputs)) for inputs in shapes],
                "output": [str(node.output) for node in nodes],
            }
            rows: Iterable[Counts] = [counts for _, counts in selected]
        else:
            groups = self.groups(level)
            found = {level: list(groups)}
            if level != "kind":
                outputs = {group_of(self.graph, node, level): node.output for node in nodes}
                found["output"] = [str(outputs[path]) for path in groups]
            rows = groups.values()
        found |= {name: list(column) for name, column in zip(Counts._fields, zip(*rows))}
        found["mem_bytes"] = [elements * self.convention.bytes_per_element for elements in found["mem_access"]]
        found["intensity"] = [m / size if size else 0.0 for m, size in zip(found["mult_adds"], found["mem_bytes"])]
        return found

    @guided()
    def by(self, level: str) -> pandas.DataFrame:
        """A DataFrame with a row per `level`, "block", "stage" or "kind": its path, output and columns of `Counts`."""
        import pandas

        return pandas.DataFrame(self.columns(level))

    @guided()
    def table(self) -> pandas.DataFrame:
        """A DataFrame with one row per node: where, what, its shapes, and the columns of `Counts`."""
        return self.by("node")

    @cached_property
    def peak_activation(self) -> int:
        """Elements alive at the worst moment: an operator's inputs and output and what later operators still read.

        A free operator's output is its input's memory. No operator works in place. MobileNetV2's Table 3 counts the
        largest single tensor pair instead, so its figures are smaller where a shortcut is held.
        """
        return max(live for _, live in self.live_activations())

    def live_activations(self) -> Iterator[tuple[str, int]]:
        """(path, elements alive while that node runs), in execution order."""
        memory = {"input": "input"}  # whose memory a path's tensor lies in
        for node in self.graph.nodes:
            memory[node.path] = memory[node.inputs[0]] if type(node.op) in FREE else node.path
        last: dict[str, int] = {}
        for position, node in enumerate(self.graph.nodes):
            for path in node.inputs:
                last[memory[path]] = position
        last[memory[self.graph.nodes[-1].path]] = len(self.graph.nodes)
        alive = {"input": self.graph.input.elements}
        for position, node in enumerate(self.graph.nodes):
            if memory[node.path] == node.path:
                alive[node.path] = node.output.elements
            yield node.path, sum(alive.values())
            alive = {path: size for path, size in alive.items() if last.get(path, -1) > position}


def group_of(graph: Graph, node: Node, level: str) -> str:
    """The path of a node's "node", "block" or "stage", or its "kind". Raises CostError for another level."""
    if level == "block":
        return node.block
    if level == "stage":
        return node.stage
    if level == "node":
        return node.path
    if level == "kind":
        return kind_of(node.op, graph.shapes[node.inputs[0]])
    raise CostError(f"level is {level!r}; allowed: 'node', 'block', 'stage', 'kind'")


def _sum(rows: list[Counts]) -> Counts:
    return Counts(*map(sum, zip(*rows)))


def node_counts(nodes: Iterable[Node], shapes: Mapping[str, Shape], convention: Convention) -> list[Counts]:
    """The costs of each node, as if no weights were shared. Raises CostError."""
    copies = convention.split_copies
    return [_count(op, tuple([shapes[i] for i in inputs]), output, copies) for _, op, inputs, output in nodes]


@guided(batch=ONE_IMAGE, batch_size=ONE_IMAGE)
def count(
    network: Network, input_shape: Sequence[int] | Convention | None = None, convention: Convention | None = None
) -> NetworkCounts:
    """The costs of every node of a network, for one image.

    A Convention may also stand second, `count(graph, Convention(2))`. Raises CostError for an operator without a cost
    rule and for a bad shape, TypeError for what is no network.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.
        convention: bytes per element, and whether channel splits copy; float32 and views by default.

    >>> import archs, costmodel
    >>> counts = costmodel.count(archs.build(archs.spec("mobilenet_v1")))
    >>> counts.total.mult_adds, counts.total.params
    (568740352, 4231976)
    """
    if isinstance(input_shape, Convention):
        input_shape, convention = None, input_shape
    convention = convention or Convention()
    if not isinstance(convention, Convention):
        raise TypeError(f"convention is {convention!r}; allowed: such as costmodel.Convention(bytes_per_element=2)")
    graph = as_graph(network, input_shape)
    rows = node_counts(graph.nodes, graph.shapes, convention)
    for position, node in enumerate(graph.nodes if graph.shared or graph.ties else ()):
        if node.path in graph.owners or node.path in graph.tied_elements:  # read again, and not counted again
            rows[position] = rows[position]._replace(params=graph.params(node))
    return NetworkCounts(graph, convention, tuple(rows), _sum(rows))
