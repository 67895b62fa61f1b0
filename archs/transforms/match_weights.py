"""Pretrained weights for a graph: from an isomorphic graph, or from a state dict in the graph's order.

Names differ between a paper's table and published code; the structure does not (`archs.ir.isomorphism`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from archs.errors import ArchError
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import from_source
from archs.ir.graph import Graph, Node
from archs.ir.isomorphism import matching_nodes
from archs.ir.ops import BatchNorm
from archs.ir.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


def adopt(graph: Graph, other: Graph) -> Graph:
    """The graph with the weights (and norms' eps) of another that is the same up to names.

    Raises ArchError, with the first place that differs, where they are not the same.

    >>> import archs
    >>> a, b = archs.build(archs.spec("mobilenet_v2")), archs.build(archs.spec("mobilenet_v2", width=0.5))
    >>> adopt(a, b)
    Traceback (most recent call last):
    archs.errors.ArchError: mobilenet_v2 is not mobilenet_v2: stem/conv/conv is conv 3×3 /2 to 32×112×112, ...
    """
    pairs = matching_nodes(graph, other)
    eps = {path: op.eps for path, theirs in pairs.items() if isinstance(op := other[theirs].op, BatchNorm)}
    nodes = tuple(_with_eps(n, eps[n.path]) if n.path in eps else n for n in graph.nodes)
    tensors: Mapping[str, Mapping[str, Tensor]] = other.weights or {}
    return replace(graph, nodes=nodes, weights=Weights({p: tensors[q] for p, q in pairs.items() if q in tensors}))


def _with_eps(node: Node, eps: float) -> Node:
    return node._replace(op=replace(node.op, eps=eps)) if isinstance(node.op, BatchNorm) else node


def from_state_dict(graph: Graph, state: Mapping[str, Tensor], eps: float | None = None) -> Graph:
    """The graph with the tensors of a state dict that has them in the graph's order, whatever their names.

    For weights without their module: torchvision's files list the layers as the catalogue's graphs run them. `eps` is
    that of their batch norms where it is not torch's own (torchvision's MobileNetV3: 0.001), as no file says it.
    Raises ArchError for another number of tensors, or the first one of another size.
    """
    tensors = [(name, t) for name, t in state.items() if not name.endswith("num_batches_tracked")]
    slots = [(path, name, size) for path, named in _sizes(graph).items() for name, size in named.items()]
    if len(tensors) != len(slots):
        raise ArchError(f"{len(tensors)} tensors for {graph.name}; allowed: {len(slots)}")
    found: dict[str, dict[str, Tensor]] = {}
    for (theirs, tensor), (path, name, size) in zip(tensors, slots):
        if tuple(tensor.shape) != size:
            raise ArchError(f"{theirs} has {tuple(tensor.shape)} where {path}'s {name} stands; allowed: {size}")
        found.setdefault(path, {})[name] = tensor
    nodes = graph.nodes
    if eps is not None:
        nodes = tuple(_with_eps(n, eps) for n in nodes)
    return replace(graph, nodes=nodes, weights=Weights(found))


def _sizes(graph: Graph) -> dict[str, dict[str, tuple[int, ...]]]:
    """Path → the sizes of its module's tensors by name, in the graph's order."""
    import torch

    with torch.device("meta"):
        state = from_source(to_source(graph)).state_dict()
    places = attributes(graph)
    found = {}
    for node in graph.nodes:
        if node.path in places and node.path not in graph.owners:
            prefix = f"{places[node.path]}."
            own = {n.removeprefix(prefix): tuple(t.shape) for n, t in state.items() if n.startswith(prefix)}
            own.pop("num_batches_tracked", None)
            if own:
                found[node.path] = own
    return found
