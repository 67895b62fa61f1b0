"""The lines of a forward: which members share one expression, and which names each line assigns.

The one place that decides it, from the structure of the members and without their numbers. `class_writer` prints these
statements, and `costmodel.latency.liveness` reads the lifetimes of tensors from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from archs.caching import cached
from archs.interop.pytorch.attribute_names import identifier, module_names
from archs.interop.pytorch.module_tree import ForwardPart
from archs.interop.unique_names import UniqueNames

WIDTH = 88  # ruff format's default
NUMBER_WIDTH = len("self.groups")  # of any number: one that differs between the blocks of a class is an attribute
INPUT_POSITION = -1
"""Stands for the tensor that a forward takes in, where others are numbered by the member whose output they are."""

_GENERATED = re.compile(r"y([0-9]{0,9})")


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


def forward_statements(members: Sequence[ForwardPart], input: str, network: bool = False) -> list[Statement]:
    """The statements of a forward in order; the last one returns. `network`: the network's own forward.

    Members share a line of at most `WIDTH`, in which any number takes `NUMBER_WIDTH`: blocks that differ in numbers
    alone have the same statements.
    """
    position_of = {input: INPUT_POSITION} | {member.output: i for i, member in enumerate(members)}
    readers: dict[str, int] = {}
    for member in members:
        for path in set(member.inputs):
            readers[path] = readers.get(path, 0) + 1
    attributes = module_names(members)
    variables = _Variables(input, members)
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
        free = [v for v in arguments if not variables.alive(v, position)]
        name = "x" if "x" in free else free[0] if free else variables.unused(position)
        overwritten = tuple(position_of[path] for path in variables.assign(name, member.output))
        found.append(Statement(start, position, arguments, (name,), overwritten))
    return found


def _width(member: ForwardPart, attributes: dict[str, str], inputs: int) -> int:
    """The width of a member's expression around inputs of a width."""
    if not member.template:
        return len(f"self.{attributes[member.output]}()") + inputs
    return _template_width(member.template) + inputs


@cached(4096, "the templates of a network's operators, read for each line")
def _template_width(template: str) -> int:
    fields = re.findall(r"\{(\w+)\}", template)
    numbers = [name for name in fields if name != "all" and not name.isdigit()]
    return len(template) - sum(len(name) + 2 for name in fields) + NUMBER_WIDTH * len(numbers)


class _Variables:
    """The names of the tensors of one forward: which path each holds, and until which member it is read.

    A name has one path at a time. Each operation is logarithmic in the names, so a forward of any width is linear.
    """

    def __init__(self, input: str, members: Sequence[ForwardPart]):
        self._last_read = {path: position for position, member in enumerate(members) for path in member.inputs}
        self._ending: list[list[str]] = [[] for _ in members]
        for path, position in self._last_read.items():
            self._ending[position].append(path)
        self._ended = 0  # members whose last reads are among the reusable names
        self._reusable: list[int] = []  # a heap of numbers of names whose tensor is read no more
        self._highest = 0
        self._names = {input: "x"}
        self._paths = {"x": input}
        self._taken = UniqueNames({"_", "x"})

    def __getitem__(self, path: str) -> str:
        return self._names[path]

    def alive(self, name: str, position: int) -> bool:
        """Whether the tensor of a name is read at `position` or behind it."""
        return name in self._paths and self._last_read.get(self._paths[name], -1) >= position

    def assign(self, name: str, path: str) -> list[str]:
        """Bind a name to another path; returns the path that it was bound to, if any."""
        replaced = [self._paths[name]] if name in self._paths else []
        for before in replaced:
            del self._names[before]
        self._names[path], self._paths[name] = name, path
        self._taken.add(name)
        if path not in self._last_read:
            self._end(name)
        return replaced

    def named(self, path: str, wanted: str) -> str:
        """A name that was never in use, for a path."""
        name = self._taken.take(wanted)
        self.assign(name, path)
        return name

    def unused(self, position: int) -> str:
        """The first of y, y2, y3, … whose tensor is not read at `position` or behind it."""
        while self._ended < position:
            for path in self._ending[self._ended]:
                if path in self._names:
                    self._end(self._names[path])
            self._ended += 1
        while True:
            if self._reusable and self._reusable[0] <= self._highest:
                number = heappop(self._reusable)
            else:
                number = self._highest = self._highest + 1
            name = "y" if number == 1 else f"y{number}"
            if not self.alive(name, position):
                return name

    def _end(self, name: str) -> None:
        if found := _GENERATED.fullmatch(name):
            heappush(self._reusable, int(found[1] or 1))


def _split(members: Sequence[ForwardPart], position: int, variables: _Variables) -> tuple[int, tuple[str, ...]]:
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
        names[part.split.part] = variables.named(part.output, identifier(part.name))
        position += 1
    return position, tuple(names)
