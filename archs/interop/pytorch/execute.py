"""Exported text → module, with the graph's weights in it.

The module that is timed, and the one that other tools count, is this text, executed. That is safe because nothing
free-form reaches it: sizes are ints, operators are spelled by `archs.ir.ops`, and every name is an `identifier`.
"""

from __future__ import annotations

import linecache
import warnings
from typing import TYPE_CHECKING

from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.interop.pytorch.attribute_names import attributes
from archs.interop.pytorch.codegen import to_source
from archs.ir.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_PARAMS = 2**31  # 8 GiB in float32
MAX_QUOTED_TEXTS = 64
"""Executed texts that tracebacks can quote."""


def to_module(graph: Graph) -> nn.Module:
    """The module that `to_source(graph)` defines: that text, executed, with the graph's weights where it has some.

    Layers without trained weights, as an edit leaves them, keep torch's initial ones, and a warning says how many.
    Raises ArchError for a network of more than 2³¹ parameters.
    """
    params = sum(graph.params(node) for node in graph.nodes)
    if params > MAX_PARAMS:
        raise ArchError(f"{graph.name} has {params:,} parameters; allowed in a module: up to {MAX_PARAMS:,}")
    module = from_source(to_source(graph))
    if graph.weights is not None:
        put(module, state_dict(graph))
    return module


def state_dict(graph: Graph) -> dict[str, Tensor]:
    """The graph's weights by the names that they have in the exported module; none where they have no elements."""
    if graph.weights is None:
        return {}
    places = attributes(graph)
    found = {
        f"{places[path]}.{name}": tensor
        for path, tensors in graph.weights.items()
        if path not in graph.owners
        for name, tensor in tensors.items()
    }
    return {} if any(tensor.is_meta for tensor in found.values()) else found


def put(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Copies tensors into a module by name; warns of parameters without one.

    Raises ArchError for unknown names and for sizes that do not fit.
    """
    expected = {name: t for name, t in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    if not state:
        return
    if unknown := [name for name in state if name not in expected]:
        raise ArchError(f"{shorten(unknown[0])} is in the weights, not in the network")
    if missing := [name for name in expected if name not in state]:
        listed = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        warnings.warn(
            f"{len(missing)} of {len(expected)} tensors have no trained weights and keep initial ones: {listed}",
            stacklevel=3,
        )
    for name, tensor in state.items():
        if tensor.numel() != expected[name].numel():
            found, allowed = (" × ".join(map(str, t.shape)) for t in (tensor, expected[name]))
            raise ArchError(f"{name} has {found} elements; allowed: {allowed}")
    module.load_state_dict({name: t.reshape(expected[name].shape) for name, t in state.items()}, strict=False)


@guided()
def from_source(text: str) -> nn.Module:
    """Executes a text that `to_source` wrote and makes its last class. Not for a text from anywhere else.

    Raises ArchError for a text that is no Python, or has no class of a module that takes no arguments.

    Args:
        text: Python source, which is executed.

    >>> import archs
    >>> sum(parameter.numel() for parameter in from_source(archs.to_source("mobilenet_v1")).parameters())
    4231976
    """
    if not isinstance(text, str):
        raise TypeError(f"found {shorten(text)}; allowed: the text of a file, Path(name).read_text()")
    filename = f"<exported {abs(hash(text)):x}>"
    _remember(filename, text)
    namespace: dict[str, object] = {"__name__": "exported"}
    try:
        exec(compile(text, filename, "exec"), namespace)
        network = [value for value in namespace.values() if isinstance(value, type)][-1]
        return network()
    except (SyntaxError, IndexError, TypeError, NameError, ImportError, ValueError) as error:
        reason = f"{type(error).__name__}: {shorten(str(error), 200)}"
        raise ArchError(f"not a text of archs.to_source, whose last class is the network ({reason})") from error


def _remember(filename: str, text: str) -> None:
    """Keeps a text where tracebacks and torch.fx look for it; only the last ones, as a server exports for weeks."""
    linecache.cache.pop(filename, None)
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exported = [name for name in linecache.cache if name.startswith("<exported ")]
    for name in exported[:-MAX_QUOTED_TEXTS]:
        del linecache.cache[name]
