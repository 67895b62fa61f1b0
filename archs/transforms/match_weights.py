"""Pretrained weights for a graph: from an isomorphic graph, or from a state dict in the graph's order.

Names differ between a paper's table and published code; the structure does not (`archs.ir.isomorphism`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import TYPE_CHECKING, Any

from archs.catalogue.registry import FAMILIES
from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import from_source
from archs.ir.graph import Graph
from archs.ir.isomorphism import matching_nodes, structural_hashes
from archs.ir.weights import Weights
from archs.networks import Network, build
from archs.transforms.weights import NORMS, report_missing, with_eps

if TYPE_CHECKING:
    from torch import Tensor

Sizes = tuple[int, ...]


@guided()
def adopt(network: Network, other: Network, strict: bool = True) -> Graph:
    """The graph with the weights, and the norms' eps, of another graph that is the same up to names.

    With `strict=False` the graphs may differ, in classes or in a layer: each layer with an equal counterpart takes its
    weights, the others keep their initial ones, and a warning says how many. Raises ArchError, with the first place
    that differs, where the graphs are not the same, or where nothing fits.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        other: a graph with weights: `archs.from_module(module, input_shape)` has its module's.
        strict: False lets the graphs differ in some layers.

    >>> import archs
    >>> a, b = archs.build(archs.spec("mobilenet_v2")), archs.build(archs.spec("mobilenet_v2", width=0.5))
    >>> adopt(a, b)
    Traceback (most recent call last):
    archs.errors.ArchError: mobilenet_v2 is not mobilenet_v2: stem/conv/conv is conv 3×3 /2 to 32×112×112, ...
    """
    graph, other = build(network), build(other)
    pairs = matching_nodes(graph, other) if strict else _similar_nodes(graph, other)
    tensors: Mapping[str, Mapping[str, Tensor]] = other.weights or {}
    nodes = list(graph.nodes)
    for i, node in enumerate(nodes):
        op = other[pairs[node.path]].op if node.path in pairs else None
        if isinstance(op, NORMS):
            nodes[i] = with_eps(node, op.eps)
    found = {path: tensors[theirs] for path, theirs in pairs.items() if theirs in tensors}
    if not strict:
        report_missing(graph, [n.path for n in graph.nodes if n.path not in found and graph.params(n)], len(found))
    return replace(graph, nodes=tuple(nodes), weights=Weights(found))


def _similar_nodes(graph: Graph, other: Graph) -> dict[str, str]:
    """Path → path of the node with the same structure up to there; of the other nodes, by an alignment in order."""
    ours, theirs = structural_hashes(graph), structural_hashes(other)
    by_hash: dict[int, list[str]] = {}
    for path, value in theirs.items():
        by_hash.setdefault(value, []).append(path)
    found = {n.path: by_hash[ours[n.path]].pop(0) for n in graph.nodes if by_hash.get(ours[n.path])}
    used = set(found.values())
    left = [n for n in graph.nodes if n.path not in found and graph.params(n)]
    right = [n for n in other.nodes if n.path not in used and other.params(n)]
    keys = [[(n.op, g.input_shapes(n)[0][0]) for n in nodes] for g, nodes in ((graph, left), (other, right))]
    return found | {left[i].path: right[j].path for i, j in _aligned(*keys)}


def _aligned(ours: Sequence[Any], theirs: Sequence[Any]) -> list[tuple[int, int]]:
    """Positions of equal items in a longest alignment of two sequences; by position where they are as long."""
    if len(ours) == len(theirs):
        return [(i, i) for i, pair in enumerate(zip(ours, theirs)) if pair[0] == pair[1]]
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return [(block.a + k, block.b + k) for block in blocks for k in range(block.size)]


@guided()
def from_state_dict(
    network: Network, state: Mapping[str, Tensor], eps: float | None = None, strict: bool = True
) -> Graph:
    """The graph with the tensors of a state dict that has them in the graph's order, whatever their names.

    For weights without their module: torchvision's files list the layers in the order of the catalogue's graphs.
    `eps` is that of their batch norms, which no state dict says: None takes the value of the network's published
    weights (0.001 for MobileNetV3), and for a network that is not of the catalogue the graph's own.

    With `strict=False` layers whose tensors have another size, or that one side lacks, keep their initial weights, and
    a warning says how many. Raises ArchError for another number of tensors, for the first one of another size, or
    where nothing fits.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        state: name → tensor, in the order of the graph's layers.
        eps: of all batch norms, or None.
        strict: False lets layers differ in size or be absent.

    >>> import archs
    >>> from_state_dict("mobilenet_v1", archs.to_module("mobilenet_v1").state_dict()).weights
    Weights of 55 nodes
    """
    graph = build(network)
    if not isinstance(state, Mapping):
        raise ArchError(
            f"found {shorten(state)}; allowed: a state dict, name → tensor (module.state_dict(), "
            "safetensors.torch.load_file(path)); weights of a graph or module: archs.adopt"
        )
    tensors = [(name, t) for name, t in state.items() if not name.endswith("num_batches_tracked")]
    for name, tensor in tensors:
        if not hasattr(tensor, "shape"):
            raise ArchError(f"{shorten(name)} is {shorten(tensor)}; allowed: a tensor")
    sizes = _sizes(graph)
    found = _in_order(graph, sizes, tensors) if strict else _by_layer(sizes, tensors)
    if not strict:
        report_missing(graph, [path for path in sizes if path not in found], len(found))
    if eps is None and graph.spec is not None and graph.spec.name in FAMILIES:
        eps = FAMILIES[graph.spec.name].eps
    nodes = graph.nodes if eps is None else tuple(with_eps(node, eps) for node in graph.nodes)
    return replace(graph, nodes=nodes, weights=Weights(found))


def _in_order(
    graph: Graph, sizes: dict[str, dict[str, Sizes]], tensors: list[tuple[str, Tensor]]
) -> dict[str, dict[str, Tensor]]:
    slots = [(path, name, size) for path, named in sizes.items() for name, size in named.items()]
    if len(tensors) != len(slots):
        raise ArchError(f"{len(tensors)} tensors for {graph.name}; allowed: {len(slots)}, or strict=False")
    found: dict[str, dict[str, Tensor]] = {}
    for (theirs, tensor), (path, name, size) in zip(tensors, slots):
        if tuple(tensor.shape) != size:
            raise ArchError(
                f"{theirs} has {tuple(tensor.shape)} where {path}'s {name} stands; allowed: {size}, or strict=False"
            )
        found.setdefault(path, {})[name] = tensor
    return found


def _by_layer(sizes: dict[str, dict[str, Sizes]], tensors: list[tuple[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """The layers whose tensors all have their size, aligned in order."""
    layers = [list(group) for _, group in groupby(tensors, lambda pair: pair[0].rpartition(".")[0])]
    ours = [tuple(named.values()) for named in sizes.values()]
    theirs = [tuple(tuple(tensor.shape) for _, tensor in layer) for layer in layers]
    places = list(sizes.items())
    return {
        places[i][0]: {name: tensor for name, (_, tensor) in zip(places[i][1], layers[j])}
        for i, j in _aligned(ours, theirs)
    }


def _sizes(graph: Graph) -> dict[str, dict[str, Sizes]]:
    """Path → the sizes of its module's tensors by name, in the graph's order."""
    import torch

    with torch.device("meta"):
        state = from_source(to_source(graph)).state_dict()
    places = attributes(graph)
    found = {}
    for node in graph.nodes:
        if node.path in places and node.path not in graph.owners:
            prefix = f"{places[node.path]}."
            sizes = {n.removeprefix(prefix): tuple(t.shape) for n, t in state.items() if n.startswith(prefix)}
            sizes.pop("num_batches_tracked", None)
            if sizes:
                found[node.path] = sizes
    return found
