"""What the importer reads, wherever it comes from: ATen calls in the order of execution, and the tensors they name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, fx


@dataclass(frozen=True)
class Program:
    """An `fx` graph whose nodes have fake tensors in `meta["val"]` and where they run in `meta["nn_module_stack"]`.

    Its one placeholder without a tensor or example is the batch of images, `archs.interop.aten.steps.BATCH` of them.
    """

    called: str
    """What it is called in errors."""
    graph: fx.Graph
    sources: Mapping[str, str]
    """Placeholder → the tensor that it stands for."""
    tensors: Mapping[str, Tensor]
    trained: Collection[str]
    """The tensors that are parameters, by all their names."""
    examples: Mapping[str, Tensor] = field(default_factory=dict)
    """Placeholders of further inputs → their values; those with a first side of BATCH have one per image."""
    stored_bytes: int | None = None
    """Bytes that the parameters take in the file that they are from."""
    outputs: Sequence[str] = ()
    """What each output is called: its key, or its number."""
    note: str = ""
    """What a user has to know of how it was read."""
