"""Graph → modules: which scopes become classes, and what those take.

A member is a leaf (one operator), a chain (members that each read the one before: an nn.Sequential) or a composite (a
scope with a kind, one tensor in and one out: a class). Any other scope dissolves into its parent, and its members keep
its name in front of theirs. No text here: `archs.interop.pytorch.codegen` writes it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import Protocol, Union

from archs.ir.graph import Graph, Node
from archs.ir.ops import ChannelSplit, Function, Module, Shape


class ForwardPart(Protocol):
    """What the lines of a forward depend on: a member, or only its place in the structure."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def output(self) -> str: ...
    @property
    def template(self) -> str:
        """The expression of a function; empty for what is called as a module."""

    @property
    def shares(self) -> str:
        """The earlier node whose module it calls again."""

    @property
    def split(self) -> ChannelSplit | None:
        """The operator, where it is one part of a channel split."""


@dataclass(frozen=True)
class Leaf:
    """A node as a member of a module: a layer, a function, or a call of a shared layer."""

    name: str
    node: Node
    shapes: tuple[Shape, ...]
    shares: str = ""
    """The earlier node whose module it calls again."""

    @cached_property
    def spelling(self) -> Module | Function:
        return self.node.op.spelling(*self.shapes)

    @property
    def template(self) -> str:
        return self.spelling.template if isinstance(self.spelling, Function) else ""

    @property
    def split(self) -> ChannelSplit | None:
        return self.node.op if isinstance(self.node.op, ChannelSplit) else None

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.node.inputs

    @property
    def output(self) -> str:
        return self.node.path

    @property
    def shape(self) -> Shape:
        return self.node.output

    @property
    def modular(self) -> bool:
        return len(self.inputs) == 1 and not self.shares and isinstance(self.spelling, Module)


class _Group:
    """Parts of which the last gives the output; always a module."""

    parts: tuple[Member, ...]
    modular = True
    template = shares = ""
    split = None

    @property
    def output(self) -> str:
        return self.parts[-1].output

    @property
    def shape(self) -> Shape:
        return self.parts[-1].shape


@dataclass(frozen=True)
class Chain(_Group):
    """Members of which each reads the one before: an `nn.Sequential`."""

    name: str
    parts: tuple[Member, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.parts[0].inputs


@dataclass(frozen=True)
class Composite(_Group):
    """Members of a class of the exported text, which reads one tensor."""

    name: str
    kind: str
    parts: tuple[Member, ...]
    input: str
    input_shape: Shape

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


Member = Union[Leaf, Chain, Composite]  # noqa: UP007 evaluated at run time, for Python 3.10


def parts(graph: Graph) -> tuple[Member, ...]:
    """The graph as the body of its network class."""
    return _parts(graph, graph.nodes, 0, dict(graph.kinds))


def _parts(graph: Graph, nodes: tuple[Node, ...], depth: int, kinds: dict[str, str]) -> tuple[Member, ...]:
    groups = [(name, tuple(group)) for name, group in groupby(nodes, lambda node: node.path.split("/")[depth])]
    torn = {name for name, times in Counter(name for name, _ in groups).items() if times > 1}
    found: list[Member] = []
    for name, members in groups:
        if len(members) == 1:
            [node] = members
            rest = node.path.split("/")[depth:]
            label = "_".join(rest) if name in torn else name
            found.append(Leaf(label, node, graph.input_shapes(node), graph.owners.get(node.path, "")))
            continue
        inner = _parts(graph, members, depth + 1, kinds)
        outside = _reads(members)
        whole = name not in torn and len(outside) == 1 and _only_last_is_read(graph, members)
        whole = whole and not _shares_outside(graph, members)
        kind = kinds.get("/".join(members[0].path.split("/")[: depth + 1]))
        if whole and kind:
            body = _flat(inner) if is_chain(inner) else inner
            found.append(Composite(name, kind, body, outside[0], graph.shapes[outside[0]]))
        elif whole and is_chain(inner):
            found.append(Chain(name, _flat(inner)))
        else:
            found += [_rename(part, f"{name}_{part.name}") for part in inner]
    return tuple(found)


def _reads(members: tuple[Node, ...]) -> list[str]:
    inside = {node.path for node in members}
    return list(dict.fromkeys(path for node in members for path in node.inputs if path not in inside))


def _only_last_is_read(graph: Graph, members: tuple[Node, ...]) -> bool:
    inside = {node.path for node in members}
    ends = {graph.nodes[-1].path}
    for node in members[:-1]:
        if node.path in ends or any(reader.path not in inside for reader in graph.consumers[node.path]):
            return False
    return True


def _shares_outside(graph: Graph, members: tuple[Node, ...]) -> bool:
    """Whether a module is called both in here and elsewhere."""
    inside = {node.path for node in members}
    return any(
        graph.owners.get(node.path, node.path) not in inside or not inside.issuperset(graph.users.get(node.path, ()))
        for node in members
    )


def is_chain(members: tuple[Member, ...]) -> bool:
    """Whether each part is a module that reads the one before; who reads the ends is the caller's question."""
    if not all(part.modular for part in members):
        return False
    return all(after.inputs == (before.output,) for before, after in pairwise(members))


def _flat(members: tuple[Member, ...]) -> tuple[Member, ...]:
    flat: list[Member] = []
    for part in members:
        flat += part.parts if isinstance(part, Chain) else [part]
    return tuple(flat)


def _rename(part: Member, name: str) -> Member:
    if isinstance(part, Leaf):
        return Leaf(name, part.node, part.shapes, part.shares)
    if isinstance(part, Chain):
        return Chain(name, part.parts)
    return Composite(name, part.kind, part.parts, part.input, part.input_shape)
