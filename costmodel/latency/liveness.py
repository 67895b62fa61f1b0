"""Lifetimes: which tensors own memory, who reads them, and when they die, from the graph's structure alone.

A tensor lives as long as a name or a call of the exported text refers to it (`archs.interop.pytorch.statements`); views
own no memory. Structures and their stages are cached, because edits change numbers or one stage. Start at `lives`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.caching import Store, cached
from archs.interop.pytorch.module_tree import Chain, Composite, ForwardPart, Leaf, Member, is_chain, parts
from archs.interop.pytorch.statements import Statement, forward_statements
from archs.ir.graph import INPUT, Graph, Node, Subgraph
from archs.ir.ops import Activation, BatchNorm, ChannelSplit, Conv2d, Function, Shape
from costmodel.counting.kinds import FREE

Pairs = tuple[tuple[str, str], ...]
Reference = tuple[str, int]
"""A path, and the number of the last node that runs while something refers to its tensor."""

MODULES = Conv2d, BatchNorm, Activation
"""Operators that are modules whatever their numbers: most of a network's."""


class Lives(NamedTuple):
    """Tensors and nodes are numbered in the graph's order; the image is tensor 0, and node 0 makes tensor 1."""

    owns: NDArray[np.bool_]
    """Per node whether its tensor owns memory."""
    readers: NDArray[np.int64]
    """Reads: a node, a tensor, and the tensor whose node touched that memory last."""
    sources: NDArray[np.int64]
    touched: NDArray[np.int64]
    ends: NDArray[np.int64]
    """Deaths: a node, and the tensor whose memory is free after it."""
    dead: NDArray[np.int64]


class Structure:
    """Neighbouring nodes whatever their numbers, as a cache key: equal structures are one object.

    It holds the nodes that were met first, but not their graph: an imported one has weights.
    """

    __slots__ = ("kinds", "nodes", "shapes", "stage")

    def __init__(self, nodes: Sequence[Node], shapes: Mapping[str, Shape], kinds: Pairs):
        self.nodes, self.kinds, self.stage = tuple(nodes), kinds, nodes[0].stage
        self.shapes = {path: shapes[path] for node in nodes for path in node.inputs}


STRUCTURES = 1 << 14  # about 4 kB each; names are part of them, and visitors choose names
BLOCKS = 1 << 12  # with their channels, of which edits make ever new ones
_structures: Store[object, Structure] = Store(f"{__name__}._structures", STRUCTURES, "the keys of cached lifetimes")


@cached(BLOCKS, "an edit leaves most blocks as they were, and a search combines few")
def structure_of(block: Subgraph) -> Structure:
    """The structure of a block."""
    return _structure(block.nodes, block.shapes, block.kinds)


def _structure(nodes: Sequence[Node], shapes: Mapping[str, Shape], kinds: Pairs) -> Structure:
    paths, operators, inputs, _ = zip(*nodes)
    key = paths, inputs, tuple(map(type, operators)), tuple(_forms(nodes, shapes)), kinds
    if (found := _structures.get(key)) is None:
        found = _structures[key] = Structure(nodes, shapes, kinds)
    return found


def _forms(nodes: Sequence[Node], shapes: Mapping[str, Shape]) -> Iterator[object]:
    """How each node is written: a function's template, None for a module; of a channel split also its partners."""
    before: object = None
    for _, op, inputs, _ in nodes:
        if isinstance(op, ChannelSplit):
            yield len(op.sizes), op.part, before == (inputs, op.sizes)
            before = inputs, op.sizes
        else:
            before = None
            spelling = None if isinstance(op, MODULES) else op.spelling(*[shapes[path] for path in inputs])
            yield spelling.template if isinstance(spelling, Function) else None


def lives(graph: Graph, in_place: frozenset[str] = frozenset()) -> Lives:
    """Ownership, reads and deaths of the tensors of a graph; `in_place`: paths of nodes that own no memory either."""
    if graph.subgraphs:
        return _lives(tuple(map(structure_of, graph.subgraphs)), graph.shared, in_place)
    kinds: dict[str, list[tuple[str, str]]] = {}
    for kind in graph.kinds:
        kinds.setdefault(kind[0].partition("/")[0], []).append(kind)
    stages = [(stage, tuple(nodes)) for stage, nodes in groupby(graph.nodes, lambda node: node.stage)]
    structures = [_structure(nodes, graph.shapes, tuple(kinds.get(stage, ()))) for stage, nodes in stages]
    return _lives(tuple(structures), graph.shared, in_place)


@cached(256, "an edit often changes numbers alone")
def _lives(structures: tuple[Structure, ...], shared: Pairs, in_place: frozenset[str]) -> Lives:
    nodes = [node for structure in structures for node in structure.nodes]
    number = {path: tensor for tensor, path in enumerate((INPUT, *[node.path for node in nodes]))}
    sources = np.array([*map(number.__getitem__, chain.from_iterable([node.inputs for node in nodes]))])
    tensors = np.arange(len(number))
    readers = np.repeat(tensors[1:], [len(node.inputs) for node in nodes])
    owner = tensors.copy()
    for tensor in [tensor for tensor, node in enumerate(nodes, 1) if type(node.op) in FREE or node.path in in_place]:
        owner[tensor] = owner[number[nodes[tensor - 1].inputs[0]]]
    memory = owner[sources]

    touches = memory * len(number) + readers  # in order: each memory's, from the node that makes it to the last
    order = np.sort(np.concatenate([touches, tensors * (len(number) + 1)]))
    touched = order[np.searchsorted(order, touches) - 1] % len(number)

    paths, until = zip(*_references(structures, shared), (INPUT, 0))
    last = np.zeros_like(owner)
    np.maximum.at(last, owner[[*map(number.__getitem__, paths)]], np.array(until))
    last[0] = 0  # the image is the caller's
    dead = np.flatnonzero(last)
    return Lives(owner[1:] == tensors[1:], readers - 1, sources, touched, last[dead] - 1, dead)


