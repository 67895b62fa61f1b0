"""A graph with some of its operators replaced or taken out: shapes propagated, ties and weights kept where they fit.

An operator that cannot follow its input raises ArchError with its path. The edits are in `archs.transforms.surgery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archs.errors import ArchError
from archs.ir.graph import Builder, Graph, Tie
from archs.ir.ops import ChannelSplit, Conv2d, Op, Opaque, PReLU, Scale, Shape, Shift, TensorFunction
from archs.ir.weights import Weights


def rebuilt(graph: Graph, changes: Mapping[str, Op], gone: Mapping[str, str] | None = None) -> Graph:
    """The graph with the operators of `changes` by path, without the nodes of `gone`, whose readers read its values.

    Raises ArchError, with the path, where an operator does not fit its inputs.
    """
    gone, shared = gone or {}, graph.owners
    b = Builder(graph.name, graph.input)
    for node in graph.nodes:
        if node.path in gone:
            continue
        inputs = [gone.get(path, path) for path in node.inputs]
        op = changes.get(node.path) or changes.get(shared.get(node.path, ""), node.op)
        try:
            op = _following(op, graph.input_shapes(node), tuple([b.shape(path) for path in inputs]))
        except ArchError as error:
            raise error.at(path=node.path) from None
        b.add(node.path, op, *inputs)
    made = b.graph()
    prefixes = {node.path[:i] for node in made.nodes for i, sign in enumerate(node.path) if sign == "/"}
    kinds = tuple((path, kind) for path, kind in graph.kinds if path in prefixes)
    edited = Graph(made.name, made.input, made.nodes, kinds, shared=_shared(graph, made), ties=_ties(graph, made))
    return replace(edited, weights=_kept_weights(graph, edited))


def _following(op: Op, old: tuple[Shape, ...], new: tuple[Shape, ...]) -> Op:
    """The operator on inputs of another width, for operators whose sizes follow their input."""
    if old == new:
        return op
    if isinstance(op, (TensorFunction, Opaque)):
        raise ArchError(
            f"{op.describe()} has the sizes that it was imported with; allowed: edits that leave the shape of its input"
        )
    if not old[0] or not new[0]:
        return op
    before, now = old[0][0], new[0][0]
    if isinstance(op, Conv2d) and op.groups == before == op.channels and op.groups > 1:  # depthwise stays so
        return replace(op, channels=now, groups=now)
    if isinstance(op, ChannelSplit):
        if any(size * now % before for size in op.sizes):
            raise ArchError(f"a split of {before} into {' + '.join(map(str, op.sizes))} has no like of {now} channels")
        return replace(op, sizes=tuple(size * now // before for size in op.sizes))
    if isinstance(op, PReLU) and op.slopes == before:
        return replace(op, slopes=now)
    if isinstance(op, (Scale, Shift)):
        behind = len(old[0]) - len(op.sizes)  # the tensor stretches over the last axes
        sizes = [new[0][behind + i] if side == old[0][behind + i] else side for i, side in enumerate(op.sizes)]
        return replace(op, sizes=tuple(sizes))
    return op


def _shared(graph: Graph, made: Graph) -> tuple[tuple[str, str], ...]:
    known = {node.path for node in made.nodes}
    found = []
    for path, owner in graph.shared:
        if path not in known:
            continue
        if owner not in known:
            raise ArchError(f"{path} runs with the weights of {owner}; allowed to remove: both, or neither")
        pair = (made[path], made[owner])
        if pair[0].op != pair[1].op or len({made.input_shapes(node)[0][0] for node in pair}) > 1:
            raise ArchError(f"{path} runs with the weights of {owner}, which would be of another size")
        found.append((path, owner))
    return tuple(found)


def _ties(graph: Graph, made: Graph) -> tuple[Tie, ...]:
    known = {node.path for node in made.nodes}
    found = []
    for tie in graph.ties:
        if tie.path not in known:
            continue
        if tie.owner not in known:
            raise ArchError(f"{tie.path} has the {tie.role} of {tie.owner}; allowed to remove: both, or neither")
        for path in (tie.path, tie.owner):
            before = graph[path].op.params(*graph.input_shapes(graph[path]))
            if before != made[path].op.params(*made.input_shapes(made[path])):
                raise ArchError(f"{tie.path} has the {tie.role} of {tie.owner}, which would be of another size")
        found.append(tie)
    return tuple(found)


def _kept_weights(graph: Graph, edited: Graph) -> Weights | None:
    """The weights of the operators that are unchanged and read as many channels as before."""
    if graph.weights is None:
        return None
    kept = {}
    for node in edited.nodes:
        before = graph[node.path]
        channels = [shapes[0][0] for shapes in (graph.input_shapes(before), edited.input_shapes(node)) if shapes]
        if node.path in graph.weights and before.op == node.op and len(set(channels)) < 2:
            kept[node.path] = graph.weights[node.path]
    return Weights(kept, graph.weights.unused)
