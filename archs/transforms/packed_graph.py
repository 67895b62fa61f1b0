"""A graph with its weights as bytes, from one process of this program to another. No file format: it has no version.

`unpacked` executes nothing: operators are looked up by name and built like any other, with every check of the builder.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError
from archs.ir import ops
from archs.ir.graph import Builder, Graph, Tie
from archs.ir.operator import Shape
from archs.ir.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

OPERATORS: dict[str, type[ops.Op]] = {
    name: value for name, value in vars(ops).items() if isinstance(value, type) and issubclass(value, ops.Op)
}


def packed(graph: Graph) -> bytes:
    """The graph without its spec, and the tensors that have elements, each once."""
    from safetensors.torch import save

    tensors: dict[int, tuple[int, Tensor]] = {}
    places: dict[str, dict[str, int]] = {}
    for path, named in (graph.weights or {}).items():
        places[path] = {
            role: tensors.setdefault(id(tensor), (len(tensors), tensor))[0] for role, tensor in named.items()
        }
    stored = [tensor for _, tensor in tensors.values()]
    head = {
        "name": graph.name,
        "input": graph.input,
        "nodes": [(n.path, type(n.op).__name__, _values(n.op), n.inputs) for n in graph.nodes],
        "kinds": graph.kinds,
        "shared": graph.shared,
        "ties": graph.ties,
        "verification": graph.verification,
        "in_place": sorted(graph.in_place),
        "weights": None if graph.weights is None else places,
        "unused": graph.weights.unused if graph.weights else {},
        "stored_bytes": graph.weights.stored_bytes if graph.weights else None,
        "meta": {
            str(i): [str(t.dtype).removeprefix("torch."), list(t.shape)] for i, t in enumerate(stored) if t.is_meta
        },
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    found = {str(i): t.detach().contiguous().clone() for i, t in enumerate(stored) if not t.is_meta}
    return len(text).to_bytes(8, "little") + text + save(found)


def unpacked(content: bytes) -> Graph:
    """The graph of `packed` bytes. Raises ArchError for operators that do not fit together."""
    view = memoryview(content)
    end = 8 + int.from_bytes(view[:8], "little")
    head = json.loads(bytes(view[8:end]))
    builder = Builder(head["name"], Shape(*head["input"]))
    for path, name, values, inputs in head["nodes"]:
        if name not in OPERATORS:
            raise ArchError(f"operator {name!r} is unknown").at(path=path)
        builder.add(path, _operator(OPERATORS[name], values), *inputs)
    graph = builder.graph()
    return replace(
        graph,
        kinds=_tuples(head["kinds"]),
        shared=_tuples(head["shared"]),
        ties=tuple(Tie(*tie) for tie in head["ties"]),
        verification=head["verification"],
        in_place=frozenset(head["in_place"]),
        weights=None if head["weights"] is None else _weights(head, view[end:]),
    )


def _weights(head: dict[str, Any], content: memoryview) -> Weights:
    import torch
    from safetensors.torch import load

    tensors = load(bytes(content))
    for number, (dtype, sizes) in head["meta"].items():
        tensors[number] = torch.empty(sizes, dtype=getattr(torch, dtype), device="meta")
    named = {
        path: {role: tensors[str(number)] for role, number in roles.items()} for path, roles in head["weights"].items()
    }
    return Weights(named, head["unused"], head["stored_bytes"])


def _values(op: ops.Op) -> dict[str, Any]:
    return {field.name: getattr(op, field.name) for field in fields(op) if field.init}  # type: ignore[arg-type]


def _operator(kind: type[ops.Op], values: dict[str, Any]) -> ops.Op:
    return kind(**{name: _tuples(value) for name, value in values.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
