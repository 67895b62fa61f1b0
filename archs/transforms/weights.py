"""Trained weights in and out of files: safetensors, by the names of the exported module, never a pickle.

The file's metadata has the eps of each norm that is not torch's default, because no tensor says it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.guidance import as_destination, as_path, guided
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import from_source, state_dict
from archs.ir.graph import Graph, Node
from archs.ir.ops import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from archs.ir.weights import Weights
from archs.networks import Network, build

if TYPE_CHECKING:
    from torch import Tensor

NORMS = (BatchNorm, LayerNorm, GroupNorm, RMSNorm)
"""Operators whose eps is no part of their value, so it travels with the weights."""

EPS_KEY = "archs.eps"
WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and Lightning put before each name of a state dict."""


@guided()
def save_weights(network: Network, path: str | Path) -> None:
    """Write the graph's weights as safetensors, by the names that they have in the exported module.

    `module.load_state_dict(safetensors.torch.load_file(path), strict=False)` takes them. Raises ArchError for a graph
    without weights, for a folder that is not there, and for another suffix than `.safetensors`.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of the file to write.

    >>> import tempfile, archs
    >>> from torch import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(archs.from_module(nn.Conv2d(3, 8, 3), (3, 8, 8), verify=False), f"{folder}/net.safetensors")
    """
    file = as_destination(path, "a safetensors file", ".safetensors", "archs.save_weights(network, path)")
    file.write_bytes(to_safetensors(build(network)))


def to_safetensors(graph: Graph) -> bytes:
    """The content of the file that `save_weights` writes. Raises ArchError for a graph without weights."""
    from safetensors.torch import save

    state = state_dict(graph)
    if not state:
        raise ArchError(f"{graph.name} has no weights beside it; allowed: a graph imported from a module that has")
    places = attributes(graph)
    eps = {places[node.path]: node.op.eps for node in graph.nodes if isinstance(node.op, NORMS)}
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    return save(tensors, metadata={"format": "pt", EPS_KEY: json.dumps(eps)})


@guided()
def load_weights(network: Network, path: str | Path, strict: bool = True) -> Graph:
    """The graph with the weights of a safetensors file that has the exported module's names, and its norms' eps.

    Names may stand behind a wrapper's prefix: `module.`, `_orig_mod.`, `model.`. With `strict=False` layers that the
    file lacks, or has in another size, keep their initial weights, and a warning says how many. Nothing in the file is
    executed. Raises ArchError for a file that is not safetensors, and for names or sizes that do not fit.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`; it is not changed.
        path: of a safetensors file.
        strict: False lets the file lack layers, or have them in other sizes.

    >>> import tempfile, archs
    >>> from torch import nn
    >>> graph = archs.from_module(nn.Conv2d(3, 8, 3), (3, 8, 8), verify=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     archs.save_weights(graph, f"{folder}/net.safetensors")
    ...     load_weights(graph, f"{folder}/net.safetensors").weights
    Weights of 1 nodes
    """
    import torch
    from safetensors import SafetensorError, safe_open

    path = as_path(path, "a safetensors file", "archs.load_weights(network, path); archs.adopt takes a graph's")
    graph = build(network)
    with torch.device("meta"):
        module = from_source(to_source(graph))
    expected = {name: t for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    try:
        with safe_open(path, framework="pt") as file:
            names = {name for name in list(file.keys()) if not name.endswith("num_batches_tracked")}
            prefix = _wrapper(names, set(expected))
            names = {name.removeprefix(prefix) for name in names}
            if strict and (wrong := sorted(names ^ set(expected))):
                raise ArchError(f"{shorten(wrong[0])} is in the file or in {graph.name}, not in both")
            fitting = []
            for name in sorted(names & set(expected)):  # sizes first, before any of them is read
                if (size := tuple(file.get_slice(prefix + name).get_shape())) == tuple(expected[name].shape):
                    fitting.append(name)
                elif strict:
                    raise ArchError(f"{name} has {size} in the file; allowed: {tuple(expected[name].shape)}")
            tensors = {name: file.get_tensor(prefix + name) for name in fitting}
            eps = _eps_of(file.metadata() or {})
    except SafetensorError as error:
        raise ArchError(f"not a safetensors file: {shorten(str(error), 200)}") from None
    except OSError as error:
        raise ArchError(f"{shorten(str(path))} cannot be read: {error.strerror or error}") from None
    places = attributes(graph)
    found: dict[str, dict[str, Tensor]] = {}
    for node, place in places.items():
        if node not in graph.owners:
            named = {n.removeprefix(f"{place}."): t for n, t in tensors.items() if n.rpartition(".")[0] == place}
            if named:
                found[node] = named
    if not strict:
        layers = {name.rpartition(".")[0] for name in expected}
        report_missing(graph, sorted(layers - {name.rpartition(".")[0] for name in fitting}), len(found))
    nodes = tuple(with_eps(n, eps[places[n.path]]) if places.get(n.path) in eps else n for n in graph.nodes)
    return replace(graph, nodes=nodes, weights=Weights(found))


def _wrapper(names: set[str], expected: set[str]) -> str:
    """The wrappers' prefix of all names; none where the network itself has one of the names."""
    prefix = ""
    while names and not names & expected:
        found = [word for word in WRAPPERS if all(name.startswith(word) for name in names)]
        if not found:
            return ""
        prefix += found[0]
        names = {name.removeprefix(found[0]) for name in names}
    return prefix


def report_missing(graph: Graph, missing: list[str], fitting: int) -> None:
    """Warn of the layers that keep their initial weights. Raises ArchError where none has others."""
    if not fitting:
        raise ArchError(f"no layer of {graph.name} has weights of its size there; allowed: a network with some equal")
    if missing:
        listed = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        warnings.warn(
            f"{len(missing)} of {len(missing) + fitting} layers of {graph.name} keep their initial weights: {listed}",
            stacklevel=3,
        )


def _eps_of(metadata: Mapping[str, str]) -> dict[str | None, Any]:
    """Place of a norm's module → its eps, of a file's metadata. Raises ArchError for values that are no eps."""
    try:
        found = json.loads(metadata.get(EPS_KEY, "{}"))
    except ValueError:
        found = None
    values = list(found.values()) if isinstance(found, dict) else ["no object"]
    if not all(value is None or (isinstance(value, float) and 0 <= value < 1) for value in values):
        raise ArchError(f"the file's {EPS_KEY} is {shorten(found)}; allowed: numbers from 0 to under 1, by module")
    return dict(found)


def with_eps(node: Node, eps: float | None) -> Node:
    """The node with another eps, where it is a norm; other nodes are returned unchanged."""
    if isinstance(node.op, RMSNorm):
        return node._replace(op=replace(node.op, eps=eps))
    return node._replace(op=replace(node.op, eps=eps)) if isinstance(node.op, NORMS) and eps is not None else node
