"""The counting convention: its date, and the two choices on which counters differ.

What is counted of each operator is in `costmodel.counting.counts`, what is free in `costmodel.counting.kinds`.
"""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.errors import CostError


class ConventionDate(str):
    """The date of the counting convention: the day on which a number last changed its meaning.

    One multiply-add is one, of convolutions and linear layers without bias; everything is of one image in inference;
    batch norm is counted where it is a node; what is free is listed in `costmodel.counting.kinds`. Results of one date
    can be compared.

    >>> CONVENTION >= "2026-11-22"  # a text of year, month and day
    True
    """

    __slots__ = ()


CONVENTION = ConventionDate("2026-11-22")


@dataclass(frozen=True)
class Convention:
    """The two choices on which counters differ; neither changes multiply-adds or parameters.

    >>> import costmodel
    >>> halves = costmodel.count("mobilenet_v1", convention=Convention(bytes_per_element=2))
    >>> halves.mem_bytes == costmodel.count("mobilenet_v1").mem_bytes / 2
    True
    """

    bytes_per_element: int = 4
    """Bytes of one number in memory: 4 for float32, 2 for float16, 1 for int8. Scales `mem_bytes` and `intensity`."""
    split_copies: bool = False
    """Whether a channel split is a copy, as in some runtimes, or a view, as in PyTorch. A copy adds memory access."""

    def __post_init__(self) -> None:
        """Raises CostError for a value of another type, so that no count is of it."""
        if type(self.bytes_per_element) is not int or not 1 <= self.bytes_per_element <= 64:
            raise CostError(f"bytes_per_element is {self.bytes_per_element!r}; allowed: a whole number from 1 to 64")
        if type(self.split_copies) is not bool:
            raise CostError(f"split_copies is {self.split_copies!r}; allowed: True, False")
