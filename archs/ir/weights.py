"""The trained tensors of a network, beside its graph. Files are read and written in `archs.transforms.weights`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Weights(Mapping[str, Mapping[str, "Tensor"]]):
    """Node path → name in the node's module → tensor: `weights["stem/conv"]["weight"]`. Read-only.

    The tensors are kept by reference: nothing is copied until a module takes them.

    >>> import torch
    >>> Weights({"stem/conv": {"weight": torch.zeros(8, 3, 3, 3)}})["stem/conv"]["weight"].shape
    torch.Size([8, 3, 3, 3])
    """

    def __init__(
        self,
        tensors: Mapping[str, Mapping[str, Tensor]],
        unused: Mapping[str, int] | None = None,
        stored_bytes: int | None = None,
    ):
        """Takes the tensors of each node by path, and `unused`: parameter name → elements."""
        self.stored_bytes = stored_bytes
        """Bytes of the parameters in the file that they are from: of a quantised one a quarter of their floats'."""
        self._tensors = {path: dict(named) for path, named in tensors.items()}
        self.unused = dict(unused or {})
        """Parameters of the original that its forward never reads, with their number of elements: a second head."""

    def __getitem__(self, path: str) -> Mapping[str, Tensor]:
        return self._tensors[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"Weights of {len(self)} nodes"
