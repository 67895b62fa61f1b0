"""Graph → PyTorch source text → nn.Module. The text stands alone: it needs torch and nothing else.

The module that is timed, and the one that other tools count, is this text, executed. That is safe because nothing
free-form reaches it: sizes are ints, operators are spelled by `archs.ir.ops`, and every name goes through `identifier`.
Lines are wrapped as `ruff format` wraps them.
"""

from __future__ import annotations

import keyword
import linecache
import re
import textwrap
from typing import TYPE_CHECKING

from archs.catalogue.registry import FAMILIES, citation
from archs.errors import ArchError, shorten
from archs.interop.pytorch.helper_functions import HELPERS
from archs.interop.pytorch.module_tree import (
    Block,
    Chain,
    ClassDef,
    Leaf,
    Part,
    block_key,
    classes,
    is_chain,
    parts,
    slots,
    spelled_value,
    unique,
)
from archs.ir.graph import INPUT, Graph
from archs.ir.ops import Activation, ChannelSplit, Conv2d, Function, Module
from archs.tables.blocks import DOCS

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTH = 88  # ruff format's default
MAX_PARAMS = 2**31  # 8 GiB in float32
KEPT = 64  # executed texts that tracebacks can quote

# Attributes of nn.Module, which a stage of that name must not replace (a test compares the list with torch's).
RESERVED = frozenset(
    """T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches
    eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict
    modules mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
    self x nn torch channel_shuffle""".split()  # noqa: SIM905 one name per line would fill a page
)


def identifier(name: str) -> str:
    """A Python name that replaces nothing: other characters become _, reserved words get a _ behind."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    name = f"_{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in RESERVED else name


def module_names(members: tuple[Part, ...]) -> dict[str, str]:
    """The attribute of each module in a class's body, by the path of the node whose output it gives."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for part in members:
        if isinstance(part, Leaf) and isinstance(part.node.op.spelling(*part.shapes), Function):
            continue
        shares = isinstance(part, Leaf) and part.shares
        names[part.output] = names[shares] if shares else unique(identifier(part.name), taken)
    return names


def attributes(graph: Graph) -> dict[str, str]:
    """Node path → where its module is in the exported one: `features.1.conv`. Functions have no module.

    >>> import archs
    >>> attributes(archs.build(archs.spec("mobilenet_v2")))["stage2/block1/dw"]
    'stage2.0.3'
    """
    found: dict[str, str] = {}

    def place(part: Part, at: str) -> None:
        if isinstance(part, Leaf):
            found[part.output] = at
        elif isinstance(part, Chain) or is_chain(part.parts):
            for number, member in enumerate(part.parts):
                place(member, f"{at}.{number}")
        else:
            walk(part.parts, f"{at}.")

    def walk(members: tuple[Part, ...], at: str) -> None:
        names = module_names(members)
        for part in members:
            if part.output in names:
                place(part, at + names[part.output])

    walk(parts(graph), "")
    return found


def to_source(graph: Graph) -> str:
    """The network as a Python file: one class per distinct block structure, then the network, the last class in it.

    The same graph gives the same text. Takes N×C×H×W, gives what the graph's last node gives.
    """
    body = parts(graph)
    taken = {"None", "True", "False", "Nn", "Torch", *HELPERS}
    network = unique(_class_name(graph), taken)
    found = classes(body, taken)
    sections = [_header(graph), "import torch\nfrom torch import nn\n"]
    sections += helpers(graph)
    ours = graph.spec is not None  # what a class of that name does elsewhere is not for us to say
    sections += [_Writer(found, definition, documented=ours).block_class() for definition in found.values()]
    whole = Block(graph.name, graph.name, body, INPUT, graph.input)
    literal = ClassDef(network, [whole], [], [spelled_value(s) for part in body for s in slots(part, found)])
    sections.append(_Writer(found, literal, sizes=True).network_class())
    return sections[0] + "\n" + sections[1] + "\n\n" + "\n\n".join(sections[2:])


def helpers(graph: Graph) -> list[str]:
    """The texts that the graph's operators need, each once."""
    used: dict[str, str] = {}
    for node in graph.nodes:
        spelling = node.op.spelling(*graph.input_shapes(node))
        name = spelling.target if isinstance(spelling, Module) else spelling.template.partition("(")[0]
        if name in HELPERS:
            used[name] = HELPERS[name]
    return list(used.values())


