"""Graph → the modules that a good engineer would write: which scopes become classes, and what those take.

    part  := leaf | chain | block
    leaf  := one operator
    chain := parts that each read the one before: an nn.Sequential
    block := parts of a scope that has a kind, one tensor in, one out: a class

A scope that is neither (several tensors in or out, or torn apart in execution order) dissolves into its parent, its
parts keep its name in front of theirs. No text here: `archs.interop.pytorch.codegen` writes it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from math import isfinite
from typing import Union

from archs.ir.graph import Graph, Node
from archs.ir.ops import Activation, ChannelSplit, Conv2d, Function, Module, Op, Shape


@dataclass(frozen=True)
class Leaf:
    name: str
    node: Node
    shapes: tuple[Shape, ...]
    shares: str = ""
    """The earlier node whose module it calls again."""

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
        plain = len(self.inputs) == 1 and not self.shares
        return plain and isinstance(self.node.op.spelling(*self.shapes), Module)


class _Group:
    """Parts of which the last gives the output; always a module."""

    parts: tuple[Part, ...]
    modular = True

    @property
    def output(self) -> str:
        return self.parts[-1].output

    @property
    def shape(self) -> Shape:
        return self.parts[-1].shape


@dataclass(frozen=True)
class Chain(_Group):
    name: str
    parts: tuple[Part, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.parts[0].inputs


@dataclass(frozen=True)
class Block(_Group):
    name: str
    kind: str
    parts: tuple[Part, ...]
    input: str
    input_shape: Shape

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,)


Part = Union[Leaf, Chain, Block]  # noqa: UP007 evaluated at run time, for Python 3.10


def parts(graph: Graph) -> tuple[Part, ...]:
    """The graph as the body of its network class."""
    return _parts(graph, graph.nodes, 0, dict(graph.kinds))


def _parts(graph: Graph, nodes: tuple[Node, ...], depth: int, kinds: dict[str, str]) -> tuple[Part, ...]:
    groups = [(name, tuple(group)) for name, group in groupby(nodes, lambda node: node.path.split("/")[depth])]
    torn = {name for name, times in Counter(name for name, _ in groups).items() if times > 1}
    found: list[Part] = []
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
            found.append(Block(name, kind, body, outside[0], graph.shapes[outside[0]]))
        elif whole and is_chain(inner):
            found.append(Chain(name, _flat(inner)))
        else:
            found += [_rename(part, f"{name}_{part.name}") for part in inner]
    return tuple(found)


def _reads(members: tuple[Node, ...]) -> list[str]:
    own = {node.path for node in members}
    return list(dict.fromkeys(path for node in members for path in node.inputs if path not in own))


def _only_last_is_read(graph: Graph, members: tuple[Node, ...]) -> bool:
    own = {node.path for node in members}
    ends = {graph.nodes[-1].path}
    for node in members[:-1]:
        if node.path in ends or any(reader.path not in own for reader in graph.consumers[node.path]):
            return False
    return True


def _shares_outside(graph: Graph, members: tuple[Node, ...]) -> bool:
    """Whether a module is called both in here and elsewhere."""
    own = {node.path for node in members}
    return any((user in own) != (owner in own) for user, owner in graph.shared)


def is_chain(members: tuple[Part, ...]) -> bool:
    """Whether each part is a module that reads the one before; who reads the ends is the caller's question."""
    if not all(part.modular for part in members):
        return False
    return all(after.inputs == (before.output,) for before, after in pairwise(members))


def _flat(members: tuple[Part, ...]) -> tuple[Part, ...]:
    flat: list[Part] = []
    for part in members:
        flat += part.parts if isinstance(part, Chain) else [part]
    return tuple(flat)


def _rename(part: Part, name: str) -> Part:
    if isinstance(part, Leaf):
        return Leaf(name, part.node, part.shapes, part.shares)
    if isinstance(part, Chain):
        return Chain(name, part.parts)
    return Block(name, part.kind, part.parts, part.input, part.input_shape)


# What distinguishes two blocks of one class is numbers. A slot is one number of one part, with what it means.


