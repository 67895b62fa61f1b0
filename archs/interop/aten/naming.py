"""Module paths → node paths: `stage3/block2/expand` out of `blocks.3.2.conv_pw`, and what each scope is called.

A stage is the first part of a path and a block the first two, so a list of stages that holds lists of blocks
(`blocks.1.0`) has its name and number joined: `blocks1/0`. A module that is called again gets a number behind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archs.interop.aten.steps import Scope, Step
from archs.interop.unique_names import UniqueNames
from archs.ir.graph import INPUT
from archs.ir.operator import words
from archs.ir.ops import Op, Opaque

if TYPE_CHECKING:
    from torch import nn

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "GraphModule")


def snake(name: str) -> str:
    """`InvertedResidual` → `inverted_residual`: ASCII words, a letter first.

    >>> snake("SEModule"), snake("Conv2dReLU"), snake("__É1")
    ('se_module', 'conv2d_relu', 'block_1')
    """
    name = words(re.sub(r"[^A-Za-z0-9]", "_", name)).replace(" ", "_")
    name = re.sub(r"_+", "_", name).strip("_")
    return name if name[:1].isalpha() else f"block_{name}".strip("_")


def staged(module: nn.Module) -> frozenset[str]:
    """The top-level lists whose members are stages: lists of blocks, or modules that hold one."""
    return frozenset(
        name
        for name, child in module.named_children()
        if type(child).__name__ in CONTAINERS and any(_is_stage(member) for member in child.children())
    )


def _is_stage(module: nn.Module) -> bool:
    if type(module).__name__ in CONTAINERS:
        return any(True for member in module.children() if any(True for _ in member.children()))
    for child in module.children():
        kinds = {type(member) for member in child.children()} if type(child).__name__ in CONTAINERS else set()
        custom = [kind for kind in kinds if not kind.__module__.startswith("torch.nn.")]
        if len(kinds) == len(custom) == 1 and len(list(child.children())) > 1:
            return True
    return False


class Names:
    """Gives every step its path; remembers which call of which module has which."""

    def __init__(self, stages: frozenset[str]):
        self._stages = stages
        self._calls: dict[str, str] = {}  # call of a module → its path
        self._taken = UniqueNames({INPUT}, _numbered)
        self.kinds: dict[str, str] = {}

    def paths(self, steps: list[Step]) -> list[str]:
        """A path per step. A module whose call is one step gives its own path to that step."""
        scopes = [self._scope(step.scope) for step in steps]
        lone: dict[str, int] = {}
        for scope in scopes:
            parts = scope.split("/")
            for end in range(1, len(parts) + 1):
                lone["/".join(parts[:end])] = lone.get("/".join(parts[:end]), 0) + 1
        found = []
        for step, scope in zip(steps, scopes):
            if scope and lone[scope] == 1:
                found.append(scope)
                self.kinds.pop(scope, None)
            else:
                assert step.op is not None
                found.append(self._taken.take(f"{scope}/{_word(step.op)}" if scope else _word(step.op)))
        return found

    def _scope(self, scope: Scope) -> str:
        path, outer = "", ""
        for call, module, kind in scope:
            if call not in self._calls:
                inner = module[len(outer) + 1 :] if outer and module.startswith(f"{outer}.") else module
                name = self._joined(inner) if not path else "/".join(map(_part, inner.split(".")))
                self._calls[call] = self._taken.take(f"{path}/{name}" if path else name)
                if kind not in CONTAINERS:
                    self.kinds[self._calls[call]] = snake(kind)
            path, outer = self._calls[call], module
        return path

    def _joined(self, module: str) -> str:
        first, *rest = map(_part, module.split("."))
        if first in self._stages and rest:
            first, rest = f"{first}{rest[0]}" if rest[0][:1].isdigit() else f"{first}_{rest[0]}", rest[1:]
        return "/".join([first, *rest])


def _numbered(path: str, number: int) -> str:
    return f"{path}_{number}" if path[-1:].isdigit() else f"{path}{number}"


def _part(name: str) -> str:
    return name.replace("/", "_") or "_"


def _word(op: Op) -> str:
    if isinstance(op, Opaque):  # aten.cumsum.default
        return snake(op.target.split(".")[1] if op.target.count(".") == 2 else op.target)
    return words(type(op).__name__).replace(" ", "_")
