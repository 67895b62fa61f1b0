"""The network argument of the public functions: a catalogue name, a Spec, a Graph or an nn.Module → Graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import archs
from archs import Graph, Spec
from costmodel.errors import CostError

if TYPE_CHECKING:
    from torch import nn

Network: TypeAlias = Union[str, Spec, Graph, "nn.Module"]
"""What a public function takes for a network; a module needs `input_shape` beside it."""

EXPECTED = "a catalogue name (archs.names()), an archs.Spec, an archs.Graph, or an nn.Module with input_shape"
SHAPES = "(channels, height, width), with or without a batch of 1 before it"


def as_graph(network: Network, input_shape: Sequence[int] | None = None) -> Graph:
    """The graph of a network, for images of `input_shape`: (channels, height, width), or with a batch of 1 before it.

    Without `input_shape` a name, a Spec and a Graph have their own; a module needs one. Raises TypeError for anything
    else, ArchError for a network that does not build, CostError for a shape that the network does not take.

    >>> as_graph("mobilenet_v2", (1, 3, 96, 96)).input
    (3, 96, 96)
    """
    if isinstance(network, Graph):
        return _checked(network, input_shape) if input_shape is not None else network
    shape = image_shape(input_shape) if input_shape is not None else None
    if isinstance(network, str):
        network = archs.spec(network)
    if isinstance(network, Spec):
        return archs.build(_for_image(network, shape) if shape else network)
    if not _is_module(network):
        raise TypeError(f"found {_what(network)}; a network is {EXPECTED}{_hint(network)}")
    if shape is None:
        raise TypeError(f"{type(network).__name__} is an nn.Module: pass input_shape=(channels, height, width) as well")
    return archs.from_module(network, shape)


def image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Channels, height and width of one image, from a shape with or without a batch of 1, or from a tensor.

    >>> image_shape((1, 3, 224, 224)), image_shape([3, 96, 96])
    ((3, 224, 224), (3, 96, 96))
    """
    sides = getattr(shape, "shape", shape)  # a tensor, as other counters take it
    try:
        found = tuple(int(side) for side in sides)
    except (TypeError, ValueError):
        raise CostError(
            f"input_shape is {shape!r}; allowed: (channels, height, width), with or without a batch of 1"
        ) from None
    if len(found) == 4 and found[0] != 1:
        raise CostError(
            f"input_shape is {found}, a batch of {found[0]}; counts are of one image, and a profile has its own batch: "
            "pass (channels, height, width)"
        )
    channels_height_width = found[-3:]
    if len(found) not in (3, 4) or min(channels_height_width) < 1:
        raise CostError(f"input_shape is {found}; allowed: {SHAPES}")
    channels, height, width = channels_height_width
    return channels, height, width


def _for_image(spec: Spec, shape: tuple[int, int, int]) -> Spec:
    channels, height, width = shape
    side: Any = height if height == width else (height, width)
    return spec.edit(input_channels=channels, resolution=side)


def _checked(graph: Graph, input_shape: Sequence[int]) -> Graph:
    shape = image_shape(input_shape)
    if shape != tuple(graph.input):
        raise CostError(f"input_shape is {shape}, and this graph is of {tuple(graph.input)}; build it for that shape")
    return graph


def _is_module(value: object) -> bool:
    import sys

    torch = sys.modules.get("torch")  # a module exists only where torch has been imported
    return torch is not None and isinstance(value, torch.nn.Module)


def _what(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def _hint(value: object) -> str:
    if isinstance(value, type):
        return f"; make an instance of it first: {value.__name__}()"
    if isinstance(value, dict):
        return "; put a state_dict into its module with load_state_dict first"
    if hasattr(value, "__fspath__"):
        return "; read a file with archs.from_onnx(path) or archs.Spec.from_json(text)"
    return ""