@dataclass(frozen=True)
class Slot:
    owner: str
    role: str  # "channels", "kernel", "stride", "padding", "dilation", "groups", "activation", or an argument's name
    value: object


def key(part: Part, reads: dict[str, int]) -> object:
    """What two parts share when they are one code with other numbers. `reads`: path → position in the class."""
    wiring = tuple(reads.get(path, -1) for path in part.inputs)
    if isinstance(part, Leaf):
        op = part.node.op
        what = Activation if isinstance(op, Activation) else type(op)
        return part.name, what, _form(op, part.shapes), wiring, reads.get(part.shares)
    inner = tuple(key(p, r) for p, r in zip(part.parts, _positions(part)))
    return part.name, part.kind if isinstance(part, Block) else None, inner, wiring


def _form(op: Op, shapes: tuple[Shape, ...]) -> object:
    """How an operator is written, its numbers left out: only one form fits into one line of code."""
    if isinstance(op, Activation):
        return None
    if type(op) is Conv2d:
        return op.bias
    if isinstance(op, ChannelSplit):
        return len(op.sizes), op.part
    spelling = op.spelling(*shapes)
    if isinstance(spelling, Function):
        return spelling.template
    return spelling.target, len(spelling.args), tuple(name for name, _ in spelling.kwargs)


def _positions(part: Chain | Block) -> list[dict[str, int]]:
    positions: dict[str, int] = {}
    found = []
    for number, member in enumerate(part.parts):
        found.append(dict(positions))
        positions[member.output] = number
    return found


def block_key(block: Block) -> object:
    """The key of a block whatever it is called and wherever it stands."""
    return block.kind, tuple(key(p, r) for p, r in zip(block.parts, _positions(block)))


@dataclass
class Parameter:
    """A constructor's argument: its name, its meaning, and its value for each block of the class."""

    name: str
    role: str
    values: tuple[object, ...]

    @property
    def default(self) -> object:
        return 1 if self.role in ("stride", "groups", "dilation") and 1 in self.values else None


@dataclass
class ClassDef:
    """A class and the blocks that are its instances; `texts[i]` is what stands in the code for slot i."""

    name: str
    blocks: list[Block]
    parameters: list[Parameter] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def arguments(self, block: Block) -> list[tuple[Parameter, object]]:
        position = next(i for i, b in enumerate(self.blocks) if b is block)
        return [(parameter, parameter.values[position]) for parameter in self.parameters]


_WEIGHTS = ("channels", "channels", "kernel")
ROLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("nn.Conv1d", "nn.ConvTranspose2d", "FixedConv2d", "StandardizedConv2d"), _WEIGHTS),
    **dict.fromkeys(("nn.BatchNorm1d", "nn.BatchNorm2d", "nn.LayerNorm", "nn.RMSNorm", "nn.PReLU"), ("channels",)),
    "nn.Linear": ("channels", "channels"),
    "nn.GroupNorm": ("groups", "channels"),
}
"""What a module's arguments mean, in order."""


def spelled_value(slot: Slot) -> str:
    """A slot's value as it stands in the code."""
    if isinstance(slot.value, str) and slot.role != "activation":
        return f'"{slot.value}"'  # a known word of an operator
    if isinstance(slot.value, float) and not isfinite(slot.value):
        return f'float("{slot.value}")'
    return str(slot.value)


def slots(part: Part, classes: dict[object, ClassDef]) -> list[Slot]:
    """The numbers of a part in the order in which its code has them."""
    if isinstance(part, Chain):
        return [slot for inner in part.parts for slot in slots(inner, classes)]
    if isinstance(part, Block):
        arguments = classes[block_key(part)].arguments(part)
        return [Slot(part.name, parameter.role, value) for parameter, value in arguments]
    op = part.node.op
    if type(op) is Conv2d:
        named = {"kernel": op.kernel, "stride": op.stride, "padding": op.padding, "dilation": op.dilation}
        return [
            Slot(part.name, "channels", part.shapes[0][0]),
            Slot(part.name, "channels", op.channels),
            *[Slot(part.name, role, pair[0] if pair[0] == pair[1] else pair) for role, pair in named.items()],
            Slot(part.name, "groups", op.groups),
        ]
    spelling = op.spelling(*part.shapes)
    if isinstance(op, Activation) and isinstance(spelling, Module):
        return [Slot(part.name, "activation", spelling.target)]
    if isinstance(op, ChannelSplit):
        return [Slot(part.name, "channels", size) for size in op.sizes]
    if isinstance(spelling, Module):
        roles = ROLES.get(spelling.target, [f"argument{i}" for i in range(len(spelling.args))])
        values = list(zip(roles, spelling.args))
        return [Slot(part.name, role, value) for role, value in (*values, *spelling.kwargs)]
    return [Slot(part.name, name, value) for name, value in spelling.kwargs]


