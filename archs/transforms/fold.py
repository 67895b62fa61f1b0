"""Batch-norm folding, as inference runtimes do it before they run. Graph → Graph."""

from __future__ import annotations

from dataclasses import replace

from archs.guidance import guided
from archs.ir.graph import INPUT, Graph, Node
from archs.ir.ops import BatchNorm, Conv2d
from archs.ir.weights import Weights
from archs.networks import Network, build


@guided()
def fold_batchnorm(network: Network) -> Graph:
    """The graph with every batch norm that follows a convolution alone folded into it, as the convolution's bias.

    A batch norm after another operator, or after a convolution with further readers, stays. The graph's weights are
    folded too.

    Raises ArchError for a network that does not build.

    Args:
        network: a catalogue name, a `Spec` or a `Graph` in inference form; it is not changed.

    >>> fold_batchnorm("mobilenet_v2")
    <Graph mobilenet_v2: 3×224×224 → 1000, 101 nodes>
    """
    graph = build(network)
    readers = graph.consumers
    tied = {path for pair in graph.shared for path in pair}  # one module that runs at several places
    tied |= {path for tie in graph.ties for path in (tie.path, tie.owner)}
    folded: dict[str, str] = {}  # batch norm → the convolution that takes it in
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            source = node.inputs[0]
            alone = source != INPUT and len(readers[source]) == 1 and type(graph[source].op) is Conv2d
            if alone and node.path not in tied and source not in tied:
                folded[node.path] = source
    takes_in = set(folded.values())
    nodes = []
    for node in graph.nodes:
        if node.path in folded:
            continue
        op = node.op
        if node.path in takes_in:
            assert isinstance(op, Conv2d)
            op = replace(op, bias=True)
        nodes.append(Node(node.path, op, tuple(folded.get(path, path) for path in node.inputs), node.output))
    weights = _folded(graph, folded) if graph.weights is not None else None
    return replace(graph, nodes=tuple(nodes), weights=weights, in_place=frozenset())


def _folded(graph: Graph, folded: dict[str, str]) -> Weights:
    """The weights of the folded graph: w · γ/√(σ² + ε) and (b − μ) · γ/√(σ² + ε) + β."""
    given = graph.weights
    assert given is not None
    tensors = {path: dict(named) for path, named in given.items()}
    for norm, conv in folded.items():
        if norm not in tensors or conv not in tensors:
            continue
        norm_tensors, into = tensors.pop(norm), tensors[conv]
        op = graph[norm].op
        assert isinstance(op, BatchNorm)
        scale = (norm_tensors["running_var"] + op.eps).rsqrt()
        if "weight" in norm_tensors:
            scale = scale * norm_tensors["weight"]
        bias = (
            into["bias"] - norm_tensors["running_mean"] if "bias" in into else -norm_tensors["running_mean"]
        ) * scale
        into["weight"] = into["weight"] * scale.reshape(-1, 1, 1, 1)
        into["bias"] = bias + norm_tensors["bias"] if "bias" in norm_tensors else bias
    return Weights(tensors, given.unused, given.stored_bytes)