def to_module(graph: Graph) -> nn.Module:
    """The module that `to_source(graph)` defines: that text, executed, with the graph's weights where it has some.

    Raises ArchError for a network of more than 2³¹ parameters.
    """
    params = sum(graph.params(node) for node in graph.nodes)
    if params > MAX_PARAMS:
        raise ArchError(f"{graph.name} has {params:,} parameters; allowed in a module: up to {MAX_PARAMS:,}")
    module = from_source(to_source(graph))
    if graph.weights is not None:
        put(module, state_dict(graph))
    return module


def state_dict(graph: Graph) -> dict[str, Tensor]:
    """The graph's weights by the names that they have in the exported module; none where they have no elements."""
    if graph.weights is None:
        return {}
    places = attributes(graph)
    found = {
        f"{places[path]}.{name}": tensor
        for path, tensors in graph.weights.items()
        if path not in graph.owners
        for name, tensor in tensors.items()
    }
    return {} if any(tensor.is_meta for tensor in found.values()) else found


def put(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Copies tensors into a module by name. Raises ArchError for names or sizes that do not fit."""
    own = {name: t for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    if not state:
        return
    if unknown := [name for name in {**own, **state} if (name in own) != (name in state)]:
        raise ArchError(f"{shorten(unknown[0])} is in the weights or in the network, not in both")
    for name, tensor in state.items():
        if tensor.numel() != own[name].numel():
            found, allowed = (" × ".join(map(str, t.shape)) for t in (tensor, own[name]))
            raise ArchError(f"{name} has {found} elements; allowed: {allowed}")
    module.load_state_dict({name: t.reshape(own[name].shape) for name, t in state.items()}, strict=False)


def from_source(text: str) -> nn.Module:
    """Executes a text that `to_source` wrote and makes its last class. Not for a text from anywhere else."""
    filename = f"<exported {abs(hash(text)):x}>"
    _remember(filename, text)
    namespace: dict[str, object] = {"__name__": "exported"}
    exec(compile(text, filename, "exec"), namespace)
    network = [value for value in namespace.values() if isinstance(value, type)][-1]
    return network()


def _remember(filename: str, text: str) -> None:
    """Keeps a text where tracebacks and torch.fx look for it; only the last ones, as a server exports for weeks."""
    linecache.cache.pop(filename, None)
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exported = [name for name in linecache.cache if name.startswith("<exported ")]
    for name in exported[:-KEPT]:
        del linecache.cache[name]


def _class_name(graph: Graph) -> str:
    """`MobileNetV2` of the catalogue's title, or the name in capitals."""
    known = FAMILIES.get(graph.name)
    words = re.split("[-_ ]", known.title if known else graph.name)
    return identifier("".join(word[:1].upper() + word[1:] for word in words))


def _header(graph: Graph) -> str:
    mult_adds = params = 0
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        mult_adds += node.op.mult_adds(*shapes)
        params += graph.params(node)
    title, *source = citation(graph.spec) if graph.spec else (graph.name,)
    lines = [
        f"{title}.",
        "",
        *source,
        f"Input {' x '.join(map(str, graph.input))}, output {' x '.join(map(str, graph.output))} (without the batch).",
        f"{mult_adds:,} multiply-adds, {params:,} parameters.",
    ]
    return '"""' + "\n".join(textwrap.fill(line, WIDTH) for line in lines) + '\n"""\n'


class _Writer:
    """Writes one class. `sizes` adds the output shape behind each line, `documented` what the block is."""

    def __init__(
        self, found: dict[object, ClassDef], definition: ClassDef, sizes: bool = False, documented: bool = True
    ):
        self.found = found
        self.definition = definition
        self.block = definition.blocks[0]
        self.sizes = sizes
        self.documented = documented
        self.texts = iter(definition.texts)
        self.kept: dict[str, str] = {}  # numbers that forward needs: parameter → attribute
        self.names: dict[str, str] = {}  # output path of a part → its attribute
        self.expressions: dict[str, tuple[str, list[str]]] = {}  # output path → expression template of a function

    def block_class(self) -> str:
        chain = is_chain(self.block.parts)
        arguments = ["self"]
        for p in self.definition.parameters:
            hint = "type[nn.Module]" if p.role == "activation" else _hint(p.values)
            arguments.append(f"{p.name}: {hint}" + (f" = {p.default}" if p.default is not None else ""))
        head = f"class {self.definition.name}({'nn.Sequential' if chain else 'nn.Module'}):\n"
        if self.documented and (doc := DOCS.get(self.block.kind)):
            head += f'    """{doc}"""\n\n'
        head += "\n".join(_wrap(4, "def __init__(", arguments, "):")) + "\n"
        if chain:
            return head + "\n".join(self._items(8, "super().__init__(", self.block.parts, ")")) + "\n"
        return head + self._body()

    def network_class(self) -> str:
        return f"class {self.definition.name}(nn.Module):\n    def __init__(self):\n" + self._body()

    def _body(self) -> str:
        self.names = module_names(self.block.parts)
        lines = ["        super().__init__()"]
        for part in self.block.parts:
            if isinstance(part, Leaf) and isinstance(spelling := part.node.op.spelling(*part.shapes), Function):
                self._function(part, spelling)
                continue
            assigned = self._assign(f"self.{self.names[part.output]} = ", part)
            if not (isinstance(part, Leaf) and part.shares):
                lines += assigned
        lines[1:1] = [f"        self.{name} = {parameter}" for parameter, name in self.kept.items()]
        forward = "\n    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        return "\n".join(lines) + "\n" + forward + "\n".join(self._forward()) + "\n"

    # the constructor

    def _comment(self, part: Part) -> str:
        return f"  # {' x '.join(map(str, part.shape))}" if self.sizes else ""

    def _assign(self, target: str, part: Part) -> list[str]:
        if isinstance(part, Chain):
            return self._items(8, f"{target}nn.Sequential(", part.parts, ")")
        head, arguments = self._call(part)
        return _wrap(8, f"{target}{head}(", arguments, ")", self._comment(part))

    def _items(self, indent: int, head: str, members: tuple[Part, ...], tail: str) -> list[str]:
        lines = [" " * indent + head]
        for part in members:
            inner, arguments = self._call(part)
            lines += _wrap(indent + 4, f"{inner}(", arguments, "),", self._comment(part))
        if len(members) == 1 and not self.sizes:
            inline = " " * indent + head + lines[1].strip().removesuffix(",") + tail
            if len(lines) == 2 and len(inline) <= WIDTH:
                return [inline]
        return [*lines, " " * indent + tail]

    def _call(self, part: Part) -> tuple[str, list[str]]:
        """The constructor's name and arguments of a module."""
        if isinstance(part, Chain):
            raise TypeError("a chain within a chain is flat")
        if isinstance(part, Block):
            definition = self.found[block_key(part)]
            arguments = []
            for parameter, _ in definition.arguments(part):
                text = next(self.texts)
                if parameter.role == "channels":
                    arguments.append(text)
                elif text != str(parameter.default):
                    arguments.append(f"{parameter.name}={text}")
            return definition.name, arguments
        op = part.node.op
        spelling = op.spelling(*part.shapes)
        assert isinstance(spelling, Module)
        if isinstance(op, Activation):
            return next(self.texts), []
        if type(op) is Conv2d:
            arguments = [next(self.texts) for _ in range(3)]
            for name, free in (("stride", "1"), ("padding", "0"), ("dilation", "1"), ("groups", "1")):
                if (text := next(self.texts)) != free:
                    arguments.append(f"{name}={text}")
            return spelling.target, arguments + ([] if op.bias else ["bias=False"])
        arguments = [next(self.texts) for _ in spelling.args]
        return spelling.target, arguments + [f"{name}={next(self.texts)}" for name, _ in spelling.kwargs]

    def _function(self, part: Leaf, spelling: Function) -> None:
        """A function's numbers are needed in forward: a literal stands there, a parameter becomes an attribute."""
        op = part.node.op
        names = [name for name, _ in spelling.kwargs] if not isinstance(op, ChannelSplit) else map(str, op.sizes)
        texts = []
        for _ in names:
            text = next(self.texts)
            texts.append(text)
        if isinstance(op, ChannelSplit) and len(set(texts)) == 1:
            texts = ["even"] * len(texts)  # a chunk, which takes no size
        for i, text in enumerate(texts):
            if text.isidentifier() and text != "even" and not keyword.iskeyword(text):
                self.kept.setdefault(text, text)
                texts[i] = f"self.{text}"
        self.expressions[part.output] = (spelling.template, texts)

    # forward

    def _forward(self) -> list[str]:
        members = self.block.parts
        last_read: dict[str, int] = {}
        for position, part in enumerate(members):
            for path in part.inputs:
                last_read[path] = position
        readers: dict[str, int] = {}
        for part in members:
            for path in set(part.inputs):
                readers[path] = readers.get(path, 0) + 1
        variables = {self.block.input: "x"}
        lines: list[str] = []
        position = 0
        while position < len(members):
            part = members[position]
            if isinstance(part, Leaf) and isinstance(part.node.op, ChannelSplit):
                position = self._split(members, position, variables, lines)
                if position == len(members):
                    lines.append(f"        return {variables[members[-1].output]}")
                continue
            expression = self._expression(part, [variables[path] for path in part.inputs])
            first, start = part, position
            while position + 1 < len(members):  # conv, conv_bn, conv_act on one line
                after = members[position + 1]
                joined = after.name.startswith(f"{first.name}_") or (position + 2 == len(members) and not self.sizes)
                if after.inputs != (part.output,) or readers.get(part.output) != 1 or not joined:
                    break
                if self.expressions.get(after.output, ("self",))[0].startswith("{"):
                    break  # x + y stands in no (x + y) * z without brackets
                longer = self._expression(after, [expression])
                if len(longer) + 15 > WIDTH:
                    break
                part, expression, position = after, longer, position + 1
            position += 1
            if position == len(members):
                lines.append(f"        return {expression}")
                break
            alive = {v for path, v in variables.items() if last_read.get(path, -1) >= position}
            free = [variables[path] for path in members[start].inputs if variables[path] not in alive]
            name = "x" if "x" in free else free[0] if free else next(v for v in _variables() if v not in alive)
            variables = {path: v for path, v in variables.items() if v != name}
            variables[part.output] = name
            lines.append(f"        {name} = {expression}")
        return lines

    def _split(self, members: tuple[Part, ...], position: int, variables: dict[str, str], lines: list[str]) -> int:
        """All parts of one split in one statement, where they stand together; returns the position after."""
        first = members[position]
        assert isinstance(first, Leaf)
        op = first.node.op
        assert isinstance(op, ChannelSplit)
        names = ["_"] * len(op.sizes)
        while position < len(members):
            part = members[position]
            same = isinstance(part, Leaf) and isinstance(part.node.op, ChannelSplit) and part.inputs == first.inputs
            if not same or part.node.op.sizes != op.sizes or names[part.node.op.part] != "_":
                break
            names[part.node.op.part] = variables[part.output] = unique(
                identifier(part.name), set(variables.values()) - {"_"}
            )
            position += 1
        texts = self.expressions[first.output][1]
        source = variables[first.inputs[0]]
        even = len(set(texts)) == 1
        cut = f"{source}.chunk({len(texts)}, dim=1)" if even else f"{source}.split(({', '.join(texts)}), dim=1)"
        if len(names) == 1:
            names = [f"({names[0]},)"]
        lines.append(f"        {', '.join(names)} = {cut}")
        return position

    def _expression(self, part: Part, inputs: list[str]) -> str:
        if part.output not in self.expressions:
            return f"self.{self.names[part.output]}({', '.join(inputs)})"
        assert isinstance(part, Leaf)
        template, texts = self.expressions[part.output]
        spelling = part.node.op.spelling(*part.shapes)
        assert isinstance(spelling, Function)
        named = dict(zip((name for name, _ in spelling.kwargs), texts))
        return template.format(*inputs, all=", ".join(inputs), **named)


def _hint(values: tuple[object, ...]) -> str:
    kinds = {type(value) for value in values}
    if kinds <= {int, float, bool, str}:
        return "float" if kinds == {int, float} else " | ".join(sorted(kind.__name__ for kind in kinds))
    return "int"  # or a pair of them


def _variables():
    yield "y"
    number = 1
    while True:
        number += 1
        yield f"y{number}"


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
