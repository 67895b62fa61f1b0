"""The text of one class: its constructor, and a forward of the lines that `statements` decides."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence

from archs.interop.pytorch.attribute_names import module_names
from archs.interop.pytorch.classes import ClassDef, block_key
from archs.interop.pytorch.module_tree import Chain, Composite, Leaf, Member, is_chain
from archs.interop.pytorch.statements import WIDTH, Statement, forward_statements
from archs.ir.ops import Activation, ChannelSplit, Conv2d, Function, Module

NUM_CLASSES = "num_classes"
"""The argument of the network's class that sets the width of its last layer."""


class ClassWriter:
    """Writes one class. `sizes`: the network's own, with the output shape behind each line."""

    def __init__(self, found: Mapping[object, ClassDef], definition: ClassDef, sizes: bool = False):
        self.block: Composite = definition.blocks[0]
        self._found = found
        self._definition = definition
        self._sizes = sizes
        self._attributes = module_names(self.block.parts)
        self._templates: dict[str, str] = {}
        self._arguments: dict[str, dict[str, str]] = {}  # what stands for a function's numbers in forward
        self._stored: dict[str, None] = {}  # parameters that forward needs, which become attributes
        for member in self.block.parts:
            if isinstance(member, Leaf) and isinstance(member.spelling, Function):
                self._function(member, member.spelling)

    def block_class(self, doc: str = "") -> str:
        """A class of which the network has instances."""
        chain = is_chain(self.block.parts)
        arguments = ["self"]
        for p in self._definition.parameters:
            hint = "type[nn.Module]" if p.role == "activation" else _hint(p.values)
            arguments.append(f"{p.name}: {hint}" + (f" = {p.default}" if p.default is not None else ""))
        head = f"class {self._definition.name}({'nn.Sequential' if chain else 'nn.Module'}):\n"
        if doc:
            head += f'    """{doc}"""\n\n'
        head += "\n".join(_wrap(4, "def __init__(", arguments, "):")) + "\n"
        if chain:
            return head + "\n".join(self._items(8, "super().__init__(", self.block.parts, ")")) + "\n"
        return head + self._body()

    def network_class(self, ties: Sequence[str] = (), classes: int | None = None) -> str:
        """The last class of the text. `ties`: assignments of parameters that modules have in common.

        `classes` is the default of the argument `num_classes`, where the class has one.
        """
        arguments = "self" if classes is None else f"self, {NUM_CLASSES}: int = {classes}"
        return f"class {self._definition.name}(nn.Module):\n    def __init__({arguments}):\n" + self._body(ties)

    def _body(self, ties: Sequence[str] = ()) -> str:
        lines = ["        super().__init__()"]
        lines += [f"        self.{name} = {name}" for name in self._stored]
        for member in self.block.parts:
            if member.output in self._attributes and not (isinstance(member, Leaf) and member.shares):
                lines += self._assign(f"self.{self._attributes[member.output]} = ", member)
        lines += [f"        {tie}" for tie in ties]
        forward = "\n    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        statements = forward_statements(self.block.parts, self.block.input, network=self._sizes)
        return "\n".join(lines) + "\n" + forward + "".join(f"        {self._line(s)}\n" for s in statements)

    # the constructor

    def _comment(self, member: Member) -> str:
        return f"  # {' x '.join(map(str, member.shape))}" if self._sizes else ""

    def _assign(self, target: str, member: Member) -> list[str]:
        if isinstance(member, Chain):
            return self._items(8, f"{target}nn.Sequential(", member.parts, ")")
        head, arguments = self._call(member)
        return _wrap(8, f"{target}{head}(", arguments, ")", self._comment(member))

    def _items(self, indent: int, head: str, members: Sequence[Member], tail: str) -> list[str]:
        lines = [" " * indent + head]
        for member in members:
            inner, arguments = self._call(member)
            lines += _wrap(indent + 4, f"{inner}(", arguments, "),", self._comment(member))
        if len(members) == 1 and not self._sizes:
            inline = " " * indent + head + lines[1].strip().removesuffix(",") + tail
            if len(lines) == 2 and len(inline) <= WIDTH:
                return [inline]
        return [*lines, " " * indent + tail]

    def _call(self, member: Member) -> tuple[str, list[str]]:
        """The constructor's name and arguments of a module."""
        if isinstance(member, Chain):
            raise TypeError("a chain within a chain is flat")
        texts = self._definition.texts
        if isinstance(member, Composite):
            definition = self._found[block_key(member)]
            arguments = []
            for parameter in definition.parameters:
                text = texts[member.output, parameter.name]
                if parameter.role == "channels":
                    arguments.append(text)
                elif text != str(parameter.default):
                    arguments.append(f"{parameter.name}={text}")
            return definition.name, arguments
        op, spelling = member.node.op, member.spelling
        assert isinstance(spelling, Module)
        if isinstance(op, Activation):
            return texts[member.output, "activation"], []
        if type(op) is Conv2d:
            arguments = [texts[member.output, name] for name in ("in_channels", "out_channels", "kernel")]
            for name, default in (("stride", "1"), ("padding", "0"), ("dilation", "1"), ("groups", "1")):
                if (text := texts[member.output, name]) != default:
                    arguments.append(f"{name}={text}")
            return spelling.target, arguments + ([] if op.bias else ["bias=False"])
        arguments = [texts[member.output, f"argument{i}"] for i in range(len(spelling.args))]
        return spelling.target, arguments + [f"{name}={texts[member.output, name]}" for name, _ in spelling.kwargs]

    # forward

    def _function(self, member: Leaf, spelling: Function) -> None:
        """A function's numbers are needed in forward: a literal stands there, a parameter becomes an attribute."""
        op = member.node.op
        if isinstance(op, ChannelSplit):
            names = [f"size{i}" for i in range(len(op.sizes))]
        else:
            names = [name for name, _ in spelling.kwargs]
        found = {name: self._definition.texts[member.output, name] for name in names}
        if not (isinstance(op, ChannelSplit) and _equal(found)):  # a chunk takes no sizes
            for name, text in found.items():
                if text.isidentifier() and not keyword.iskeyword(text):
                    self._stored[text] = None
                    found[name] = f"self.{text}"
        self._templates[member.output] = spelling.template
        self._arguments[member.output] = found

    def _line(self, statement: Statement) -> str:
        members = self.block.parts[statement.first : statement.stop]
        if not members:
            return f"return {statement.arguments[0]}"
        targets = ", ".join(statement.targets)
        if isinstance(split := members[0], Leaf) and split.split:
            targets = targets if len(statement.targets) > 1 else f"({targets},)"
            return f"{targets} = {self._split(split, statement.arguments[0])}"
        expression = self._expression(members[0], statement.arguments)
        for after in members[1:]:
            expression = self._expression(after, [expression])
        return f"{targets} = {expression}" if targets else f"return {expression}"

    def _expression(self, member: Member, inputs: Sequence[str]) -> str:
        if member.output not in self._templates:
            return f"self.{self._attributes[member.output]}({', '.join(inputs)})"
        named = self._arguments[member.output]
        return self._templates[member.output].format(*inputs, all=", ".join(inputs), **named)

    def _split(self, member: Leaf, source: str) -> str:
        sizes = self._arguments[member.output]
        if _equal(sizes):
            return f"{source}.chunk({len(sizes)}, dim=1)"
        return f"{source}.split(({', '.join(sizes.values())}), dim=1)"


def _equal(sizes: Mapping[str, str]) -> bool:
    return len(set(sizes.values())) == 1


def _hint(values: tuple[object, ...]) -> str:
    kinds = {type(value) for value in values}
    if kinds <= {int, float, bool, str}:
        return "float" if kinds == {int, float} else " | ".join(sorted(kind.__name__ for kind in kinds))
    return "int"  # or a pair of them


def _wrap(indent: int, head: str, arguments: list[str], tail: str, comment: str = "") -> list[str]:
    """`head(arguments)tail` on one line, or as `ruff format` breaks it: arguments on a line of their own, or each."""
    pad = " " * indent
    line = f"{pad}{head}{', '.join(arguments)}{tail}"
    if len(line + comment) <= WIDTH:
        return [line + comment]
    if len(line) <= WIDTH:
        return [f"{pad}{comment.strip()}", line]
    inner = f"{pad}    {', '.join(arguments)}"
    above = [f"{pad}{comment.strip()}"] if comment else []
    if len(inner) <= WIDTH:
        return [*above, f"{pad}{head}", inner, f"{pad}{tail}"]
    return [*above, f"{pad}{head}", *[f"{pad}    {a}," for a in arguments], f"{pad}{tail}"]
