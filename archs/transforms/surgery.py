"""Edits of any graph, also of one without a table: widen, rekernel, regroup, remove. Name, Spec or Graph → Graph.

Shapes are propagated. Tensors that are added or gated must agree in width, so their convolutions are widened together.
An operator that cannot follow raises ArchError with its path. Layers that an edit leaves keep their trained weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import lcm

from archs.errors import ArchError, shorten
from archs.ir.graph import INPUT, Builder, Graph, Node, Tie
from archs.ir.ops import (
    Add,
    ChannelSplit,
    Conv2d,
    ConvTranspose2d,
    Divide,
    Linear,
    LinearLast,
    Maximum,
    Multiply,
    Op,
    Opaque,
    PReLU,
    Scale,
    Shape,
    Shift,
    Slice,
    Subtract,
    TensorFunction,
    View,
)
from archs.ir.weights import Weights
from archs.networks import Network, build
from archs.tables.rows import MAX_CHANNELS

MERGES = (Add, Multiply, Subtract, Divide, Maximum)


def widen(network: Network, path: str, channels: int) -> Graph:
    """The graph with `channels` output channels (or features) at `path` and at every operator that must agree with it.

    Raises ArchError where the operator follows its input (`widths` lists the others) or a width is out of range.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of an operator that sets its width.
        channels: output channels, or features of a linear layer.
    """
    graph = build(network)
    members = _tied(graph, path)
    return _rebuilt(graph, {member: _sized(graph[member].op, channels) for member in members})


def widen_scope(graph: Graph, scope: str, factor: float) -> Graph:
    """The graph with the widths of a block's or a stage's convolutions times `factor`, rounded to what groups divide.

    `factor` is over 0, up to 16. The network's output keeps its size. Raises ArchError for a scope without widths.
    """
    if not 0 < factor <= 16:
        raise ArchError(f"factor is {factor!r}; allowed: over 0, up to 16")
    classes, last = _classes(graph), graph.nodes[-1].path
    changes: dict[str, Op] = {}
    for node in _inside(graph, scope):
        if node.path in changes or not _gives_width(graph, node):
            continue
        members = [n.path for n in graph.nodes if classes[n.path] == classes[node.path] and _gives_width(graph, n)]
        if classes[last] == classes[node.path]:
            continue
        readers = [n for n in graph.nodes if _gives_width(graph, n) and classes[n.inputs[0]] == classes[node.path]]
        step = lcm(*[_groups(graph[member].op) for member in members], *[_groups(n.op) for n in readers])
        step = lcm(step, 8) if _width(node.op) % 8 == 0 else step
        channels = max(step, round(_width(node.op) * factor / step) * step)
        changes |= {member: _sized(graph[member].op, channels) for member in members}
    if not changes:
        raise ArchError(f"{scope} has no width of its own; allowed: a block or stage with convolutions")
    return _rebuilt(graph, changes)


def rekernel(network: Network, path: str, kernel: int) -> Graph:
    """The graph with a k×k convolution at `path`, k odd, from 1 to 31. Padding that kept the map's size still does.

    Raises ArchError where `path` is no convolution.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of a convolution.
        kernel: odd, from 1 to 31.
    """
    graph = build(network)
    op = _conv(graph, path)
    if type(kernel) is not int or not 1 <= kernel <= 31 or kernel % 2 == 0:
        raise ArchError(f"{path}: kernel is {kernel!r}; allowed: an odd number from 1 to 31")
    vertical, horizontal = (
        d * (kernel - 1) // 2 if 2 * p == d * (k - 1) else p for p, d, k in zip(op.padding, op.dilation, op.kernel)
    )
    return _rebuilt(graph, {path: replace(op, kernel=(kernel, kernel), padding=(vertical, horizontal))})


def regroup(network: Network, path: str, groups: int) -> Graph:
    """The graph with the convolution at `path` in `groups` groups. Raises ArchError where they do not divide.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of a convolution.
        groups: must divide its input and its output channels.
    """
    graph = build(network)
    return _rebuilt(graph, {path: replace(_conv(graph, path), groups=groups)})


def remove(network: Network, scope: str) -> Graph:
    """The graph without a block, a stage or an operator; its readers read its input.

    Raises ArchError where it reads or gives several tensors, gives the output, or leaves shapes that do not fit.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        scope: a path, or the first parts of several.
    """
    graph = build(network)
    inside = {node.path for node in _inside(graph, scope)}
    read = {path for node in graph.nodes if node.path in inside for path in node.inputs} - inside
    given = {path for node in graph.nodes if node.path not in inside for path in node.inputs} & inside
    if graph.nodes[-1].path in inside:
        raise ArchError(f"{scope} gives the network's output; allowed: a block that another one reads")
    if len(read) != 1 or len(given) != 1:
        raise ArchError(
            f"{scope} reads {len(read)} tensors and gives {len(given)}; allowed to remove: what reads one and gives one"
        )
    return _rebuilt(graph, {}, dict.fromkeys(inside, read.pop()))


def scopes(graph: Graph) -> list[str]:
    """The stages and blocks that have several operators, in order: what `remove` and `widen_scope` take."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        for scope in [scope for scope in dict.fromkeys((node.stage, node.block)) if scope != node.path]:
            found[scope] = found.get(scope, 0) + 1
    return [scope for scope, count in found.items() if count > 1]


