"""Identifiers of the exported text, and where each node's module is in the exported module."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from archs.caching import cached
from archs.interop.pytorch.module_tree import Chain, ForwardPart, Leaf, Member, is_chain, parts
from archs.interop.unique_names import UniqueNames
from archs.ir.graph import Graph

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


@cached(4096, "the names of a network's nodes, read for each text and for tensor lifetimes")
def identifier(name: str) -> str:
    """A Python name that replaces nothing: other characters become _, reserved words get a _ behind."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    name = f"_{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in RESERVED else name


def module_names(members: Sequence[ForwardPart]) -> dict[str, str]:
    """The attribute of each module in a class's body, by the path of the node whose output it gives."""
    names: dict[str, str] = {}
    taken = UniqueNames()
    for member in members:
        if not member.template:
            shares = member.shares
            names[member.output] = names[shares] if shares else taken.take(identifier(member.name))
    return names


def attributes(graph: Graph) -> dict[str, str]:
    """Node path → where its module is in the exported one: `features.1.conv`. Functions have no module.

    >>> import archs
    >>> attributes(archs.build(archs.spec("mobilenet_v2")))["stage2/block1/dw"]
    'stage2.0.3'
    """
    found: dict[str, str] = {}

    def place(part: Member, at: str) -> None:
        if isinstance(part, Leaf):
            found[part.output] = at
        elif isinstance(part, Chain) or is_chain(part.parts):
            for number, member in enumerate(part.parts):
                place(member, f"{at}.{number}")
        else:
            walk(part.parts, f"{at}.")

    def walk(members: tuple[Member, ...], at: str) -> None:
        names = module_names(members)
        for part in members:
            if part.output in names:
                place(part, at + names[part.output])

    walk(parts(graph), "")
    return found


def tied_parameters(graph: Graph) -> list[str]:
    """A statement per parameter that is one of an earlier module: `self.b.weight = self.a.weight`."""
    if not graph.ties:
        return []
    places = attributes(graph)

    def spelled(path: str, role: str) -> str:
        return f"self.{places[path]}.{role}"

    found = [(spelled(t.path, t.role), spelled(t.owner, t.owner_role)) for t in graph.ties if t.owner in places]
    return [f"{_indexed(own)} = {_indexed(other)}" for own, other in found]


def _indexed(place: str) -> str:
    """`self.features.1.conv` as Python has it, where members of a sequence have a number."""
    return re.sub(r"\.(\d+)", r"[\1]", place)
