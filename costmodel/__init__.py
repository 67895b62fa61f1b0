"""What a network costs: counts, what other counters say, fragmentation, milliseconds. Networks are in `archs`."""

from costmodel.counts import CONVENTION, Convention, Counts, NetworkCounts, count
from costmodel.errors import CostError
from costmodel.fragmentation import BlockFragmentation, Fragmentation, fragmentation

__all__ = [
    "CONVENTION",
    "BlockFragmentation",
    "Convention",
    "CostError",
    "Counts",
    "Fragmentation",
    "NetworkCounts",
    "count",
    "fragmentation",
]