def widths(graph: Graph) -> list[str]:
    """The paths of the operators that set a width: what `widen` takes."""
    return [node.path for node in graph.nodes if _gives_width(graph, node)]


# Tensors that must agree in width


def _gives_width(graph: Graph, node: Node) -> bool:
    if isinstance(node.op, Conv2d):
        return not node.op.depthwise(graph.input_shapes(node)[0])
    return isinstance(node.op, (Linear, LinearLast, ConvTranspose2d))


def _classes(graph: Graph) -> dict[str, str]:
    """Path → the representative of the tensors that must have as many channels (a union-find)."""
    parent = {path: path for path in graph.shapes}

    def root(path: str) -> str:
        while parent[path] != path:
            path = parent[path]
        return path

    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        if isinstance(node.op, MERGES):
            same = [x for x, shape in zip(node.inputs, shapes) if shape[0] == node.output[0]]
        elif _gives_width(graph, node) or len(shapes) != 1 or isinstance(node.op, (ChannelSplit, Slice, View)):
            same = []
        else:
            same = [node.inputs[0]] if shapes[0][0] == node.output[0] else []
        for path in same:
            parent[root(path)] = root(node.path)
    return {path: root(path) for path in parent}


def _tied(graph: Graph, path: str) -> list[str]:
    node = _node(graph, path)
    if not _gives_width(graph, node):
        raise ArchError(
            f"{path} has no width of its own: {node.op.describe(*graph.input_shapes(node))} follows what it reads; "
            "allowed: a convolution that is not depthwise, or a linear layer"
        )
    classes = _classes(graph)
    if classes[path] == classes[INPUT]:
        raise ArchError(f"{path} must agree with the image's {graph.input[0]} channels; allowed: that many")
    return [n.path for n in graph.nodes if classes[n.path] == classes[path] and _gives_width(graph, n)]


def _width(op: Op) -> int:
    return op.features if isinstance(op, (Linear, LinearLast)) else op.channels  # type: ignore[attr-defined]


def _groups(op: Op) -> int:
    return getattr(op, "groups", 1)


def _sized(op: Op, channels: int) -> Op:
    if type(channels) is not int or not 1 <= channels <= MAX_CHANNELS:
        raise ArchError(f"channels is {shorten(channels)}; allowed: 1 to {MAX_CHANNELS}")
    if isinstance(op, (Linear, LinearLast)):
        return replace(op, features=channels)
    assert isinstance(op, (Conv2d, ConvTranspose2d))
    return replace(op, channels=channels)


def _node(graph: Graph, path: str) -> Node:
    try:
        return graph[path]
    except KeyError:
        inside = [node.path for node in graph.nodes if f"{node.path}/".startswith(f"{path}/")]
        near = inside or get_close_matches(str(path), [node.path for node in graph.nodes])
        hint = f"; in it: {', '.join(near)}" if inside else f"; nearest: {', '.join(near)}" if near else ""
        raise ArchError(f"{shorten(path)} is no operator of {graph.name}{hint}") from None


def _conv(graph: Graph, path: str) -> Conv2d:
    op = _node(graph, path).op
    if not isinstance(op, Conv2d):
        raise ArchError(f"{path} is no convolution; allowed: one")
    return op


def _inside(graph: Graph, scope: str) -> list[Node]:
    found = [node for node in graph.nodes if node.path == scope or node.path.startswith(f"{scope}/")]
    if not found:
        raise ArchError(f"{shorten(scope)} is no block of {graph.name}")
    return found


# Rebuilding the graph


def _rebuilt(graph: Graph, changes: Mapping[str, Op], gone: Mapping[str, str] | None = None) -> Graph:
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
