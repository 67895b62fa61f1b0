"""Trained weights in and out of files: safetensors, by the names of the exported module, never a pickle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archs.errors import ArchError, shorten
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.codegen import to_source
from archs.interop.pytorch.execute import from_source, state_dict
from archs.ir.graph import Graph
from archs.ir.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


def save_weights(graph: Graph, path: str | Path) -> None:
    """Writes the graph's weights as safetensors, by the names that they have in the exported module.

    `module.load_state_dict(safetensors.torch.load_file(path), strict=False)` takes them. Raises ArchError for a graph
    without weights.
    """
    data = to_safetensors(graph)
    Path(path).write_bytes(data)


def to_safetensors(graph: Graph) -> bytes:
    """What `save_weights` writes."""
    from safetensors.torch import save

    state = state_dict(graph)
    if not state:
        raise ArchError(f"{graph.name} has no weights beside it; allowed: a graph imported from a module that has")
    return save({name: tensor.detach().contiguous().clone() for name, tensor in state.items()})


def load_weights(graph: Graph, path: str | Path) -> Graph:
    """The graph with the weights of a safetensors file that has the exported module's names.

    Nothing in the file is executed. Raises ArchError for a file that is none, and for names or sizes that do not fit.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    with torch.device("meta"):
        module = from_source(to_source(graph))
    own = {name: t for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    try:
        with safe_open(path, framework="pt") as file:
            names = {name for name in list(file.keys()) if not name.endswith("num_batches_tracked")}
            if wrong := sorted(names ^ set(own)):
                raise ArchError(f"{shorten(wrong[0])} is in the file or in {graph.name}, not in both")
            for name in sorted(names):  # sizes first, before any of them is read
                if (size := tuple(file.get_slice(name).get_shape())) != tuple(own[name].shape):
                    raise ArchError(f"{name} has {size} in the file; allowed: {tuple(own[name].shape)}")
            tensors = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ArchError(f"not a safetensors file: {shorten(str(error), 200)}") from None
    found: dict[str, dict[str, Tensor]] = {}
    for node, place in attributes(graph).items():
        if node not in graph.owners:
            named = {n.removeprefix(f"{place}."): t for n, t in tensors.items() if n.rpartition(".")[0] == place}
            if named:
                found[node] = named
    return replace(graph, weights=Weights(found))
