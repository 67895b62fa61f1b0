"""Functions that a file defines, put in the places of their calls: what remains are operators alone.

Exporters write a module as a function. A small file can ask for any number of nodes, so what is copied is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archs.errors import ArchError, shorten

MAX_NODES = 20_000
MAX_BYTES = 2**28
"""Of all copies together, constants among them."""
MAX_DEPTH = 32
STANDARD = ("", "ai.onnx")

Key = tuple[str, str, str]


def inline(model: Any) -> None:
    """Replaces the calls of a model's own functions by their nodes.

    Raises ArchError for functions of another version of the operators, and for more than is copied.
    """
    functions = {_key(f.domain, f.name, f.overload): f for f in model.functions}
    if not functions:
        return
    version = _version(model)
    for function in functions.values():
        if _version(function) not in (version, None):
            raise ArchError(
                f"function {shorten(function.name)} is of version {_version(function)} of the ONNX operators, the file "
                f"of version {version}; allowed: one version (onnx.version_converter)"
            )
    inliner = _Inliner(functions)
    for node in model.graph.node:
        inliner.put(node, 0)
    del model.graph.node[:]
    model.graph.node.extend(inliner.nodes)


def _key(domain: str, name: str, overload: str) -> Key:
    return "" if domain in STANDARD else domain, name, overload


def _version(proto: Any) -> int | None:
    return max((o.version for o in proto.opset_import if o.domain in STANDARD), default=None)


class _Inliner:
    """The nodes so far."""

    def __init__(self, functions: Mapping[Key, Any]):
        self.nodes: list[Any] = []
        self._functions, self._bytes, self._calls = functions, 0, 0

    def put(self, node: Any, depth: int) -> None:
        function = self._functions.get(_key(node.domain, node.op_type, node.overload))
        if function is None:
            self._bytes += node.ByteSize()
            if len(self.nodes) == MAX_NODES or (depth and self._bytes > MAX_BYTES):
                raise ArchError(
                    f"the file's functions are called as over {MAX_NODES:,} operators or {MAX_BYTES:,} bytes; allowed: "
                    "up to that"
                )
            self.nodes.append(node)
            return
        if depth == MAX_DEPTH:
            raise ArchError(f"function {shorten(function.name)} nests over {MAX_DEPTH} deep; allowed: {MAX_DEPTH}")
        self._calls += 1
        if self._calls > MAX_NODES:
            raise ArchError(f"the file calls its functions over {MAX_NODES:,} times; allowed: up to {MAX_NODES:,}")
        self._body(node, function, depth)

    def _body(self, call: Any, function: Any, depth: int) -> None:
        from onnx import NodeProto

        names = {name: "" for name in function.input} | dict(zip(function.input, call.input)) | {"": ""}
        names |= {name: outer for name, outer in zip(function.output, call.output) if outer}
        given = {a.name: a for a in (*function.attribute_proto, *call.attribute)}
        place, number = call.name or call.op_type, self._calls
        for inner in function.node:
            node = NodeProto()
            node.CopyFrom(inner)
            node.name = f"{place}/{inner.name or inner.op_type}"
            for field in (node.input, node.output):
                field[:] = [names.setdefault(name, f"{name} of {place} {number}") for name in field]
            del node.attribute[:]
            for attribute in inner.attribute:
                source = given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
                if source is not None:
                    node.attribute.add().CopyFrom(source)
                    node.attribute[-1].name = attribute.name
            self.put(node, depth + 1)