@dataclass(frozen=True)
class _Call:
    """A member of the network's forward, without its numbers."""

    name: str
    inputs: tuple[str, ...]
    output: str
    template: str
    shares: str
    split: ChannelSplit | None


class _Stage(NamedTuple):
    """The part of the network's forward that runs the nodes of a stage."""

    source: str
    """The one tensor of other stages that it reads."""
    steps: tuple[_Call, ...]
    ends: tuple[int, ...]
    """Per step the number of its last node; the stage's first is 1."""
    references: tuple[Reference, ...]
    """By calls within the steps."""


def _references(structures: Sequence[Structure], shared: Pairs) -> Iterator[Reference]:
    """What the functions of the exported text refer to."""
    steps: list[_Call] = []
    ends: list[int] = []
    for stage in _stages(structures, shared):
        before = ends[-1] if ends else 0
        for path, end in stage.references:
            yield path, before + end
        steps += stage.steps
        ends += [before + end for end in stage.ends]
    yield from _of_forward(steps, forward_statements(steps, INPUT, network=True), ends)


def _stages(structures: Sequence[Structure], shared: Pairs) -> list[_Stage]:
    """The stages, or all nodes as one where they are connected in another way than end to end."""
    groups = [tuple(group) for _, group in groupby(structures, lambda structure: structure.stage)]
    ends = {INPUT, *[group[-1].nodes[-1].path for group in groups]}
    found = [_stage(group, ()) for group in groups]
    alone = [stage for stage in found if stage and stage.source in ends]
    if len(alone) < len(groups) or len({group[0].stage for group in groups}) < len(groups) or shared:
        whole = _stage(tuple(structures), shared)
        assert whole
        return [whole]
    return alone


_calls: Store[Structure, list[Reference]] = Store(
    f"{__name__}._calls", STRUCTURES, "an edit changes one block of a stage"
)


@cached(512, "an edit changes one stage")
def _stage(structures: tuple[Structure, ...], shared: Pairs) -> _Stage | None:
    """Neighbours as they are called; None where they read several tensors of others, or none."""
    nodes = [node for structure in structures for node in structure.nodes]
    inside = {node.path for node in nodes}
    sources = {path for node in nodes for path in node.inputs} - inside
    if len(sources) != 1:
        return None
    [source] = sources
    shape = next(structure.shapes[source] for structure in structures if source in structure.shapes)
    behind = [node._replace(inputs=tuple([INPUT if i == source else i for i in node.inputs])) for node in nodes]
    kinds = tuple([kind for structure in structures for kind in structure.kinds])
    steps: list[_Call] = []
    ends: list[int] = []
    references: list[Reference] = []
    blocks = {structure.nodes[-1].path: structure for structure in structures}
    for member in parts(Graph("stage", shape, tuple(behind), kinds, shared=shared)):
        ends.append(_call(member, ends[-1] if ends else 0, references, blocks))
        inputs = tuple([source if path == INPUT else path for path in member.inputs])
        steps.append(_Call(member.name, inputs, member.output, member.template, member.shares, member.split))
    named = [(source if path == INPUT else path, end) for path, end in references]
    return _Stage(source, tuple(steps), tuple(ends), tuple(named))


def _call(member: Member, before: int, references: list[Reference], blocks: Mapping[str, Structure]) -> int:
    """Add what a call of a member holds, which runs the nodes after the number `before`; gives its last node's.

    `blocks`: structures by the path of their last node, of which the calls are found once.
    """
    if isinstance(member, Leaf):
        return before + 1
    block = blocks.get(member.output)
    if block is None or not isinstance(member, Composite) or _first(member) != block.nodes[0].path:
        return _parts_called(member, before, references, blocks)
    found = _calls.get(block)
    if found is None:
        within: list[Reference] = []
        _parts_called(member, 0, within, {})
        found = _calls[block] = [("" if path == member.input else path, end) for path, end in within]
    references += [(path or member.input, before + end) for path, end in found]
    return before + len(block.nodes)


def _first(member: Member) -> str:
    while not isinstance(member, Leaf):
        member = member.parts[0]
    return member.output


def _parts_called(
    member: Chain | Composite, before: int, references: list[Reference], blocks: Mapping[str, Structure]
) -> int:
    ends: list[int] = []
    for part in member.parts:
        ends.append(_call(part, ends[-1] if ends else before, references, blocks))
    if is_chain(member.parts):
        references += [(part.output, end) for part, end in zip(member.parts, ends[1:])]
    else:
        references += _of_forward(member.parts, forward_statements(member.parts, member.inputs[0]), ends)
    references.append((member.inputs[0], ends[-1]))
    return ends[-1]


def _of_forward(steps: Sequence[ForwardPart], lines: Sequence[Statement], ends: Sequence[int]) -> Iterator[Reference]:
    """What one forward refers to: names until they are overwritten or it returns, arguments during their call."""
    overwritten = {position: ends[line.stop - 1] for line in lines for position in line.overwritten}
    for line in lines:
        first_named = line.first if line.targets and steps[line.first].split else line.stop - 1
        for position in range(line.first, line.stop):
            if position < first_named:
                yield steps[position].output, ends[position + 1]
            elif line.targets:
                yield steps[position].output, overwritten.get(position, ends[-1])
