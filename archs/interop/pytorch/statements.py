"""The lines of a forward: which members share one expression, and which names each line assigns.

The one place that decides it, from the structure of the members and without their numbers. `class_writer` prints these
statements, and `costmodel.latency.liveness` reads the lifetimes of tensors from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archs.caching import cached
from archs.interop.pytorch.attribute_names import identifier, module_names
from archs.interop.pytorch.module_tree import Step, unique

WIDTH = 88  # ruff format's default
NUMBER_WIDTH = len("self.groups")  # of any number: one that differs between the blocks of a class is an attribute
INPUT_POSITION = -1
"""Stands for the tensor that a forward takes in, where others are numbered by the member whose output they are."""


@dataclass(frozen=True)
class Statement:
    """One line of a forward, which runs the members from `first` up to `stop`, each on the output of the one before.

    The parts of one channel split share a line too; each of them has a name.
    """

    first: int
    stop: int
    arguments: tuple[str, ...]
    """The variables that the first member reads; of a line without members, the one that it returns."""
    targets: tuple[str, ...] = ()
    """The names that the line assigns; a line without them returns."""
    overwritten: tuple[int, ...] = ()
    """The tensors whose name the line assigns again: members by position, or `INPUT_POSITION`."""


def forward_statements(members: Sequence[Step], input: str, network: bool = False) -> list[Statement]:
    """The statements of a forward in order; the last one returns. `network`: the network's own forward.

    Members share a line of at most `WIDTH`, in which any number takes `NUMBER_WIDTH`: blocks that differ in numbers
    alone have the same statements.
    """
    position_of = {input: INPUT_POSITION} | {member.output: i for i, member in enumerate(members)}
    last_read: dict[str, int] = {}
    readers: dict[str, int] = {}
    for position, member in enumerate(members):
        for path in set(member.inputs):
            last_read[path] = position
            readers[path] = readers.get(path, 0) + 1
    attributes = module_names(members)
    variables = {input: "x"}
    found: list[Statement] = []
    position = 0
    while position < len(members):
        start, member = position, members[position]
        arguments = tuple([variables[path] for path in member.inputs])
        if member.split is not None:
            position, targets = _split(members, position, variables)
            found.append(Statement(start, position, arguments, targets))
            if position == len(members):
                found.append(Statement(position, position, (variables[members[-1].output],)))
            continue
        width = _width(member, attributes, sum(map(len, arguments)) + 2 * (len(arguments) - 1))
        while position + 1 < len(members):  # conv, conv_bn, conv_act on one line
            after = members[position + 1]
            joined = after.name.startswith(f"{members[start].name}_") or (position + 2 == len(members) and not network)
            if after.inputs != (member.output,) or readers.get(member.output) != 1 or not joined:
                break
            if after.template.startswith("{"):
                break  # x + y stands in no (x + y) * z without brackets
            width = _width(after, attributes, width)
            if width + 15 > WIDTH:
                break
            member, position = after, position + 1
        position += 1
        if position == len(members):
            found.append(Statement(start, position, arguments))
            break
        alive = {v for path, v in variables.items() if last_read.get(path, -1) >= position}
        free = [v for v in arguments if v not in alive]
        name = "x" if "x" in free else free[0] if free else next(v for v in _names() if v not in alive)
        overwritten = tuple(position_of[path] for path, v in variables.items() if v == name)
        variables = {path: v for path, v in variables.items() if v != name}
        variables[member.output] = name
        found.append(Statement(start, position, arguments, (name,), overwritten))
    return found


def _width(member: Step, attributes: dict[str, str], inputs: int) -> int:
    """The width of a member's expression around inputs of a width."""
    if not member.template:
        return len(f"self.{attributes[member.output]}()") + inputs
    return _template_width(member.template) + inputs


@cached(None, "few templates, read for each line")
def _template_width(template: str) -> int:
    fields = re.findall(r"\{(\w+)\}", template)
    numbers = [name for name in fields if name != "all" and not name.isdigit()]
    return len(template) - sum(len(name) + 2 for name in fields) + NUMBER_WIDTH * len(numbers)


def _split(members: Sequence[Step], position: int, variables: dict[str, str]) -> tuple[int, tuple[str, ...]]:
    """The position behind the parts of a split that stand together, and the names that its line assigns."""
    first = members[position]
    assert first.split is not None
    sizes = first.split.sizes
    names = ["_"] * len(sizes)
    while position < len(members):
        part = members[position]
        if part.split is None or part.inputs != first.inputs or part.split.sizes != sizes:
            break
        if names[part.split.part] != "_":
            break
        taken = set(variables.values()) - {"_"}
        names[part.split.part] = variables[part.output] = unique(identifier(part.name), taken)
        position += 1
    return position, tuple(names)


def _names() -> Iterator[str]:
    yield "y"
    number = 1
    while True:
        number += 1
        yield f"y{number}"
