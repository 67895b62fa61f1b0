"""The segments of a network: its blocks, each rewritten by itself and kept, so that an edit rewrites what it changed.

Blocks are cut apart where no rewrite crosses: the runtime fuses an operator with one that reads it or that it reads,
and of what lies behind a cut an operator's node depends on the layout of the tensor alone. Start at `segments_of`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from archs.caching import Store, cached
from archs.ir import ops
from archs.ir.graph import INPUT, Graph, Node, Subgraph
from archs.ir.operator import Op
from archs.transforms.onnx_runtime.export import Placement
from archs.transforms.onnx_runtime.fused_graph import IMAGE, Segment
from archs.transforms.onnx_runtime.onnx_graph import Sizes
from archs.transforms.onnx_runtime.segment import resized, segment_of

READERS = frozenset(
    {
        *(ops.Conv2d, ops.Linear, ops.MaxPool, ops.AvgPool, ops.GlobalAvgPool),
        *(ops.Add, ops.Concat, ops.Flatten, ops.ChannelShuffle, ops.ChannelSplit),
    }
)
"""Behind a cut, what reads the tensor. No rewrite fuses these with their makers but an addition, and that with a maker
that nothing else reads: a block that adds the tensor reads it twice."""
MAKERS = frozenset(
    {
        *(ops.Conv2d, ops.BatchNorm, ops.Linear, ops.MaxPool, ops.AvgPool, ops.GlobalAvgPool),
        *(ops.Add, ops.Multiply, ops.Concat, ops.Flatten, ops.ChannelShuffle),
        *map(type, ops.ACTIVATIONS.values()),
    }
)
"""Before a cut, what makes the tensor: not a padding or a transpose, which a convolution behind it can take in, nor an
operator whose output is its input."""
ON_ANY_SIDES = READERS | MAKERS | {ops.Dropout}
"""Their rewrites depend on which maps have equal height and width, but on no height or width itself."""
KEPT = 1 << 10  # about 10 kB each


@dataclass(frozen=True, eq=False)
class _Block:
    """A block whatever its place in a network: equal ones are one object."""

    graph: Graph
    """Its input is the tensor that it reads; nodes are named by their number."""
    operators: tuple[tuple[Op, tuple[int, ...]], ...]
    """Per node the operator, and the numbers of the nodes that it reads."""
    begins: bool
    """Whether a segment can begin with it."""
    ends: bool
    """Whether a segment can end with it."""
    on_any_sides: bool
    """Whether it is the same on maps of other sides."""


_blocks: Store[Hashable, _Block] = Store(f"{__name__}._blocks", KEPT, "networks and their edits have few blocks")
_on_sides: Store[Hashable, tuple[tuple[Sizes, ...], Segment]] = Store(
    f"{__name__}._on_sides", KEPT, "another resolution or stride leaves most blocks as they were but for their maps"
)


def segments_of(graph: Graph, block: int) -> list[Segment]:
    """The segments of a network, one behind the other; `block`: channels in one block."""
    found: list[Segment] = []
    groups = _groups(graph)
    first, blocked = True, False
    for number, group in enumerate(groups, 1):
        segment = _segment(group, block, Placement(graph.input, first, number == len(groups), blocked))
        found.append(segment)
        first, blocked = False, segment.blocked
    return found or [segment_of(graph, block)]


def _groups(graph: Graph) -> list[tuple[_Block, ...]]:
    """The blocks of each segment; none where a network's blocks are connected in another way than end to end."""
    found: list[tuple[_Block, ...]] = []
    source, ends = INPUT, False
    for subgraph in () if graph.shared else graph.subgraphs:
        block = _block(subgraph.key)
        if block is None or source not in subgraph.shapes:
            return []
        if not found or (ends and block.begins):
            found.append((block,))
        else:
            found[-1] = (*found[-1], block)
        source, ends = subgraph.nodes[-1].path, block.ends
    return found


@cached(KEPT, "an edit leaves most blocks as they were")
def _block(subgraph: Subgraph) -> _Block | None:
    """A block; None where it reads several tensors, or where not all of its nodes are between its input and its end."""
    nodes = subgraph.nodes
    numbers = {node.path: number for number, node in enumerate(nodes)}
    read = {path for node in nodes for path in node.inputs}
    sources = read - numbers.keys()
    if len(sources) != 1 or numbers.keys() - read != {nodes[-1].path} or not all([node.inputs for node in nodes]):
        return None
    (source,) = sources
    shape = subgraph.shapes[source]
    operators = tuple([(op, tuple([numbers.get(path, IMAGE) for path in inputs])) for _, op, inputs, _ in nodes])
    found = _blocks.get((shape, operators))
    if found is None:
        begins = all([type(node.op) in READERS for node in nodes if source in node.inputs])
        on_any_sides = all([type(node.op) in ON_ANY_SIDES for node in nodes])
        names = {source: INPUT} | {path: str(number) for path, number in numbers.items()}
        graph = Graph("block", shape, tuple(_renamed(nodes, names)))
        found = _blocks[shape, operators] = _Block(graph, operators, begins, type(nodes[-1].op) in MAKERS, on_any_sides)
    return found


@cached(KEPT, "an edit leaves most blocks as they were")
def _segment(blocks: tuple[_Block, ...], block: int, part: Placement) -> Segment:
    """The segment of blocks that stand at a part of a network. Maps of other sides are not rewritten again."""
    shapes = [part.image, blocks[0].graph.input, *[node.output for one in blocks for node in one.graph.nodes]]
    numbers: dict[Sizes, int] = {}
    numbered = [
        (shape[0], ~numbers.setdefault(shape[1:], len(numbers))) if len(shape) == 3 else shape for shape in shapes
    ]
    key = tuple([one.operators for one in blocks]), tuple(numbered), block, part[1:]
    sides = tuple(numbers)
    known = _on_sides.get(key)
    if known is not None:
        return resized(known[1], dict(zip(known[0], sides)))
    segment = segment_of(_chained(blocks), block, part)
    if all([one.on_any_sides for one in blocks]):
        _on_sides[key] = sides, segment
    return segment


def _chained(blocks: tuple[_Block, ...]) -> Graph:
    """The blocks one behind the other."""
    if len(blocks) == 1:
        return blocks[0].graph
    nodes: list[Node] = []
    for one in blocks:
        names = {INPUT: nodes[-1].path if nodes else INPUT}
        names |= {node.path: str(number) for number, node in enumerate(one.graph.nodes, len(nodes))}
        nodes += _renamed(one.graph.nodes, names)
    return Graph("segment", blocks[0].graph.input, tuple(nodes))


def _renamed(nodes: Sequence[Node], names: Mapping[str, str]) -> list[Node]:
    return [Node(names[path], op, tuple([names[i] for i in inputs]), output) for path, op, inputs, output in nodes]
