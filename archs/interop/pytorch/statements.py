"""The lines of a forward: which members share one expression, and which names each line assigns.

The one place that decides it: the text is printed from these statements, and tensor lifetimes are read from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from archs.interop.pytorch.attribute_names import identifier
from archs.interop.pytorch.module_tree import Leaf, Member, unique
from archs.ir.ops import ChannelSplit

WIDTH = 88  # ruff format's default
INPUT_POSITION = -1
"""Stands for the tensor that a forward takes in, where others are numbered by the member whose output they are."""


@dataclass(frozen=True)
class Statement:
    """One line of a forward, which runs the members from `first` up to `stop`, each on the output of the one before.

    The parts of one channel split share a line too; each of them has a name.
    """

    first: int
    stop: int
    code: str
    overwritten: tuple[int, ...] = ()
    """The tensors whose name the line assigns again: members by position, or `INPUT_POSITION`."""


@dataclass(frozen=True)
class Spelling:
    """How the members of one forward are called."""

    expression: Callable[[Member, Sequence[str]], str]
    """A member applied to the expressions of its inputs."""
    split: Callable[[Leaf, str], str]
    """All parts of a channel split of a variable."""
    operator: Callable[[Member], bool]
    """Whether an expression would need brackets around its first operand."""


def forward_statements(members: Sequence[Member], input: str, spelling: Spelling, sizes: bool) -> list[Statement]:
    """The statements of a forward in order; the last one returns. `sizes`: the network's own forward."""
    position_of = {input: INPUT_POSITION} | {member.output: i for i, member in enumerate(members)}
    last_read: dict[str, int] = {}
    readers: dict[str, int] = {}
    for position, member in enumerate(members):
        for path in set(member.inputs):
            last_read[path] = position
            readers[path] = readers.get(path, 0) + 1
    variables = {input: "x"}
    found: list[Statement] = []
    position = 0
    while position < len(members):
        start, member = position, members[position]
        if isinstance(member, Leaf) and isinstance(member.node.op, ChannelSplit):
            position, targets = _split(members, position, variables)
            code = f"{targets} = {spelling.split(member, variables[member.inputs[0]])}"
            found.append(Statement(start, position, code))
            if position == len(members):
                found.append(Statement(position, position, f"return {variables[members[-1].output]}"))
            continue
        expression = spelling.expression(member, [variables[path] for path in member.inputs])
        while position + 1 < len(members):  # conv, conv_bn, conv_act on one line
            after = members[position + 1]
            joined = after.name.startswith(f"{members[start].name}_") or (position + 2 == len(members) and not sizes)
            if after.inputs != (member.output,) or readers.get(member.output) != 1 or not joined:
                break
            if spelling.operator(after):
                break  # x + y stands in no (x + y) * z without brackets
            longer = spelling.expression(after, [expression])
            if len(longer) + 15 > WIDTH:
                break
            member, expression, position = after, longer, position + 1
        position += 1
        if position == len(members):
            found.append(Statement(start, position, f"return {expression}"))
            break
        alive = {v for path, v in variables.items() if last_read.get(path, -1) >= position}
        free = [variables[path] for path in members[start].inputs if variables[path] not in alive]
        name = "x" if "x" in free else free[0] if free else next(v for v in _names() if v not in alive)
        overwritten = tuple(position_of[path] for path, v in variables.items() if v == name)
        variables = {path: v for path, v in variables.items() if v != name}
        variables[member.output] = name
        found.append(Statement(start, position, f"{name} = {expression}", overwritten))
    return found


def _split(members: Sequence[Member], position: int, variables: dict[str, str]) -> tuple[int, str]:
    """The position behind the parts of a split that stand together, and the names that its line assigns."""
    first = members[position]
    assert isinstance(first, Leaf)
    op = first.node.op
    assert isinstance(op, ChannelSplit)
    names = ["_"] * len(op.sizes)
    while position < len(members):
        part = members[position]
        if not isinstance(part, Leaf) or not isinstance(part.node.op, ChannelSplit) or part.inputs != first.inputs:
            break
        if part.node.op.sizes != op.sizes or names[part.node.op.part] != "_":
            break
        taken = set(variables.values()) - {"_"}
        names[part.node.op.part] = variables[part.output] = unique(identifier(part.name), taken)
        position += 1
    return position, f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def _names() -> Iterator[str]:
    yield "y"
    number = 1
    while True:
        number += 1
        yield f"y{number}"
