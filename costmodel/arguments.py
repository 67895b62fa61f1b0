"""The network argument of the public functions: a catalogue name, a Spec, a Graph or an nn.Module → Graph."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, Union

import archs
from archs import Graph, Spec
from archs.errors import shorten
from archs.networks import described
from costmodel.errors import CostError

if TYPE_CHECKING:
    from torch import nn

Network: TypeAlias = Union[str, Spec, Graph, "nn.Module"]
"""What a public function takes for a network; a module needs `input_shape` beside it."""

EXPECTED = "a catalogue name (archs.names()), an archs.Spec, an archs.Graph, or an nn.Module with input_shape"
SHAPES = "(channels, height, width), with or without a batch of 1 before it"


def as_threads(threads: object) -> int:
    """A number of threads to time with. Raises CostError for one below 1 or above the machine's cores.

    >>> as_threads(1), as_threads(10**6)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    costmodel.errors.CostError: threads is 1000000; allowed: a whole number from 1 to ..., the cores of this machine
    """
    cores = os.cpu_count() or 1
    if type(threads) is int and 1 <= threads <= cores:
        return threads
    raise CostError(
        f"threads is {shorten(threads)}; allowed: a whole number from 1 to {cores}, the cores of this machine"
    )


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
    if not is_module(network):
        raise TypeError(f"found {described(network)}; a network is {EXPECTED}")
    if shape is None:
        raise TypeError(f"{type(network).__name__} is an nn.Module: pass input_shape=(channels, height, width) as well")
    return archs.from_module(network, shape)


def as_list(networks: Iterable[Network]) -> list[Network]:
    """Several networks. Raises TypeError for a single one."""
    if isinstance(networks, (str, Spec, Graph)) or is_module(networks) or not isinstance(networks, Iterable):
        raise TypeError(f"found {described(networks)}; allowed: a list of networks, or any other iterable of them")
    return list(networks)


def image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Channels, height and width of one image, from a shape with or without a batch of 1, or from a tensor.

    >>> image_shape((1, 3, 224, 224)), image_shape([3, 96, 96])
    ((3, 224, 224), (3, 96, 96))
    """
    found = as_sides(shape)
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


def as_sides(shape: Sequence[int]) -> tuple[int, ...]:
    """The sides of a shape, or of a tensor, as other counters take it. Raises CostError."""
    try:
        return tuple(int(side) for side in getattr(shape, "shape", shape))
    except (TypeError, ValueError):
        meant = f"; a device is profile={shape!r}, an allocator allocator=…" if isinstance(shape, str) else ""
        raise CostError(f"input_shape is {shorten(shape)}; allowed: {SHAPES}{meant[:90]}") from None


def _for_image(spec: Spec, shape: tuple[int, int, int]) -> Spec:
    channels, height, width = shape
    if width in (1, 3) and channels > 16 and height > 16:
        raise CostError(f"input_shape is {shape}, (height, width, channels); allowed: {(width, channels, height)}")
    side: Any = height if height == width else (height, width)
    return spec.edit(input_channels=channels, resolution=side)


def _checked(graph: Graph, input_shape: Sequence[int]) -> Graph:
    shape = image_shape(input_shape)
    if shape != tuple(graph.input):
        raise CostError(f"input_shape is {shape}, and this graph is of {tuple(graph.input)}; build it for that shape")
    return graph


def is_module(value: object) -> TypeGuard[nn.Module]:
    """Whether a value is an nn.Module. Does not import torch."""
    import sys

    # None where torch has not been imported, and while another thread is importing it
    module = getattr(sys.modules.get("torch.nn"), "Module", None)
    return module is not None and isinstance(value, module)
