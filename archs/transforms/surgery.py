"""Edits of any graph, also of one without a table: widen, rekernel, regroup, remove. Name, Spec or Graph → Graph.

Shapes are propagated. Tensors that are added or gated must agree in width, so their convolutions are widened together.
An operator that cannot follow raises ArchError with its path. Layers that an edit leaves keep their trained weights.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from math import lcm

from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.ir.graph import INPUT, Graph, Node
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
    Slice,
    Subtract,
    View,
)
from archs.networks import Network, build
from archs.tables.rows import MAX_CHANNELS
from archs.tables.validation import plain
from archs.transforms.rebuilding import rebuilt

MERGES = (Add, Multiply, Subtract, Divide, Maximum)


@guided(factor="channels is a number of channels")
def widen(network: Network, path: str, channels: int) -> Graph:
    """The graph with `channels` output channels (or features) at `path` and at every operator that must agree with it.

    Raises ArchError where the operator follows its input (`widths` lists the others) or a width is out of range.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of an operator that sets its width.
        channels: output channels, or features of a linear layer.

    >>> widen("mobilenet_v2", "stem/conv/conv", 48)["stage1/block1/dw"].op.channels
    48
    """
    graph = build(network)
    members = _tied(graph, path)
    return rebuilt(graph, {member: _sized(graph[member].op, channels) for member in members})


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
    return rebuilt(graph, changes)


@guided()
def rekernel(network: Network, path: str, kernel: int) -> Graph:
    """The graph with a k×k convolution at `path`, k odd, from 1 to 31. Padding that kept the map's size still does.

    Raises ArchError where `path` is no convolution.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of a convolution.
        kernel: odd, from 1 to 31.

    >>> rekernel("mobilenet_v2", "stage2/block1/dw", 5)["stage2/block1/dw"].op.kernel
    (5, 5)
    """
    graph, kernel = build(network), plain(kernel)
    op = _conv(graph, path)
    if type(kernel) is not int or not 1 <= kernel <= 31 or kernel % 2 == 0:
        raise ArchError(f"{path}: kernel is {kernel!r}; allowed: an odd number from 1 to 31")
    vertical, horizontal = (
        d * (kernel - 1) // 2 if 2 * p == d * (k - 1) else p for p, d, k in zip(op.padding, op.dilation, op.kernel)
    )
    return rebuilt(graph, {path: replace(op, kernel=(kernel, kernel), padding=(vertical, horizontal))})


@guided()
def regroup(network: Network, path: str, groups: int) -> Graph:
    """The graph with the convolution at `path` in `groups` groups. Raises ArchError where they do not divide.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of a convolution.
        groups: must divide its input and its output channels.

    >>> regroup("mobilenet_v2", "stage2/block1/expand", 4)["stage2/block1/expand"].op.groups
    4
    """
    graph = build(network)
    return rebuilt(graph, {path: replace(_conv(graph, path), groups=plain(groups))})


@guided()
def remove(network: Network, scope: str) -> Graph:
    """The graph without a block, a stage or an operator; its readers read its input.

    Raises ArchError where it reads or gives several tensors, gives the output, or leaves shapes that do not fit.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        scope: a path, or the first parts of several.

    >>> remove("mobilenet_v2", "stage2/block2")
    <Graph mobilenet_v2: 3×224×224 → 1000, 144 nodes>
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
    return rebuilt(graph, {}, dict.fromkeys(inside, read.pop()))


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
    channels = plain(channels)
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