def classes(body: tuple[Part, ...], taken: set[str]) -> dict[object, ClassDef]:
    """The classes of a network, inner ones first, by the key of their blocks."""
    found: dict[object, ClassDef] = {}
    for block in _blocks(body):
        found.setdefault(block_key(block), ClassDef("", [])).blocks.append(block)
    for definition in found.values():
        definition.name = unique("".join(word.capitalize() for word in definition.blocks[0].kind.split("_")), taken)
        _parametrise(definition, found)
    return found


def _blocks(members: tuple[Part, ...]) -> list[Block]:
    """All blocks, an inner one before the one that holds it."""
    found = []
    for part in members:
        if not isinstance(part, Leaf):
            found += _blocks(part.parts)
        if isinstance(part, Block):
            found.append(part)
    return found


def unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    taken.add(candidate)
    return candidate


def _argument(owner: str, role: str) -> str:
    """`dw_channels`, and `channels_0` where the operator has a number for a name."""
    owner = re.sub(r"[^A-Za-z0-9]+", "_", owner).strip("_")
    return f"{owner}_{role}" if owner[:1].isalpha() else f"{role}_{owner}".rstrip("_")


def _parametrise(definition: ClassDef, found: dict[object, ClassDef]) -> None:
    """Numbers that move together over all blocks of a class are one parameter; channels always are one."""
    columns = [[s for part in block.parts for s in slots(part, found)] for block in definition.blocks]
    rows = list(zip(*columns))  # one row per slot: that slot in every block
    # An argument is named after what it is to the block: its input, its output, or the operator that sets it
    ins = tuple(block.input_shape[0] for block in definition.blocks)
    outs = tuple(block.shape[0] for block in definition.blocks)
    parameters: dict[object, Parameter] = {}
    taken: set[str] = {"self"}
    for row in rows:
        role, values = row[0].role, tuple(slot.value for slot in row)
        if role != "channels" or ("channels", values) in parameters:
            continue
        if values == ins:
            name = "channels" if ins == outs else "in_channels"
        elif values == outs:
            name = "out_channels"
        else:
            name = _argument(row[0].owner, "channels")
        parameters["channels", values] = Parameter(unique(name, taken), role, values)
    kernel, kernels = "1", (1,) * len(definition.blocks)  # the convolution's, when its padding comes
    for row in rows:
        role, values = row[0].role, tuple(slot.value for slot in row)
        where = ("channels" if ("channels", values) in parameters else role, values)
        if role in ("channels", "groups") and where[0] == "channels" and set(values) != {1}:
            text = parameters[where].name
        elif len(set(values)) == 1:
            text = spelled_value(row[0])
        elif role == "padding" and all(type(k) is int and p == k // 2 for p, k in zip(values, kernels)):
            text = f"{kernel} // 2"
        else:
            if where not in parameters:
                names = {p.name for p in parameters.values()}
                name = role if role not in names else _argument(row[0].owner, role)
                parameters[where] = Parameter(unique(name, taken), role, values)
            text = parameters[where].name
        definition.texts.append(text)
        if role == "kernel":
            kernel, kernels = text, values
    order = {"in_channels": 0, "channels": 0, "out_channels": 2}
    definition.parameters = sorted(
        parameters.values(), key=lambda p: (p.role != "channels", order.get(p.name, 1), p.default is not None)
    )
