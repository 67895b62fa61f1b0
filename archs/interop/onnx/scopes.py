"""Where the nodes of an ONNX file run: the modules that their exporter names, in one of three ways.

torch's exporter writes the modules of each node beside it; the one before it, and TensorFlow's, into its name
(`/features/features.0/Conv`); what has neither is placed by the name of its weights (`features.0.weight`).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from archs.interop.onnx.emitter import Stack

UNNAMED = "Sequential"
"""The class of a module of which the file does not say one."""
MAX_PARTS = 12
MAX_LENGTH = 200
SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def scopes(nodes: Sequence[Any]) -> list[Stack]:
    """The stack of each node."""
    return [_written(node) or _named(node.name) or _weighted(node.input) for node in nodes]


def stages(stacks: Sequence[Stack]) -> frozenset[str]:
    """The top-level lists of lists of blocks: `blocks` of `blocks.1.0.conv_pw`."""
    found = set()
    for stack in stacks:
        for path, _ in stack.values():
            parts = path.split(".")
            if len(parts) > 3 and parts[1].isdigit() and parts[2].isdigit():
                found.add(parts[0])
    return frozenset(found)


def _stack(paths: list[str], kinds: list[str]) -> Stack:
    clean = [(path[:MAX_LENGTH], kind) for path, kind in zip(paths, kinds) if path][:MAX_PARTS]
    return {path: (path, kind) for path, kind in clean}


def _written(node: Any) -> Stack:
    """`['', 'features', 'features.0', 'conv2d']` and the class of each; the last is the operator."""
    properties = {p.key: p.value for p in node.metadata_props if p.key in (SCOPES, CLASSES) and len(p.value) < 10_000}
    try:
        paths, kinds = (ast.literal_eval(properties[key]) for key in (SCOPES, CLASSES))
    except (KeyError, ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    if not all(isinstance(v, list) and all(isinstance(s, str) for s in v) for v in (paths, kinds)):
        return {}
    return _stack(paths[:-1], [kind.rpartition(".")[2] for kind in kinds[:-1]])


def _named(name: str) -> Stack:
    """`/layer1/layer1.0/conv1/Conv`: each part a module, in torch's own with the whole path of those in lists."""
    if "/" not in name or len(name) > 10 * MAX_LENGTH:
        return {}
    paths: list[str] = []
    outer = before = ""
    for part in name.strip("/").split("/")[:-1]:
        if before and (part == before or part.startswith(f"{before}.")):
            outer += part[len(before) :]
        else:
            outer = f"{outer}.{part}" if outer else part
        before = part
        paths.append(outer)
    return _stack(list(dict.fromkeys(paths)), [UNNAMED] * len(paths))


def _weighted(inputs: Sequence[str]) -> Stack:
    """`layer1.0.conv1.weight` is of module `layer1.0.conv1`."""
    for name in inputs[1:]:
        module, dot, _ = name.rpartition(".")
        if dot and module.replace(".", "").replace("_", "").isalnum() and module.isascii():
            return _stack([module], [UNNAMED])
    return {}
