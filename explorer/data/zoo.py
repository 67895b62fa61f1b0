"""The networks of torchvision and timm, where they are installed: a closed list of names, each built without memory.

Neither is ever required. A name that is not in the library's list is refused before the library is called.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from archs import ArchError, Graph, from_module
from archs.caching import cached
from archs.errors import shorten

if TYPE_CHECKING:
    from torch import nn

LIBRARIES = ("torchvision", "timm")
SIZE = 224


@cached(1, "the page Import asks with every run, and each answer looks through all of the path")
def installed() -> tuple[str, ...]:
    """The libraries that are there; they are not imported for that."""
    return tuple(name for name in LIBRARIES if find_spec(name))


@cached(4, "listing the networks of a library imports it")
def names(library: str) -> tuple[str, ...]:
    """The classification networks that a library lists. Raises ArchError where it cannot be imported."""
    if library not in LIBRARIES:
        raise ArchError(f"library is {shorten(library)}; allowed: {', '.join(LIBRARIES)}")
    try:
        if library == "torchvision":
            from torchvision import models

            return tuple(models.list_models(module=models))
        import timm

        return tuple(timm.list_models(pretrained=False))
    except (ImportError, RuntimeError) as error:  # a torchvision that was built for another torch
        raise ArchError(f"{library} is installed and cannot be imported: {shorten(str(error), 120)}") from None


def graph(library: str, name: str, size: tuple[int, int] | None = None) -> Graph:
    """The graph of a network of the list, on its default image size or on `size` (height, width); without weights."""
    import torch

    if name not in names(library):
        raise ArchError(f"{shorten(name)} is no network of {library}; allowed: one of its list")
    with torch.device("meta"):
        module = _module(library, name)
    shape = _shape(module, name)
    return from_module(module, (shape[0], *size) if size else shape, name.partition(".")[0])


def _module(library: str, name: str) -> nn.Module:
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    from torchvision import models

    # these two draw their first weights one by one, with scipy, by default
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return models.get_model(name, weights=None, **more)


def _shape(module: nn.Module, name: str) -> tuple[int, int, int]:
    config = getattr(module, "default_cfg", None) or {}
    channels, height, width = config.get("input_size") or (3, SIZE, SIZE)
    return (3, 299, 299) if name == "inception_v3" else (channels, height, width)
