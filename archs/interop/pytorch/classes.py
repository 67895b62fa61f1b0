"""Which blocks of a network are instances of one class, and which numbers its constructor takes.

Blocks that are one code with other numbers share a class. A slot is one number of one member; slots whose numbers are
equal in all blocks are literals, the others become parameters. No text beyond single values is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite

from archs.interop.pytorch.module_tree import Chain, Composite, Leaf, Member
from archs.interop.unique_names import UniqueNames
from archs.ir.ops import Activation, ChannelSplit, Conv2d, Function, Module


@dataclass(frozen=True)
class Slot:
    """A number of a member that the class's constructor may take as an argument."""

    member: Member
    argument: str
    """Which of the member's numbers it is: no two slots of a member have the same."""
    role: str  # "channels", "kernel", "stride", "padding", "dilation", "groups", "activation", or an argument's name
    value: object

    @property
    def key(self) -> tuple[str, str]:
        """Where the text of the number stands in `ClassDef.texts`."""
        return self.member.output, self.argument


def key(part: Member, reads: dict[str, int]) -> object:
    """What two parts share when they are one code with other numbers. `reads`: path → position in the class."""
    wiring = tuple(reads.get(path, -1) for path in part.inputs)
    if isinstance(part, Leaf):
        op = part.node.op
        what = Activation if isinstance(op, Activation) else type(op)
        return part.name, what, _form(part), wiring, reads.get(part.shares)
    inner = tuple(key(p, r) for p, r in zip(part.parts, _positions(part)))
    return part.name, part.kind if isinstance(part, Composite) else None, inner, wiring


def _form(leaf: Leaf) -> object:
    """How an operator is written, its numbers left out: only one form fits into one line of code."""
    op = leaf.node.op
    if isinstance(op, Activation):
        return None
    if type(op) is Conv2d:
        return op.bias
    if isinstance(op, ChannelSplit):
        return len(op.sizes), op.part
    spelling = leaf.spelling
    if isinstance(spelling, Function):
        return spelling.template
    return spelling.target, len(spelling.args), tuple(name for name, _ in spelling.kwargs)


def _positions(part: Chain | Composite) -> list[dict[str, int]]:
    positions: dict[str, int] = {}
    found = []
    for number, member in enumerate(part.parts):
        found.append(dict(positions))
        positions[member.output] = number
    return found


def block_key(block: Composite) -> object:
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
    """A class and the blocks that are its instances; `texts` has what stands in the code for each slot of the first."""

    name: str
    blocks: list[Composite]
    parameters: list[Parameter] = field(default_factory=list)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {id(block): position for position, block in enumerate(self.blocks)}

    def arguments(self, block: Composite) -> list[tuple[Parameter, object]]:
        position = self._positions[id(block)]
        return [(parameter, parameter.values[position]) for parameter in self.parameters]


_WEIGHTS = ("channels", "channels", "kernel")
ROLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("nn.Conv1d", "nn.Conv3d", "nn.ConvTranspose2d"), _WEIGHTS),
    **dict.fromkeys(("FixedConv2d", "StandardizedConv2d"), _WEIGHTS),
    "Recurrent": ("cell", "channels", "channels"),
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
    if isinstance(slot.value, tuple):
        return repr(slot.value).replace("'", '"')
    return str(slot.value)


def slots(member: Member, classes: Mapping[object, ClassDef]) -> list[Slot]:
    """The numbers of a member in the order in which its code has them."""
    if isinstance(member, Chain):
        return [slot for inner in member.parts for slot in slots(inner, classes)]
    if isinstance(member, Composite):
        arguments = classes[block_key(member)].arguments(member)
        return [Slot(member, parameter.name, parameter.role, value) for parameter, value in arguments]
    op = member.node.op
    if type(op) is Conv2d:
        pairs = {"kernel": op.kernel, "stride": op.stride, "padding": op.padding, "dilation": op.dilation}
        return [
            Slot(member, "in_channels", "channels", member.shapes[0][0]),
            Slot(member, "out_channels", "channels", op.channels),
            *[Slot(member, role, role, pair[0] if pair[0] == pair[1] else pair) for role, pair in pairs.items()],
            Slot(member, "groups", "groups", op.groups),
        ]
    spelling = member.spelling
    if isinstance(op, Activation) and isinstance(spelling, Module):
        return [Slot(member, "activation", "activation", spelling.target)]
    if isinstance(op, ChannelSplit):
        return [Slot(member, f"size{i}", "channels", size) for i, size in enumerate(op.sizes)]
    named = [Slot(member, name, name, value) for name, value in spelling.kwargs]
    if isinstance(spelling, Function):
        return named
    roles = ROLES.get(spelling.target, ())
    positional = [
        Slot(member, f"argument{i}", roles[i] if i < len(roles) else f"argument{i}", value)
        for i, value in enumerate(spelling.args)
    ]
    return positional + named


def classes(body: tuple[Member, ...], taken: UniqueNames) -> dict[object, ClassDef]:
    """The classes of a network, inner ones first, by the key of their blocks."""
    found: dict[object, ClassDef] = {}
    for block in _blocks(body):
        found.setdefault(block_key(block), ClassDef("", [])).blocks.append(block)
    for definition in found.values():
        definition.name = taken.take("".join(word.capitalize() for word in definition.blocks[0].kind.split("_")))
        _parametrise(definition, found)
    return found


def _blocks(members: tuple[Member, ...]) -> list[Composite]:
    """All blocks, an inner one before the one that holds it."""
    found = []
    for part in members:
        if not isinstance(part, Leaf):
            found += _blocks(part.parts)
        if isinstance(part, Composite):
            found.append(part)
    return found


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
    taken = UniqueNames({"self"})
    for row in rows:
        role, values = row[0].role, tuple(slot.value for slot in row)
        if role != "channels" or ("channels", values) in parameters:
            continue
        if values == ins:
            name = "channels" if ins == outs else "in_channels"
        elif values == outs:
            name = "out_channels"
        else:
            name = _argument(row[0].member.name, "channels")
        parameters["channels", values] = Parameter(taken.take(name), role, values)
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
                name = role if role not in taken else _argument(row[0].member.name, role)
                parameters[where] = Parameter(taken.take(name), role, values)
            text = parameters[where].name
        definition.texts[row[0].key] = text
        if role == "kernel":
            kernel, kernels = text, values
    order = {"in_channels": 0, "channels": 0, "out_channels": 2}
    definition.parameters = sorted(
        parameters.values(), key=lambda p: (p.role != "channels", order.get(p.name, 1), p.default is not None)
    )
